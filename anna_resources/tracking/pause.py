"""How long MLflow is left alone after it failed: noted on disk, so that every process of a deployment knows."""

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
    """The pause after a failure.

    Attributes:
        file: where it is noted.
    """

    file: Path

    @property
    def seconds_left(self) -> float:
        """Until somebody may try again; 0 where all is well."""
        note = self._read()
        if not note.failures:
            return 0.0
        length = min(FIRST_SECONDS * 2 ** (note.failures - 1), LONGEST_SECONDS)
        return min(max(note.at + length - time.time(), 0.0), length)  # also where the clock was put back

    @property
    def problem(self) -> str:
        """What failed last; empty where all is well."""
        return self._read().problem

    def begin(self, problem: str) -> None:
        """Note a failure. Those that fail beside each other count as one."""
        failures = self._read().failures + (0 if self.seconds_left else 1)
        note = _Note(at=time.time(), failures=failures, problem=problem)
        with suppress(OSError):  # a full disk, for one: then every step finds out by itself, and no launch dies of it
            storage.write_text(self.file, note.model_dump_json())

    def end(self) -> None:
        """Note that all is well."""
        with suppress(OSError):  # it is not there, or ends by itself
            self.file.unlink()

    def _read(self) -> _Note:
        try:
            return _Note.model_validate_json(self.file.read_text(encoding="utf-8"))
        except (OSError, ValidationError):  # not there, or nobody could write it
            return _Note()
