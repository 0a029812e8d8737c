"""Reads the months of a mart side by side, one range of clients at a time, each row group once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from anna_core.errors import ArtifactError, ChangedMeanwhileError


@dataclass(frozen=True)
class Stretch:
    """The events of some clients in one month, sorted by client and time.

    Attributes:
        clients: (c,) distinct clients, text, ascending.
        counts: (c,) int64, number of events of each client.
        events: the columns event_time and all fields.
    """

    clients: pl.Series
    counts: np.ndarray
    events: pl.DataFrame


class MonthReader:
    """Reads a month's file front to back, some clients at a time."""

    def __init__(self, path: Path) -> None:
        """Read the footer; raises `ArtifactError` if row groups do not say which clients they hold."""
        self._path, self._state = path, _state(path)
        self._held: pl.DataFrame | None = None
        self._group = 0  # the next to read
        metadata = pq.read_metadata(path)
        every = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        groups = [group for group in every if group.num_rows]
        statistics = [group.column(0).statistics for group in groups]
        if any(found is None or not found.has_min_max for found in statistics):
            raise ArtifactError(f"{path}: its row groups do not tell their clients; materialize the mart again.")
        self.first = pl.Series([found.min for found in statistics], dtype=pl.String)  # client of each row group
        self._last = pl.Series([found.max for found in statistics], dtype=pl.String)
        self.rows = np.array([group.num_rows for group in groups], dtype=np.int64)
        self._begin = np.concatenate([[0], np.cumsum(self.rows)])

    def take(self, bound: str | None, wanted: pl.Series | None) -> Stretch:
        """The events, not taken yet, of the clients that come before `bound` (None: of all that remain).

        Args:
            bound: a client id.
            wanted: clients, ascending; row groups without any of them are not read. None: all clients.
        """
        parts = [] if self._held is None else [self._held]
        until = len(self.rows) if bound is None else int(self.first.search_sorted(bound))
        parts += self._read(until, wanted)
        self._held = None
        if bound is not None and parts:
            last = parts.pop()
            split = int(last["client_id"].search_sorted(bound))
            parts.append(last[:split])
            self._held = last[split:] if split < len(last) else None
        return _stretch(pl.concat(parts) if parts else pl.read_parquet(self._path, n_rows=0, glob=False), wanted)

    def require_unchanged(self) -> None:
        """Raise `ChangedMeanwhileError` if the file was replaced after its footer was read: what was taken is wrong."""
        if _state(self._path) != self._state:
            raise ChangedMeanwhileError(f"{self._path}: the mart was built anew while it was read; run this again.")

    def _read(self, until: int, wanted: pl.Series | None) -> list[pl.DataFrame]:
        """The row groups up to `until`; neighbouring ones that are needed are read in one go."""
        begin, self._group = self._group, until
        needed = np.ones(until - begin, dtype=bool)
        if wanted is not None and len(needed):
            first, last = self.first[begin:until], self._last[begin:until]
            needed = (wanted.search_sorted(first) < wanted.search_sorted(last, side="right")).to_numpy()
        edges = np.flatnonzero(np.diff(np.concatenate([[False], needed, [False]]).astype(np.int8))) + begin
        rows = pl.scan_parquet(self._path, glob=False)
        spans = []
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            # Part of the last row group may be kept: read apart from the others, it does not keep them in memory, too.
            spans += [(first, last)] if last < until or last - first == 1 else [(first, last - 1), (last - 1, last)]
        return [rows.slice(self._begin[a], self._begin[b] - self._begin[a]).collect() for a, b in spans]


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def client_bounds(months: list[MonthReader], most: int) -> Iterator[str | None]:
    """Upper bounds of ranges of clients with about `most` events each, ascending; the last is None: no bound.

    A range may exceed `most` by up to one row group per month, or hold all events of a single client.
    """
    groups = [pl.DataFrame({"client": month.first, "rows": month.rows}) for month in months]
    if groups:
        starts = pl.concat(groups).group_by("client").agg(pl.col("rows").sum()).sort("client")
        place = starts["rows"].cum_sum().shift(1, fill_value=0) // most
        yield from starts["client"].filter((place != place.shift(1)).fill_null(False))
    yield None


def _stretch(rows: pl.DataFrame, wanted: pl.Series | None) -> Stretch:
    client = rows["client_id"]
    begin = np.flatnonzero((client != client.shift(1)).fill_null(True).to_numpy())
    clients, counts = client[begin], np.diff(begin, append=len(client))
    events = rows.drop("client_id")
    if wanted is not None:
        known = _is_among(clients, wanted)
        if not known.all():
            events = events.filter(pl.Series(np.repeat(known, counts)))
            clients, counts = clients.filter(pl.Series(known)), counts[known]
    return Stretch(clients, counts, events)


def _is_among(clients: pl.Series, wanted: pl.Series) -> np.ndarray:
    """Whether each client (c,) is wanted; both arguments are ascending."""
    if clients.is_empty():
        return np.empty(0, dtype=bool)
    near = wanted[int(wanted.search_sorted(clients[0])) : int(wanted.search_sorted(clients[-1], side="right"))]
    if near.is_empty():
        return np.zeros(len(clients), dtype=bool)
    place = np.minimum(near.search_sorted(clients).to_numpy(), len(near) - 1)
    return (near[place] == clients).to_numpy()
