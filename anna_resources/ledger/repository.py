"""A repository that only grows: one writer at a time, a commit with its tag whole or not at all, rewrites noticed."""

import fcntl
import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from anna_core.errors import AnnaError
from anna_core.storage import write_text
from anna_core.strict import explain
from anna_resources.ledger.git import Git, GitError
from anna_resources.ledger.objects import read_text, write_commit, write_tag, write_tree
from anna_resources.settings import Settings

MAIN, TASKS = "main", "task/"  # a branch, and what the names of those of tasks begin with
_NONE = "0" * 40
TAGS = "tags/"  # what the names of tags begin with, in the file of the heads
_HEADS = TypeAdapter(dict[str, str])


class LedgerError(AnnaError):
    """The ledger is not as it was left, or cannot say what it is asked."""


@dataclass(frozen=True)
class Change:
    """What one commit says.

    Attributes:
        files: path → text of each file that is written; None removes it.
        message: why: a short first line, then whatever else is to be known.
        by: name of the person who asked for it; empty where ANNA does it by itself.
        tag: name of the tag that it gets; empty for none.
    """

    files: Mapping[str, str | None]
    message: str
    by: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Repository:
    """A bare git repository, and beside it the last known head of each branch, and each tag.

    Attributes:
        folder: the repository.
        heads: the file of the heads and tags, outside of the repository, so that what rewrites that does not reach it,
            too.
        lock: descriptor of the lock's file, of one who writes.
    """

    folder: Path
    heads: Path
    lock: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """That of a deployment: `ledger/` in its home, with the last known heads in its storage."""
        return cls(settings.home / "ledger", settings.storage / "ledger" / "heads.json")

    @property
    def git(self) -> Git:
        """The git program on it."""
        return Git(self.folder, held=self.lock)

    @contextmanager
    def writing(self) -> Iterator[Self]:
        """A context in which nobody else writes, and that which may write in it.

        It is given up with the process that holds it, and with the git that this started: that outlives it by a moment,
        and may be about to move a branch.

        What a killed writer left locked is freed, and the repository is made where there is none.

        Raises:
            LedgerError: a branch or tag no longer holds what it held when it was last written.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_suffix(".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self.is_there():
                self._make()
            elif not self.git.is_repository():
                raise LedgerError(
                    f"The ledger {self.folder} is damaged: git knows no repository there. Bring it back from a copy or "
                    f"its remote. To begin a new one instead, move it and {self.heads} away."
                )
            for left in (*self.folder.glob("*.lock"), *(self.folder / "refs").rglob("*.lock")):
                left.unlink()  # git's own, of a writer that was killed: whoever lives holds our lock
            self.check()
            yield replace(self, lock=file.fileno())

    def check(self) -> None:
        """Raise `LedgerError` where a branch lost what it held, or a tag is another: it was rewritten, or removed."""
        known_refs = self._known()
        refs = self.refs() if known_refs else {}
        for name, known in sorted(known_refs.items(), key=lambda ref: ref[0].startswith(TAGS)):
            now = refs.get(name)
            if now == known or (now and not name.startswith(TAGS) and self.is_ancestor(known, now)):
                continue
            what = f"tag {name.removeprefix(TAGS)} held" if name.startswith(TAGS) else f"branch {name} held commit"
            became = f"now holds {now[:12]}, which does not follow from that" if now else "is gone"
            raise LedgerError(
                f"The ledger {self.folder} was rewritten: {what} {known[:12]}, and {became}. {self._cure(name, known)} "
                f"If the rewriting was meant, remove {self.heads}, which remembers the heads and tags."
            )

    def _cure(self, name: str, known: str) -> str:
        """How to bring back what a branch or tag held."""
        if not self.folder.exists() or not self.git.succeeds("cat-file", "-e", known):
            return "Bring it back from a copy or its remote."
        ref = full_ref(name)
        git = f"git --git-dir={shlex.quote(str(self.folder))}"
        file = shlex.quote(str(self.folder / ref))  # git does not write over one that is damaged
        return f"Bring it back by: rm -f {file}; {git} update-ref {ref} {known}."

    def problem(self) -> str:
        """Why nothing can be recorded here, as far as is seen without writing; empty where nothing is in the way."""
        try:
            self.git.version()
            self.check()
            self._open_heads()
        except (LedgerError, GitError) as error:
            return str(error)
        return ""

    def _open_heads(self) -> None:
        """Raise `LedgerError` where a branch or tag names what is not there, or is damaged: refs alone look whole."""
        if not self.folder.exists():
            return
        try:
            self.git.run("for-each-ref", "--format=%(objecttype) %(tree) %(*tree)", "refs/heads/", "refs/tags/")
        except GitError as error:
            raise LedgerError(
                f"The ledger {self.folder} is damaged: {error} Bring it back from a copy or its remote."
            ) from error

    def commit(self, branch: str, make: Callable[[str | None], Change | None]) -> str:
        """Add a commit to a branch, at once with its tag; return the branch's head.

        Nothing is added where nothing would change.

        Args:
            branch: the branch; it begins at the head of `main` where there is none.
            make: what to write, or None for nothing, given the branch's head; called while nobody else writes.

        Raises:
            LedgerError: as of `writing`.
            GitError: git fails, or the tag is there already; nothing is changed then.
        """
        with self.writing() as writer:
            head = self.head(branch)
            parent = head or self.head(MAIN)
            change = make(parent)
            if change is None:
                return parent or ""
            tree = write_tree(writer.git, parent, change.files)
            if not change.tag and head is not None and tree == writer.git.run("rev-parse", f"{head}^{{tree}}"):
                return head
            made = write_commit(writer.git, tree, parent, change.message, change.by)
            moved = {branch: made}
            moves = [f"update refs/heads/{branch} {made} {head or _NONE}"]
            if change.tag:
                moved[f"{TAGS}{change.tag}"] = tag = write_tag(writer.git, made, change.tag, change.message)
                moves.append(f"create refs/tags/{change.tag} {tag}")
            writer.git.run("update-ref", "--stdin", given="\n".join(["start", *moves, "prepare", "commit", ""]))
            # With what an earlier writer was killed before it remembered, or what somebody had us forget.
            ours = {name: ref for name, ref in self.refs().items() if name == MAIN or name.startswith((TASKS, TAGS))}
            self._remember(ours | moved)
            return made

    def head(self, branch: str) -> str | None:
        """The commit at a branch's end; None where there is no such branch."""
        return self._resolve(f"refs/heads/{branch}")

    def is_there(self) -> bool:
        """Whether there is a repository; nobody takes one that was moved away, or is out of reach, for one to begin.

        Raises:
            LedgerError: there was one, and it is gone.
        """
        if self.folder.exists():
            return True
        if self._known():
            raise LedgerError(
                f"The ledger {self.folder} is gone. Bring it back from where it was moved to, a copy or its remote. To "
                f"begin a new one instead, remove {self.heads}, which remembers the heads and tags."
            )
        return False

    def refs(self) -> dict[str, str]:
        """Each branch → its head, and each tag → its object, by a single call of git, however many there are."""
        if not self.is_there():
            return {}
        listed = self.git.run("for-each-ref", "--format=%(objectname) %(refname:lstrip=1)", "refs/heads/", "refs/tags/")
        refs = (line.partition(" ") for line in listed.splitlines())
        return {name.removeprefix("heads/"): found for found, _, name in refs}

    def tagged(self, tag: str) -> str | None:
        """The commit that a tag names; None where there is no such tag."""
        return self._resolve(f"refs/tags/{tag}^{{commit}}")

    def tags(self, pattern: str) -> list[str]:
        """Names of tags by a pattern as of `git for-each-ref`, in order."""
        if not self.is_there():
            return []
        return self.git.run("for-each-ref", "--format=%(refname:strip=2)", f"refs/tags/{pattern}").split()

    def commits_of(self, branch: str, path: str) -> list[str]:
        """The commits of a branch that changed a file, the newest first."""
        if self.head(branch) is None:
            return []
        return self.git.run("log", "--format=%H", f"refs/heads/{branch}", "--", path).split()

    def subjects_of(self, branch: str) -> list[str]:
        """The first line of each commit of a branch, the newest first."""
        return self.git.run("log", "--format=%s", f"refs/heads/{branch}").splitlines() if self.head(branch) else []

    def read(self, commit: str, path: str) -> str | None:
        """The text of a file as of a commit; None where there is none."""
        return read_text(self.folder, commit, path)

    def folders(self, commit: str, folder: str) -> list[str]:
        """Names of the folders in a folder as of a commit, in order."""
        listed = self.git.run("ls-tree", "-d", "-z", "--name-only", commit, f"{folder}/")
        return [path.removeprefix(f"{folder}/") for path in listed.split("\0") if path]

    def paths(self, commit: str, folder: str) -> list[str]:
        """Paths of the files in a folder as of a commit, in order."""
        listed = self.git.run("ls-tree", "-r", "-z", "--name-only", commit, f"{folder}/")
        return [path for path in listed.split("\0") if path]

    def _resolve(self, name: str) -> str | None:
        if not self.is_there():
            return None
        found = self.git.run("for-each-ref", "--format=%(objectname) %(*objectname)", name.removesuffix("^{commit}"))
        return found.split()[-1] if found else None

    def _make(self) -> None:
        made = Git(self.folder.with_suffix(".new"))  # whole before it is there
        shutil.rmtree(made.folder, ignore_errors=True)
        made.version()
        made.run("init", "--quiet", "--bare", f"--initial-branch={MAIN}", str(made.folder))
        made.folder.rename(self.folder)

    def is_ancestor(self, earlier: str, later: str) -> bool:
        """Whether a commit is here, and another one is it or follows from it."""
        return self.git.succeeds("cat-file", "-e", earlier) and self.git.succeeds(
            "merge-base", "--is-ancestor", earlier, later
        )

    def _known(self) -> dict[str, str]:
        try:
            return _HEADS.validate_json(self.heads.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise LedgerError(
                f"{self.heads}, which remembers the ledger's heads, cannot be read: {error.strerror}. The platform's "
                "user needs the right to read and write it."
            ) from error
        except ValidationError as error:
            raise LedgerError(
                f"{self.heads}: {explain(error, 'it')}. Remove it once you have looked at the ledger."
            ) from error

    def _remember(self, moved: dict[str, str]) -> None:
        write_text(self.heads, json.dumps(self._known() | moved, indent=1, sort_keys=True))


def full_ref(name: str) -> str:
    """How git calls a branch, or a tag as of `TAGS`."""
    return f"refs/{name}" if name.startswith(TAGS) else f"refs/heads/{name}"
