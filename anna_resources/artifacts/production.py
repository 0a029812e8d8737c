"""Scores for the bank's other systems: a version a period, one of which is whole at any time, and the latest."""

import datetime as dt
import shutil
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import polars as pl
from filelock import FileLock
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.periods import Cadence, Period, periods_below
from anna_resources.artifacts.folder import STATES_KEPT, ArtifactFolder, file_state, read_json, write_json

SCORES_FILE, DONE_FILE = "scores.parquet", "done.json"
_LATEST, _LOCK = "latest", ".lock"


class Done(BaseModel):
    """What stands beside scores once they are whole; schedulers may wait for it.

    Attributes:
        task: the task.
        period: as of whose end the clients were scored, as in 2024-03.
        as_of: the day after.
        model: tag of the launch whose models scored.
        model_version: of its metamodel.
        rows: number of clients.
        histories: domain → digest of what the sequences were made of that were scored.
        scored_at: when, in UTC.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    task: str
    period: str = Field(validation_alias=AliasChoices("period", "month"))  # as it was called at first
    as_of: dt.date
    model: str
    model_version: str
    rows: int
    histories: dict[str, str]
    scored_at: dt.datetime


@dataclass(frozen=True)
class PeriodScores(ArtifactFolder):
    """A task's scores of all clients as of a period's end: `scores.parquet`, and `done.json`."""

    def read(self) -> pl.DataFrame:
        """The scores; raises `ArtifactError` where there are none."""
        return pl.read_parquet(self.current() / SCORES_FILE, glob=False)

    def done(self) -> Done | None:
        """What is known of them; None where there are none.

        Raises:
            ArtifactError: it cannot be read.
        """
        found = self.held()
        return None if found is None else _read_done_once(found, *file_state(found / DONE_FILE))

    def done_by_another_than(self, model: str) -> Done | None:
        """The same; None also where it was this launch that scored, as a challenger that became champion since."""
        done = self.done()
        return None if done is None or done.model == model else done

    def write(self, scores: pl.DataFrame, done: Done) -> None:
        """Replace them."""
        with self.writing() as folder:
            scores.write_parquet(folder / SCORES_FILE)
            write_json(folder / DONE_FILE, done)


@dataclass(frozen=True)
class TaskScores:
    """A task's scores of all periods.

    Attributes:
        path: the task's folder.
        cadence: the periods that are looked at; scores of another cadence, as from before a change of it, are left.
    """

    path: Path
    cadence: Cadence

    def of(self, period: Period) -> PeriodScores:
        """The scores as of a period's end."""
        return PeriodScores(self.path / period.folder)

    def write(self, period: Period, scores: pl.DataFrame, done: Done) -> None:
        """Replace the scores of a period."""
        self.of(period).write(scores, done)

    def all(self) -> dict[Period, Done]:
        """Each period that is scored → what is known of it, in order.

        Raises:
            ArtifactError: one cannot be read.
        """
        found = self.readable(problems := list[str]())
        if problems:
            raise ArtifactError(" ".join(problems))
        return found

    def readable(self, problems: list[str] | None = None) -> dict[Period, Done]:
        """The same of those that can be read: what is damaged of one period holds up no other.

        Args:
            problems: takes a sentence of each that cannot.
        """
        found: dict[Period, Done] = {}
        for period in periods_below(self.path, self.cadence):
            try:
                if (done := self.of(period).done()) is not None:
                    found[period] = done
            except ArtifactError as error:
                if problems is not None:
                    problems.append(str(error))
        return found

    def of_all_cadences(self) -> list["TaskScores"]:
        """The task's scores of months, of weeks and of days: what was scored before a change of the cadence, too."""
        return [replace(self, cadence=cadence) for cadence in Cadence]

    def newest(self) -> Period | None:
        """The newest period that is scored; None where none is."""
        there = reversed(periods_below(self.path, self.cadence))
        return next((period for period in there if self.of(period).exists()), None)


@dataclass(frozen=True)
class ProductionScores(TaskScores):
    """The champion's scores, and in `latest/` a copy of the newest, under a path that stays."""

    @classmethod
    def below(cls, storage: Path, task: str, cadence: Cadence) -> "ProductionScores":
        """Those of a task in a deployment's storage."""
        return cls(storage / "production" / "scores" / task, cadence)

    @property
    def latest(self) -> Path:
        """The folder of the newest scores: `scores.parquet` and `done.json`, the latter written last."""
        return self.path / _LATEST

    def latest_done(self) -> Done | None:
        """What is known of the newest scores; None where there are none, or they are being replaced.

        So it is where one of the two files is gone or damaged: that is mended by writing both again.
        """
        try:
            done = _read_done(self.latest)
        except ArtifactError:
            return None
        return done if (self.latest / SCORES_FILE).exists() else None

    def write(self, period: Period, scores: pl.DataFrame, done: Done) -> None:
        """Replace the scores of a period, and the latest unless those are as of a later date."""
        super().write(period, scores, done)
        with FileLock(self.path / _LOCK):
            known = self.latest_done()
            if known is not None and known.as_of > done.as_of:
                return
            made = self.of(period).current()
            (self.latest / DONE_FILE).unlink(missing_ok=True)  # no mark stands beside scores that it is not of
            with storage.write_file(self.latest / SCORES_FILE) as temporary:
                shutil.copyfile(made / SCORES_FILE, temporary)
            with storage.write_file(self.latest / DONE_FILE) as temporary:
                shutil.copyfile(made / DONE_FILE, temporary)


@lru_cache(maxsize=STATES_KEPT)
def _read_done_once(version: Path, *_state: int) -> Done:
    """The mark in a folder, read once in each state; errors as of `_read_done`, which are not kept."""
    return _read_done(version)


def _read_done(folder: Path) -> Done:
    """The mark in a folder. Raises `ArtifactError` where there is none that can be read."""
    return read_json(folder / DONE_FILE, TypeAdapter(Done), "Score the period again.")
