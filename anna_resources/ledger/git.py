"""The git program, as the ledger uses it: on a bare repository, without anybody's own settings."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anna_core.errors import AnnaError

# Objects and references are on the disk before a command ends, so that a power cut loses nothing that was said.
_SETTINGS = ("core.fsync=committed,reference", "core.logAllRefUpdates=always", "gc.auto=0", "commit.gpgSign=false")
_OLDEST = (2, 28)  # the first that begins a repository with a branch of any name
_SECRET = re.compile(r"(://)[^/\s]+@")  # who is asked for in a URL, and with which password
_OF_A_CALLER = "GIT_"  # variables that git sets where ANNA is itself called by git, such as from a hook


class GitError(AnnaError):
    """Git is not there, or cannot do what it was asked."""


def masked(text: str) -> str:
    """A text without the names and passwords of the URLs in it."""
    return _SECRET.sub(r"\1…@", text)


@dataclass(frozen=True)
class Git:
    """Calls of the git program.

    Attributes:
        folder: the bare repository.
        seconds: after so many a command is ended; None: never.
        held: descriptor of a file that stays open, and what is locked by it locked, for as long as a command runs.
    """

    folder: Path
    seconds: float | None = None
    held: int | None = None

    def run(self, *arguments: str, given: str = "", extra: Mapping[str, str] | None = None) -> str:
        """Run one command; return what it prints, without the last line's end.

        Args:
            arguments: of the command.
            given: what it reads.
            extra: more of its environment.

        Raises:
            GitError: with git's own words.
        """
        done = self._call(arguments, given, extra)
        if done.returncode:
            words = " ".join(done.stderr.split()) or f"it ended with code {done.returncode}"
            raise GitError(f"{self.folder}: git {_command(arguments)} failed: {masked(words)}")
        return done.stdout.removesuffix("\n")

    def version(self) -> str:
        """What git says of its version.

        Raises:
            GitError: it is too old.
        """
        told = self.run("version")
        found = re.search(r"(\d+)\.(\d+)", told)
        if found and (int(found[1]), int(found[2])) < _OLDEST:
            raise GitError(f"{told} is too old: the ledger needs {'.'.join(map(str, _OLDEST))} or later. Install that.")
        return told

    def succeeds(self, *arguments: str) -> bool:
        """Whether a command that answers by its exit code says yes.

        Raises:
            GitError: it says neither yes nor no.
        """
        done = self._call(arguments, "", None)
        if done.returncode not in (0, 1):
            raise GitError(f"{self.folder}: git {arguments[0]} failed: {' '.join(done.stderr.split())}")
        return done.returncode == 0

    def is_repository(self) -> bool:
        """Whether the folder is a repository."""
        return not self._call(("rev-parse", "--git-dir"), "", None).returncode

    def _call(
        self, arguments: tuple[str, ...], given: str, extra: Mapping[str, str] | None
    ) -> subprocess.CompletedProcess[str]:
        program = shutil.which("git")
        if program is None:
            raise GitError("The ledger needs the program git, which is not on the PATH: install it (apt install git).")
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_A_CALLER)}
        environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
        environment |= {"GIT_NO_REPLACE_OBJECTS": "1"}  # what a commit says is what it said when it was made
        environment |= {"LC_ALL": "C.UTF-8", **(extra or {})}
        command = [program, f"--git-dir={self.folder}", *settings, *arguments]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            cwd=self.folder.parent, encoding="utf-8", errors="replace",
            pass_fds=() if self.held is None else (self.held,),
            start_new_session=self.seconds is not None,  # so that what git starts, such as ssh, can be ended with it
        ) as process:  # fmt: skip
            try:
                told, problem = process.communicate(given, timeout=self.seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                late = f"was ended, as it was not done after {self.seconds:g} seconds"
                raise GitError(f"{self.folder}: git {_command(arguments)} {late}") from None
        return subprocess.CompletedProcess(command, process.returncode, told, problem)


def _command(arguments: tuple[str, ...]) -> str:
    """The name of a command, after whatever settings it is given."""
    return next(part for before, part in zip(("", *arguments), arguments, strict=False) if "-c" not in (before, part))
