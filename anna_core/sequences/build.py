"""Sequences and histories: what each row may see, cut out of the marts.

A *sequence set* has the rows of a sample; a *history* has one row for every client with a visible event as of a
date. Both share one format (`ragged.py`). They are built one range of clients at a time: the months' events are joined
(`month_reader.py`, `joined.py`), the windows are cut (`cut.py`), and the visible events are appended (`spool.py`).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.marts.dictionary import Dictionary
from anna_core.marts.mart import mart_path
from anna_core.memory import events_within
from anna_core.sequences.cut import cut
from anna_core.sequences.joined import Joined, joined
from anna_core.sequences.month_reader import MonthReader, client_bounds
from anna_core.sequences.output import SequencesWriter
from anna_core.sequences.ragged import Sequences
from anna_core.sequences.touched_months import months_needed
from anna_core.sequences.visibility import visible_window

_BYTES, _FIELD_BYTES = 70, 10  # per event being processed, and per field of it; measured, all copies included


def write_sequences(
    domain: Domain,
    dictionary: Dictionary,
    mart_folder: Path,
    rows: pl.DataFrame,
    folder: Path,
    memory: int,
) -> Sequences:
    """Cut out the events that each row may see and write them into an existing folder.

    Args:
        domain: the domain.
        dictionary: the dictionary that the marts' codes come from.
        mart_folder: the domain's marts; a month without a file has no events.
        rows: columns client_id (text) and as_of (date); n rows.
        folder: where the files of `Sequences` are written.
        memory: bytes of working memory, not counting the rows; the result does not depend on it.

    Returns:
        Sequences with the same n rows in the same order, memory-mapped.

    Raises:
        ChangedMeanwhileError: a mart was rebuilt while being read, or holds codes that the dictionary does not know.
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
    as_of: dt.date,
    folder: Path,
    memory: int,
) -> Sequences:
    """Write every client's sequence as of a date, in order of client; only clients with a visible event.

    Arguments and errors: see `write_sequences`.
    """
    date = np.array([as_of], dtype="datetime64[D]")
    with SequencesWriter(folder, domain, dictionary.cardinalities) as writer:
        for part in _ranges(domain, dictionary, mart_folder, months_needed(domain, date), date, memory, None):
            seen = cut(part.time, part.bounds[:-1], part.bounds[1:], date.repeat(len(part.clients)), domain)
            some = seen.length > 0
            start = seen.start[some] + writer.events
            writer.add_events(part, seen.kept)
            writer.add_rows(part.clients.filter(pl.Series(some)), date.repeat(some.sum()), start, seen.length[some])
        return writer.close()


@dataclass(frozen=True)
class _Wanted:
    """A sample's rows, grouped by client.

    Attributes:
        clients: (c,) distinct clients, text, ascending.
        order: (n,) positions of the rows, sorted by client.
        bounds: (c + 1,) the rows of client i are order[bounds[i] : bounds[i + 1]].
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
        """The rows (m,) of these clients, all of them in the sample, and each row's client as an index into them."""
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
    """The events that any window could hold, by range of clients; a single empty range where there are no marts."""
    window = (0, 0)
    if len(as_of):
        first, end = visible_window(as_of, domain)
        window = (int(first.min()), int(end.max()))
    readers = [MonthReader(path) for path in (mart_path(mart_folder, month) for month in months) if path.exists()]
    for bound in client_bounds(readers, events_within(memory, _BYTES + _FIELD_BYTES * len(domain.fields))):
        yield joined([reader.take(bound, wanted) for reader in readers], window, domain, dictionary.cardinalities)
    for reader in readers:
        reader.require_unchanged()
