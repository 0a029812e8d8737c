"""The ledger's remote: a second copy of it, to which all that is committed is pushed soon after.

Nothing that is there is ever overwritten. The ledger is written by ANNA alone, so whatever the remote holds beside it
was pushed by somebody else: that is told by name, and left for a person to decide. To merge it would be to record a
press that passed no gate.
"""

import datetime as dt
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core import storage
from anna_core.errors import in_words
from anna_resources.clock import this_second
from anna_resources.ledger.ledger import branch_of
from anna_resources.ledger.repository import MAIN, TAGS, LedgerError, Repository, full_ref
from anna_resources.settings import Settings

# Neither asks: nobody is there to answer. A line that went dead is noticed before the time is up.
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=10 -o ServerAliveCountMax=3"
_HTTP = ("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60")
_SECONDS = 300.0  # for one command; a ledger of 10,000 launches has some 20 MB
_TOLD = 3  # commits of somebody else that are told one by one
_CREDENTIALS = "ANNA_LEDGER_CREDENTIALS_FILE"  # through the environment, so that its name needs no quotes
_HELPER = f'!f() {{ test "$1" = get && cat "${_CREDENTIALS}"; }}; f'


class Pushed(BaseModel):
    """What is known of the remote, as of the last push.

    Attributes:
        url: of the remote.
        refs: each branch → the head, and each tag → the object, that the remote is known to hold.
        at: when it last took all that there was, in UTC; None if it never did.
        problem: why it did not at the last attempt; empty where it did.
        is_refused: whether that is as somebody else wrote there.
        failures: how often it failed in a row.
        failed_at: Unix time of the last failure.
        lost: what the remote once held and no longer did, in a sentence, of the latest time that it was so.
    """

    model_config = ConfigDict(frozen=True)

    url: str = ""
    refs: dict[str, str] = {}
    at: dt.datetime | None = None
    problem: str = ""
    is_refused: bool = False
    failures: int = 0
    failed_at: float = 0.0
    lost: str = ""


@dataclass(frozen=True)
class Waiting:
    """What the remote does not hold yet.

    Attributes:
        commits: how many.
        since: when the earliest of them was made; None where there are none.
    """

    commits: int = 0
    since: dt.datetime | None = None


