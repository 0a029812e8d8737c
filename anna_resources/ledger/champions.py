"""What the ledger says of champions: `champion.yaml` on a task's branch is who scores, `request.yaml` who is asked for.

`challenger.yaml` is who scores along with the champion, without being published.

Every press is a commit there. Whether it may be pressed is decided while nobody else writes, so two presses at once
never make two champions: the later one finds the earlier one's.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from anna_core.keys import parse_sample_key
from anna_core.strict import explain
from anna_resources.ledger.ledger import branch_of
from anna_resources.ledger.repository import Change, LedgerError, Repository
from anna_resources.settings import Settings

CHAMPION_FILE, REQUEST_FILE, CHALLENGER_FILE = "champion.yaml", "request.yaml", "challenger.yaml"
_LAUNCH = re.compile(r"Launch (\S+)")  # a commit of one begins so, and has no more: a person may be called Launch
_RUN = "run "  # what the last line of a press's commit begins with; the run's id follows
_LAST_RUN = re.compile(rf"(?:\n|^){_RUN}\S+\s*$")
_Kept = TypeVar("_Kept", bound=BaseModel)


class Turn(StrEnum):
    """How a champion came to be it."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


class Ask(BaseModel):
    """What somebody asks for.

    Attributes:
        tag: the launch that is to score.
        turn: whether it is new, or was champion before.
        asked_by: the person, as claimed.
        asked_at: when, in UTC.
        why: in the person's words.
        gates: gate → what was found; those that did not pass are in `overridden`, too.
        overridden: gate that did not pass → why it may be passed over, in the person's words.
        instead_of: tag of the champion of then; empty where there was none.
        newest: tag of the task's newest launch of then.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    turn: Turn
    asked_by: str
    asked_at: dt.datetime
    why: str
    gates: dict[str, str]
    overridden: dict[str, str]
    instead_of: str
    newest: str


class Champion(Ask):
    """Who scores.

    Attributes:
        run: id of the first of the Dagster runs that made it so.
        approved_by: the second person, as claimed; empty where one was enough.
        approved_why: why that person agreed.
        since: when it became champion, in UTC.
        before: tag of the launch that a rollback goes to; empty where there is none.
    """

    run: str
    approved_by: str = ""
    approved_why: str = ""
    since: dt.datetime
    before: str = ""


class Challenger(BaseModel):
    """Who scores along with the champion.

    Attributes:
        tag: the launch.
        by: who had it so, as claimed.
        why: in the person's words.
        since: when, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    by: str
    why: str
    since: dt.datetime


