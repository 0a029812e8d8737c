"""What the servers say: all of it into rotating files, and the lines worth a look onto the screen."""

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.text import Text

LOG_BYTES = 10_000_000  # of a file; as many again are kept of the one before
_LAST_LINES = 15  # what an error's message shows of a log: a traceback's end
SERIOUS = frozenset({"WARNING", "ERROR", "CRITICAL", "FATAL"})

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|ERROR|CRITICAL|FATAL)\b")
_LEVEL_WITHIN = 120  # characters from the line's start: a level further on is part of the message
_FRAMES = ("Traceback (most recent call last)", "Stack Trace:")  # Python's, and Dagster's of a step
_AGAIN_SECONDS = 600.0  # until the same is shown again: sensors look every few seconds, and say each time what is wrong
_WHEN = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\S*( [+-]\d{4})?")
_PYTHON_WARNING = re.compile(r"\w+Warning: ")
_NOISE = re.compile(r"ExperimentalWarning|BetaWarning|PreviewWarning|DeprecationWarning|FutureWarning|UserWarning")
# Said once, at the first start of a deployment: there is nothing older to ignore.
_HARMLESS = re.compile(r"No cursor for event type \S+, ignoring older events")
# What guards warn of is told by the launch's report, at length; what they stop a launch for is an error.
_IN_THE_REPORT = re.compile(r" - WARNING - train - \S+ - \S+ - Check \w+: ")


class SeriousLines:
    """Chooses the lines to show: warnings, errors, and the lines that go on from them, but no stack frames.

    What went wrong stands in the lines around these; where in the code, in the log file. What is said time and again is
    shown once in ten minutes: a warning is shown, with all that goes on from it, if any of its lines was not of late.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._serious = self._showing = self._in_frames = False
        self._held = ""  # the first line of what is serious, while nothing of it is news
        self._clock = clock
        self._said: dict[str, float] = {}  # what was said of late → when it was shown, the earliest first

    def __call__(self, line: str) -> list[str]:
        """The lines to show now: this one, behind the one that it goes on from, or none; lines must come in order."""
        if line.startswith(_FRAMES):
            if line.startswith("Traceback") and not self._serious:
                self._begin("")
            self._in_frames = True
            return []
        if self._in_frames and (line[:1].isspace() or not line):
            return []
        self._in_frames = False
        if _told_elsewhere(line):
            self._serious = False
        elif level := _LEVEL.search(line[:_LEVEL_WITHIN]):
            self._serious = False
            if level[1] in SERIOUS:
                self._begin(line)
        if not self._serious or not line.strip():
            return []
        is_news = self._is_news(line)
        if not (is_news or self._showing):
            return []
        held, self._held, self._showing = self._held, "", True
        return [held, line] if held and held != line else [line]

    def _begin(self, line: str) -> None:
        self._serious, self._showing, self._held = True, False, line

    def _is_news(self, line: str) -> bool:
        now, said = self._clock(), _WHEN.sub("", line)
        while self._said and now - next(iter(self._said.values())) >= _AGAIN_SECONDS:
            del self._said[next(iter(self._said))]
        if said in self._said:
            return False
        self._said[said] = now
        return True


def _told_elsewhere(line: str) -> bool:
    is_noise = _PYTHON_WARNING.search(line) and _NOISE.search(line)
    return bool(is_noise or _HARMLESS.search(line) or _IN_THE_REPORT.search(line))


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print, if there is still a screen: one that was closed, or a full disk, must not end who looks after the servers.

    What the servers say is in their logs, too.
    """
    # Rich ends the program where whoever read its output is gone, and prints nothing from then on.
    with suppress(OSError, SystemExit):
        console.print(text, style=style, markup=False, soft_wrap=True)


def screen(console: Console, name: str, colour: str, verbose: bool) -> Callable[[str], None]:
    """Make the function that prints a server's lines with its name before them."""
    wanted = SeriousLines()

    def show(line: str) -> None:
        for shown in [line] if verbose else wanted(line):
            say(console, Text.assemble((f"{name:<12}", colour), shown))

    return show


def pump(stream: IO[bytes], log: Path, show: Callable[[str], None]) -> None:
    """Copy a child's output to its log and to `show`, line by line, until it ends."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(log, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    try:
        with stream:
            for raw in stream:
                line = _ANSI.sub("", raw.decode("utf-8", errors="replace")).rstrip()
                file.emit(logging.LogRecord(log.stem, logging.INFO, "", 0, line, None, None))
                show(line)
    finally:
        file.close()


def last_lines(log: Path) -> str:
    """The end of a log, for an error's message."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LAST_LINES:])
