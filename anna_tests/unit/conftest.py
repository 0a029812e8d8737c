"""A tiny warehouse for the tests of sources, marts and sequences."""

import datetime as dt
import errno
import itertools
import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from anna_core.domains import Domain
from anna_core.marts.dictionary import Dictionary, read_dictionary
from anna_core.marts.mart import MartMonth, build_mart, built_months, mart_path
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import next_month
from anna_core.sequences.build import write_history, write_sequences
from anna_core.sequences.ragged import Sequences
from anna_core.sources.corrections import Corrections
from anna_core.sources.digests import listing
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.observing import observe
from anna_core.sources.source import MOST_LEFT_ASIDE, Source
from anna_core.sources.source_state import SourceState, read_state

settings.register_profile("unit", deadline=None)  # a busy machine is no failure
settings.load_profile("unit")

MARCH = dt.date(2024, 3, 1)
NOTHING = Corrections()
FIELDS = {"kind": "categorical", "online": "boolean", "amount": "numeric"}


class Bank:
    """One domain with its source, marts and dictionary under a folder; the bank's clock is Moscow's."""

    def __init__(self, home: Path, zone: str = "Europe/Moscow", **settings) -> None:
        self.home = home
        self.domain = Domain.model_validate(
            {"name": "cards", "source": {"path": "source"}, "fields": FIELDS, "availability_lag": "1d", **settings}
        )
        self.source = Source(self.domain, home, zone, settle=0.0, left_aside=MOST_LEFT_ASIDE)
        self.table, self.state = home / "source", home / "state"
        self.mart, self.codes = home / "mart", home / "dictionary"

    def put(self, frame: pl.DataFrame, name: str = "events.parquet") -> Path:
        path = self.table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
        return path

    def put_text(self, text: str, name: str = "events.csv") -> Path:
        path = self.table / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def observe(self, calendar: str = "", memory: int = DEFAULT_MEMORY, **read) -> SourceState:
        return observe(replace(self.source, **read), self.state, calendar, memory, built_months(self.mart))

    def listing(self, calendar: str = "", **read) -> str:
        return listing(replace(self.source, **read), calendar, read_state(self.state))

    def build(self, month: dt.date = MARCH) -> MartMonth:
        return self.build_at(self.mart, month)

    def build_at(
        self,
        mart: Path,
        month: dt.date = MARCH,
        memory: int = DEFAULT_MEMORY,
        corrections: Corrections = NOTHING,
        observed: ObservedFiles | None = None,
        **read,
    ) -> MartMonth:
        return build_mart(replace(self.source, **read), month, mart, self.codes, memory, corrections, observed)

    def sequences(self, rows: pl.DataFrame, memory: int = DEFAULT_MEMORY) -> Sequences:
        with tempfile.TemporaryDirectory() as folder:
            return write_sequences(self.domain, self.dictionary, self.mart, rows, Path(folder), memory)

    def history(self, month: dt.date = MARCH, memory: int = DEFAULT_MEMORY) -> Sequences:
        with tempfile.TemporaryDirectory() as folder:
            return write_history(self.domain, self.dictionary, self.mart, next_month(month), Path(folder), memory)

    def events(self, month: dt.date = MARCH) -> pl.DataFrame:
        return pl.read_parquet(mart_path(self.mart, month))

    @property
    def dictionary(self) -> Dictionary:
        return read_dictionary(self.domain, self.codes)


def events_frame(rows: list[tuple], **overrides) -> pl.DataFrame:
    """Source rows (client_id, event_time, kind, online, amount)."""
    schema = {
        "client_id": pl.String,
        "event_time": pl.Datetime("us"),
        "kind": pl.String,
        "online": pl.Boolean,
        "amount": pl.Float64,
        **overrides,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


@contextmanager
def few_open_files(more: int) -> Iterator[None]:
    """A context in which this process may open so many files more, and no further."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = {int(name) for name in os.listdir("/dev/fd")}
    free = (number for number in itertools.count() if number not in held)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next(itertools.islice(free, more, None)), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))


@pytest.fixture
def close(monkeypatch) -> Callable[[Path], None]:
    """Take from this process the right to enter a folder, whose names it may still list; root has every right."""

    def close_folder(folder: Path) -> None:
        def is_below(path: object) -> bool:
            return isinstance(path, str | os.PathLike) and folder in Path(os.fsdecode(path)).parents

        def refusing(call: Callable) -> Callable:
            def called(path: object = ".", *args, **options):
                if is_below(path):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
                return call(path, *args, **options)

            return called

        for name in ("stat", "lstat", "scandir", "listdir"):
            monkeypatch.setattr(os, name, refusing(getattr(os, name)))
        may = os.access
        monkeypatch.setattr(
            os, "access", lambda path, mode: not (Path(path) == folder or is_below(path)) and may(path, mode)
        )

    return close_folder


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)