@dataclass(frozen=True)
class Remote:
    """The remote of a deployment's ledger.

    Attributes:
        repository: the ledger's.
        url: where it is pushed to.
        credentials: file of the lines `username=…` and `password=…`, for https; None for none.
        seconds: after so many a command that talks to it is ended.
    """

    repository: Repository
    url: str
    credentials: Path | None = None
    seconds: float = _SECONDS

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """That of a deployment; None where there is none."""
        if (url := settings.ledger.remote) is None:
            return None
        file = settings.ledger.credentials
        return cls(Repository.of(settings), url, settings.home / file if file is not None else None)

    @property
    def file(self) -> Path:
        """What is known of it, beside the ledger's heads."""
        return self.repository.heads.with_name("remote.json")

    def known(self) -> Pushed:
        """What is known of it; nothing where it is another than before, or nothing was ever pushed."""
        try:
            found = Pushed.model_validate_json(self.file.read_bytes())
        except (FileNotFoundError, ValidationError):  # only a memory: the next push asks the remote itself
            return Pushed(url=self.url)
        return found if found.url == self.url else Pushed(url=self.url)

    def is_behind(self) -> bool:
        """Whether the ledger holds a branch's head or a tag that the remote is not known to hold."""
        held = self.known().refs
        return any(held.get(name) != found for name, found in self._ours().items())

    def waiting(self) -> Waiting:
        """The commits that the remote is not known to hold. Raises `GitError`."""
        git, held = self.repository.git, [f"^{found}" for found in self.known().refs.values()]
        if not (ours := self._ours()):
            return Waiting()
        given = "\n".join([*ours.values(), *held, ""])  # an old head that is gone from here counts for nothing
        dates = git.run("log", "--ignore-missing", "--format=%cI", "--stdin", given=given)
        moments = [dt.datetime.fromisoformat(line) for line in dates.splitlines()]
        return Waiting(len(moments), min(moments, default=None))

    def standing(self) -> str:
        """What the remote does not hold, since when and why, in a sentence; empty where it holds all.

        Raises:
            GitError: git fails.
        """
        known = self.known()
        if not known.problem and not self.is_behind():
            return ""
        found = self.waiting()
        if not found.commits and known.problem:
            return known.problem
        since = f", the earliest since {found.since.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC" if found.since else ""
        what = (
            f"{found.commits:,} commit{'s' * (found.commits != 1)} of the ledger wait to be pushed to {self.url}{since}"
        )
        return f"{what}: {known.problem or 'that is about to be done'}".removesuffix(".") + "."

    def push(self) -> str:
        """Push all that the remote does not hold; return why some of it was not, or nothing.

        It never raises: what stands in the way is kept, and told by `known`.
        """
        known = self.known()
        try:
            self.repository.check()  # a ledger that was rewritten is no copy's example
            theirs, ours = self._theirs(), self._ours()
            foreign = self._foreign(ours, theirs)
            moves = {name: new for name, new in ours.items() if theirs.get(name) != new and name not in foreign}
            if moves:
                pairs = [f"{new}:{full_ref(name)}" for name, new in moves.items()]
                self._ask("push", "--quiet", "--atomic", self.url, *pairs)
            problem = " ".join(self._told(name, ours.get(name), theirs[name]) for name in foreign)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told, and somebody comes back to it
            self._keep(known, in_words(error))
            return in_words(error)
        held = {name: moves.get(name, theirs.get(name, "")) for name in ours if name not in foreign}
        gone = [name for name, was in known.refs.items() if name in moves and theirs.get(name) != was]
        lost = known.lost
        if gone:
            lost = f"It no longer held what was pushed of {', '.join(gone)}, which was pushed again at {this_second()}."
        self._keep(known.model_copy(update={"refs": held, "lost": lost}), problem, is_refused=bool(problem))
        return problem

    def _foreign(self, ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
        """Branches and tags that hold there what they do not here."""
        others = [name for name, there in theirs.items() if ours.get(name) != there]
        is_ancestor = self.repository.is_ancestor
        return [
            name
            for name in others
            if name not in ours or name.startswith(TAGS) or not is_ancestor(theirs[name], ours[name])
        ]

    def _told(self, name: str, here: str | None, there: str) -> str:
        """What somebody else wrote to the remote, and what to do about it."""
        full, git = full_ref(name), self.repository.git
        self._ask("fetch", "--quiet", "--no-tags", self.url, full)
        own = [f"^{here}"] if here is not None else []
        lines = git.run("log", "--format=%h by %an of %cs: %s", there, *own, "--").splitlines()
        what = f"{'tag' if name.startswith(TAGS) else 'branch'} {name.removeprefix(TAGS)}"
        shown = "; ".join(lines[:_TOLD]) + (f"; and {len(lines) - _TOLD} more" if len(lines) > _TOLD else "")
        commits = f"{len(lines)} commit(s) that this ledger does not have ({shown})" if lines else "another commit"
        call = f"git --git-dir={shlex.quote(str(self.repository.folder))} push"
        cure = f"{call} --force-with-lease={full}:{there} {shlex.quote(self.url)} {here or ''}:{full}"
        return (
            f"The ledger's remote {self.url} went ahead: {what} there holds {commits}. ANNA alone writes the ledger: "
            f"nothing was pushed to it, and nothing is overwritten. If it is to go, have somebody run: {cure}. If the "
            "remote is right and this ledger is not, bring the ledger back from it: docs/production.md tells how."
        )

    def _theirs(self) -> dict[str, str]:
        """What the remote holds of the branches and tags that ANNA writes."""
        listed = self._ask("ls-remote", "--refs", self.url, "refs/heads/*", "refs/tags/*")
        refs = (line.partition("\t") for line in listed.splitlines())
        named = {name.removeprefix("refs/").removeprefix("heads/"): found for found, _, name in refs}
        return {name: found for name, found in named.items() if _is_ours(name)}

    def _ours(self) -> dict[str, str]:
        return {name: found for name, found in self.repository.refs().items() if _is_ours(name)}

    def _ask(self, *arguments: str) -> str:
        """Run a command that talks to the remote; raises `GitError`, within the time."""
        extra, login = {"GIT_SSH_COMMAND": _SSH}, ["-c", "credential.helper="]
        if (file := self.credentials) is not None:
            _check_private(file)
            extra[_CREDENTIALS] = str(file)
            login += ["-c", f"credential.helper={_HELPER}"]
        return replace(self.repository.git, seconds=self.seconds).run(*_HTTP, *login, *arguments, extra=extra)

    def _keep(self, known: Pushed, problem: str, is_refused: bool = False) -> None:
        told: dict[str, object] = {"problem": problem, "is_refused": is_refused}
        if problem:
            told |= {"failures": known.failures + 1, "failed_at": time.time()}
        else:
            told |= {"failures": 0, "failed_at": 0.0, "at": this_second()}
        storage.write_text(self.file, known.model_copy(update=told).model_dump_json(indent=1))


def _is_ours(name: str) -> bool:
    return name == MAIN or name.startswith((branch_of(""), TAGS))


def _check_private(file: Path) -> None:
    """Raise `LedgerError` where a file of a password is not there, or others than its owner may read it."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise LedgerError(
            f"ledger.credentials in anna.yaml: {file}: {error.strerror}. Make it, or unset it."
        ) from error
    if mode & 0o077:
        raise LedgerError(f"ledger.credentials in anna.yaml: others may read {file}. Run: chmod 600 {file}")
