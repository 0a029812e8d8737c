"""How long MLflow is left alone after a failure; kept on disk, so that every process of a deployment knows."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from anna_core import storage

FIRST_SECONDS = 30.0  # doubled at each failure in a row
LONGEST_SECONDS = 600.0


class _Note(BaseModel):
    at: float = 0.0
    failures: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Pause:
    """The pause after a failure, which doubles with every failure in a row.

    Attributes:
        file: where the pause is kept.
    """

    file: Path

    @property
    def seconds_left(self) -> float:
        """Seconds until the next attempt is allowed; 0 if the last one succeeded."""
        note = self._read()
        if not note.failures:
            return 0.0
        length = min(FIRST_SECONDS * 2 ** (note.failures - 1), LONGEST_SECONDS)
        return min(max(note.at + length - time.time(), 0.0), length)  # also where the clock was put back

    @property
    def problem(self) -> str:
        """Why the last attempt failed; empty if it succeeded."""
        return self._read().problem

    def begin(self, problem: str) -> None:
        """Begin a pause because of `problem`. Failures while a pause lasts count as one with its own."""
        failures = self._read().failures + (0 if self.seconds_left else 1)
        note = _Note(at=time.time(), failures=failures, problem=problem)
        with suppress(OSError):  # such as a full disk: every step then finds out for itself, and no launch dies of it
            storage.write_text(self.file, note.model_dump_json())

    def end(self) -> None:
        """End the pause: an attempt succeeded."""
        with suppress(OSError):  # there is no pause, or it will end by itself
            self.file.unlink()

    def _read(self) -> _Note:
        try:
            return _Note.model_validate_json(self.file.read_text(encoding="utf-8"))
        except (OSError, ValidationError):  # there is none, or it was never written whole
            return _Note()
