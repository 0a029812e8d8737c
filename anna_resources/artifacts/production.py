"""Scores for the bank's other systems: a version a period, one of which is whole at any time, and the latest."""

import datetime as dt
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from filelock import FileLock
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.periods import Cadence, Period, periods_below
from anna_resources.artifacts.folder import ArtifactFolder, read_json, write_json

if TYPE_CHECKING:
    from anna_core.analytics.monitoring import Monitoring

SCORES_FILE, DONE_FILE = "scores.parquet", "done.json"
_MONITORING_FILE = "monitoring.json"
_LATEST, _LOCK = "latest", ".lock"
# Marks: every look asks for those of all periods, such as of twenty tasks in three years of days. With room for fewer
# than it asks for, each would be read anew.
_KEPT = 65_536


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
    period: str = Field(
        validation_alias=AliasChoices("period", "month")
    )  # as it was called when there were only months
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
        return None if found is None else _read_done_once(found, *_state(found / DONE_FILE))

    def done_by_another_than(self, model: str) -> Done | None:
        """The same; None also where it was this launch that scored, as a challenger that became champion since."""
        done = self.done()
        return None if done is None or done.model == model else done

    def write(self, scores: pl.DataFrame, done: Done) -> None:
        """Replace them."""
        with self.writing() as folder:
            scores.write_parquet(folder / SCORES_FILE)
            write_json(folder / DONE_FILE, done)


class Seen(NamedTuple):
    """Of which scores and outcomes a monitoring is.

    Attributes:
        scored_at: when the period was scored, in UTC.
        outcomes: version of the outcomes of its date; empty for none.
        along: when the challenger scored it, in UTC; None where nobody did.
    """

    scored_at: dt.datetime
    outcomes: str
    along: dt.datetime | None


@dataclass(frozen=True)
class PeriodMonitoring(ArtifactFolder):
    """What a period's scores look like, as one JSON file."""

    @classmethod
    def below(cls, storage: Path, task: str, period: Period) -> "PeriodMonitoring":
        """That of a task in a deployment's storage."""
        return cls(storage / "production" / "monitoring" / task / period.folder)

    def write(self, found: "Monitoring") -> None:
        """Replace it."""
        with self.writing() as folder:
            write_json(folder / _MONITORING_FILE, found)

    def read(self) -> "Monitoring | None":
        """It; None where there is none, or it is damaged: it is made again by itself, of what is on the disk."""
        with suppress(ArtifactError):
            return _read_monitoring(self.current())
        return None

    def seen(self) -> "Seen | None":
        """What was looked at; None as of `read`."""
        with suppress(ArtifactError):
            version = self.current()
            return _read_seen_once(version, *_state(version / _MONITORING_FILE))
        return None


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


def _state(file: Path) -> tuple[int, int]:
    """By what a file that was damaged is told from what it was; zeros where it cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_KEPT)
def _read_done_once(version: Path, *_state: int) -> Done:
    """The mark in a folder, read once in each state; errors as of `_read_done`, which are not kept."""
    return _read_done(version)


def _read_done(folder: Path) -> Done:
    """The mark in a folder. Raises `ArtifactError` where there is none that can be read."""
    return read_json(folder / DONE_FILE, TypeAdapter(Done), "Score the period again.")


@lru_cache(maxsize=_KEPT)
def _read_seen_once(version: Path, *_state: int) -> Seen:
    """What the monitoring in a folder is of, read once in each state; errors are not kept."""
    found = _read_monitoring(version)
    return Seen(found.scored_at, found.outcomes, None if found.along is None else found.along.scored_at)


def _read_monitoring(folder: Path) -> "Monitoring":
    """The monitoring in a folder. Raises `ArtifactError` where there is none that can be read."""
    from anna_core.analytics.monitoring import Monitoring

    return read_json(folder / _MONITORING_FILE, TypeAdapter(Monitoring))
