"""Sequences and histories: what each row may see, cut out of the marts.

A *sequence set* has the rows of a sample; a *history* has a row for every client that has a visible event as of a
month's end. Both are one format (`ragged.py`). They are made one range of clients after another: the months' events are
put side by side (`month_reader.py`, `joined.py`), the windows cut (`cut.py`), and what is seen is appended (`spool.py`).
"""

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.marts.dictionary import Dictionary
from anna_core.marts.mart import mart_path
from anna_core.marts.memory import DEFAULT_MEMORY, events_within
from anna_core.months import month_of, months_between, next_month
from anna_core.sequences.cut import cut
from anna_core.sequences.joined import Joined, joined
from anna_core.sequences.month_reader import MonthReader, client_bounds
from anna_core.sequences.output import SequencesWriter
from anna_core.sequences.ragged import Sequences
from anna_core.sequences.visibility import visible_window

_BYTES, _FIELD_BYTES = 70, 10  # of an event in work, and of each of its fields; measured, with all copies


def months_needed(domain: Domain, as_of: np.ndarray) -> list[dt.date]:
    """Months that hold the windows of rows with these as_of dates (n,); n > 0."""
    first, end = visible_window(as_of, domain)
    return list(months_between(_moment(first.min()).date(), _moment(end.max() - 1).date()))


def history_months(domain: Domain, month: dt.date) -> list[dt.date]:
    """Months that the history of `month` reads: the windows as of its end."""
    return months_needed(domain, np.array([next_month(month)], dtype="datetime64[D]"))


def write_sequences(
    domain: Domain,
    dictionary: Dictionary,
    mart_folder: Path,
    rows: pl.DataFrame,
    folder: Path,
    memory: int = DEFAULT_MEMORY,
) -> Sequences:
    """Cut out what each row may see, and write it into an existing folder.

    Args:
        domain: the domain.
        dictionary: whose codes the marts hold.
        mart_folder: the domain's marts; months without a file have no events.
        rows: columns client_id (text) and as_of (date); n rows.
        folder: where the files of `Sequences` are written.
        memory: bytes to work with, beside the rows; the result does not depend on it.

    Returns:
        Sequences with the same n rows in the same order, memory-mapped.

    Raises:
        ChangedMeanwhileError: a mart was built while it was read, or holds codes that the dictionary does not know.
    """
    as_of = rows["as_of"].to_numpy().astype("datetime64[D]")
    wanted = _Wanted.of(rows["client_id"])
    start, length = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int32)
    months = months_needed(domain, as_of) if len(rows) else []
    with SequencesWriter(folder, domain, dictionary.cardinalities) as writer:
        for part in _ranges(domain, dictionary, mart_folder, months, as_of, memory, wanted.clients):
            at, client = wanted.rows_of(part.clients)
            seen = cut(part.time, part.bounds[client], part.bounds[client + 1], as_of[at], domain)
            start[at], length[at] = np.where(seen.length > 0, seen.start + writer.events, 0), seen.length
            writer.add_events(part, seen.kept)
        writer.add_rows(rows["client_id"], as_of, start, length)
        return writer.close()


def write_history(
    domain: Domain,
    dictionary: Dictionary,
    mart_folder: Path,
    month: dt.date,
    folder: Path,
    memory: int = DEFAULT_MEMORY,
) -> Sequences:
    """Every client's sequence as of the end of `month`, by client; only clients that have a visible event.

    Arguments and errors are those of `write_sequences`.
    """
    as_of = np.array([next_month(month_of(month))], dtype="datetime64[D]")
    with SequencesWriter(folder, domain, dictionary.cardinalities) as writer:
        for part in _ranges(domain, dictionary, mart_folder, months_needed(domain, as_of), as_of, memory, None):
            seen = cut(part.time, part.bounds[:-1], part.bounds[1:], as_of.repeat(len(part.clients)), domain)
            some = seen.length > 0
            start = seen.start[some] + writer.events
            writer.add_events(part, seen.kept)
            writer.add_rows(part.clients.filter(pl.Series(some)), as_of.repeat(some.sum()), start, seen.length[some])
        return writer.close()


@dataclass(frozen=True)
class _Wanted:
    """A sample's rows by client.

    Attributes:
        clients: (c,) different clients, text, ascending.
        order: (n,) rows in order of their clients.
        bounds: (c + 1,) client i has the rows order[bounds[i] : bounds[i + 1]].
    """

    clients: pl.Series
    order: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, client_id: pl.Series) -> "_Wanted":
        clients = client_id.unique().sort()
        place = clients.search_sorted(client_id).to_numpy()
        bounds = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(clients)))])
        return cls(clients, np.argsort(place, kind="stable"), bounds)

    def rows_of(self, clients: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """Rows (m,) of these clients, all of them wanted, and each row's client as its place in `clients` (m,)."""
        place = self.clients.search_sorted(clients).to_numpy().astype(np.int64)
        low, count = self.bounds[place], self.bounds[place + 1] - self.bounds[place]
        client = np.repeat(np.arange(len(clients)), count)
        within = np.arange(len(client)) - np.repeat(np.cumsum(count) - count, count)
        return self.order[low[client] + within], client


def _ranges(
    domain: Domain,
    dictionary: Dictionary,
    mart_folder: Path,
    months: list[dt.date],
    as_of: np.ndarray,
    memory: int,
    wanted: pl.Series | None,
) -> Iterator[Joined]:
    """Events that any window could hold, by range of clients; one range of no events where there are no marts."""
    window = (0, 0)
    if len(as_of):
        first, end = visible_window(as_of, domain)
        window = (int(first.min()), int(end.max()))
    readers = [MonthReader(path) for path in (mart_path(mart_folder, month) for month in months) if path.exists()]
    for bound in client_bounds(readers, events_within(memory, _BYTES + _FIELD_BYTES * len(domain.fields))):
        yield joined([reader.take(bound, wanted) for reader in readers], window, domain, dictionary.cardinalities)
    for reader in readers:
        reader.require_unchanged()


def _moment(microseconds: np.int64) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(microseconds))


def build_sequences(
    domain: Domain, dictionary: Dictionary, mart_folder: Path, rows: pl.DataFrame, memory: int = DEFAULT_MEMORY
) -> Sequences:
    """`write_sequences` for a notebook: into files without a name, which go when the sequences do."""
    with tempfile.TemporaryDirectory() as folder:
        return write_sequences(domain, dictionary, mart_folder, rows, Path(folder), memory)


def build_history(
    domain: Domain, dictionary: Dictionary, mart_folder: Path, month: dt.date, memory: int = DEFAULT_MEMORY
) -> Sequences:
    """`write_history` for a notebook: into files without a name, which go when the sequences do."""
    with tempfile.TemporaryDirectory() as folder:
        return write_history(domain, dictionary, mart_folder, month, Path(folder), memory)