@dataclass(frozen=True)
class Champions:
    """The champions of all tasks.

    Attributes:
        repository: of the ledger.
    """

    repository: Repository

    @classmethod
    def of(cls, settings: Settings) -> "Champions":
        """Those of a deployment."""
        return cls(Repository.of(settings))

    def current(self, task: str) -> Champion | None:
        """The champion of a task; None where there is none. Raises `LedgerError` where it cannot be read."""
        return self._read(task, CHAMPION_FILE, Champion, self.repository.head(branch_of(task)))

    def tasks(self) -> list[str]:
        """All tasks that were ever launched, in order."""
        return [branch.removeprefix(branch_of("")) for branch in self.repository.branches(branch_of(""))]

    def request(self, task: str) -> Ask | None:
        """What is asked for and not yet decided; None where nothing is."""
        return self._read(task, REQUEST_FILE, Ask, self.repository.head(branch_of(task)))

    def challenger(self, task: str) -> Challenger | None:
        """Who scores along with the champion of a task; None where nobody does."""
        return self._read(task, CHALLENGER_FILE, Challenger, self.repository.head(branch_of(task)))

    def champion_at(self, task: str, commit: str | None) -> Champion | None:
        """The champion of a task as of a commit; None where there was none, as before the first commit."""
        return self._read(task, CHAMPION_FILE, Champion, commit)

    def request_at(self, task: str, commit: str | None) -> Ask | None:
        """What was asked for as of a commit; None where nothing was."""
        return self._read(task, REQUEST_FILE, Ask, commit)

    def challenger_at(self, task: str, commit: str | None) -> Challenger | None:
        """Who scored along as of a commit; None where nobody did."""
        return self._read(task, CHALLENGER_FILE, Challenger, commit)

    def commit_of(self, task: str, run: str) -> tuple[str, str | None] | None:
        """The commit of the press that a run made, and the one before it, if any; None where it has made none."""
        branch = branch_of(task)
        if self.repository.head(branch) is None:
            return None
        asked = ("--extended-regexp", f"--grep=^{_RUN}{re.escape(run)}$")
        found = self.repository.git.run("log", "-1", "--format=%H %P", *asked, f"refs/heads/{branch}").split()
        return (found[0], found[1] if len(found) > 1 else None) if found else None

    def past(self, task: str) -> list[Champion]:
        """All champions of a task, the newest first; one that came back stands there again."""
        commits = self.repository.commits_of(branch_of(task), CHAMPION_FILE)
        found = (self._read(task, CHAMPION_FILE, Champion, commit) for commit in commits)
        return [champion for champion in found if champion is not None]

    def newest_launch(self, task: str) -> str:
        """Tag of the task's newest launch; empty where there is none."""
        found = map(_LAUNCH.fullmatch, self.repository.subjects_of(branch_of(task)))
        return next((launch[1] for launch in found if launch), "")

    def ask(self, ask: Ask, run: str = "") -> None:
        """Put a request on record, in place of one that is open.

        Args:
            ask: what is asked for.
            run: id of the first of the Dagster runs that ask.

        Raises:
            LedgerError: another launch became champion meanwhile.
        """
        title = f"{ask.asked_by} asks for {ask.tag}"
        self._change(ask, lambda head: {REQUEST_FILE: _as_yaml(ask)}, title, ask.asked_by, run)

    def make(self, ask: Ask, run: str, approved_by: str = "", approved_why: str = "") -> Champion:
        """Make a launch the champion, and end the open request.

        Args:
            ask: what was asked for.
            run: id of the Dagster run.
            approved_why: why the second person agreed.
            approved_by: the second person; empty where one is enough.

        Raises:
            LedgerError: another launch became champion meanwhile, or what was approved is asked for no more.
        """
        task = parse_sample_key(ask.tag.partition("@")[0]).task
        champion = Champion(
            **dict(ask),
            run=run,
            approved_by=approved_by,
            approved_why=approved_why,
            since=_now(),
            before=self._before(task, ask),
        )
        title = f"{ask.tag} is {ask.turn.value} by {ask.asked_by}"
        title += f", approved by {approved_by}" if approved_by else ""
        title += f"\n\n{approved_why}" if approved_why else ""

        def files(head: str | None) -> dict[str, str | None]:
            if approved_by and not _is_same(self._read(task, REQUEST_FILE, Ask, head), ask):
                raise _answered(ask)
            along = self._read(task, CHALLENGER_FILE, Challenger, head)
            ended = {CHALLENGER_FILE: None} if along and along.tag == ask.tag else {}
            return {CHAMPION_FILE: _as_yaml(champion), REQUEST_FILE: None, **ended}

        self._change(ask, files, title, approved_by or ask.asked_by, run)
        return champion

    def decline(self, task: str, ask: Ask, who: str, why: str, run: str = "") -> None:
        """End a request.

        Raises:
            LedgerError: it is open no more.
        """

        def make(head: str | None) -> Change:
            if self._read(task, REQUEST_FILE, Ask, head) != ask:
                raise _answered(ask)
            return Change({REQUEST_FILE: None}, _message(f"{who} declines {ask.tag}", why, run=run), by=who)

        self.repository.commit(branch_of(task), make)

    def challenge(self, task: str, tag: str, who: str, why: str, run: str = "") -> Challenger:
        """Let a launch score along with the champion, in place of one that does."""
        challenger = Challenger(tag=tag, by=who, why=why, since=_now())
        files: dict[str, str | None] = {CHALLENGER_FILE: _as_yaml(challenger)}
        told = _message(f"{tag} scores along, by {who}", why, run=run)
        self.repository.commit(branch_of(task), lambda head: Change(files, told, by=who))
        return challenger

    def stand_down(self, task: str, who: str, why: str, run: str = "") -> Challenger:
        """Let nobody score along any more; return who did.

        Raises:
            LedgerError: nobody does.
        """
        ended: list[Challenger] = []

        def make(head: str | None) -> Change:
            now = self._read(task, CHALLENGER_FILE, Challenger, head)
            if now is None:
                raise LedgerError(f"Nobody scores along with the champion of {task}.")
            ended[:] = [now]
            told = _message(f"{now.tag} scores along no more, by {who}", why, run=run)
            return Change({CHALLENGER_FILE: None}, told, by=who)

        self.repository.commit(branch_of(task), make)
        return ended[0]

    def _before(self, task: str, ask: Ask) -> str:
        """Where a rollback from a new champion goes: of one that came back, where it went when it was champion."""
        if ask.turn is Turn.PROMOTED:
            return ask.instead_of
        return next((past.before for past in self.past(task) if past.tag == ask.tag), "")

    def _change(
        self, ask: Ask, files: Callable[[str | None], dict[str, str | None]], title: str, by: str, run: str
    ) -> None:
        task = parse_sample_key(ask.tag.partition("@")[0]).task

        def make(head: str | None) -> Change:
            now = self._read(task, CHAMPION_FILE, Champion, head)
            if (now.tag if now else "") != ask.instead_of:
                raise LedgerError(
                    f"{now.tag if now else 'nobody'} became champion of {task} meanwhile, instead of "
                    f"{ask.instead_of or 'nobody'}: nothing is changed. Look at it, and press again."
                )
            gates = "\n".join(f"{name}: {told}" for name, told in ask.gates.items())
            over = "\n".join(f"{name} is passed over: {reason}" for name, reason in ask.overridden.items())
            return Change(files(head), _message(title, ask.why, gates, over, run=run), by=by)

        self.repository.commit(branch_of(task), make)

    def _read(self, task: str, file: str, kind: type[_Kept], commit: str | None) -> _Kept | None:
        text = self.repository.read(commit, file) if commit else None
        if text is None:
            return None
        try:
            return kind.model_validate(yaml.safe_load(text))
        except (ValidationError, yaml.YAMLError) as error:
            told = explain(error, file) if isinstance(error, ValidationError) else str(error)
            raise LedgerError(
                f"{file} of {task} in the ledger {self.repository.folder} cannot be read: {told}. It was changed by "
                "hand, or by another version of ANNA."
            ) from error


def without_run(message: str) -> str:
    """What a commit of a press says, without the run that made it."""
    return _LAST_RUN.sub("", message).strip()


def _message(*parts: str, run: str) -> str:
    """What a commit of a press says; the run that made it stands last, so that its retry finds what it did."""
    return "\n\n".join(part for part in (*parts, f"{_RUN}{run}" if run else "") if part)


def _is_same(request: Ask | None, ask: Ask) -> bool:
    """Whether an open request is what was asked for, whatever its gates say by now."""
    given = {"gates": ask.gates, "overridden": ask.overridden}
    return request is not None and request.model_copy(update=given) == ask


def _answered(ask: Ask) -> LedgerError:
    return LedgerError(f"The request for {ask.tag} is open no more: somebody was faster. Look again.")


def _as_yaml(content: BaseModel) -> str:
    told: dict[str, Any] = content.model_dump(mode="json")
    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
