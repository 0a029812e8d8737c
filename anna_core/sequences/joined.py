"""The events of a range of clients, joined over the months: by client, then by time.

Months do not overlap, and each is sorted by client and time, so nothing has to be compared or sorted: a client's events
of one month follow those of the months before it.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.errors import ChangedMeanwhileError
from anna_core.marts.dictionary import code_type
from anna_core.sequences.month_reader import Stretch


@dataclass(frozen=True)
class Joined:
    """Events of a range of clients.

    Attributes:
        clients: (c,) distinct clients, text, ascending.
        bounds: (c + 1,) int64; the events of client i are bounds[i] to bounds[i + 1].
        time: (E,) int64 microseconds since 1970, ascending within each client.
        source: (E,) position of each event in the months' columns.
        columns: field → its values, month by month.
    """

    clients: pl.Series
    bounds: np.ndarray
    time: np.ndarray
    source: np.ndarray
    columns: dict[str, list[np.ndarray]]

    def values(self, name: str, kept: np.ndarray) -> np.ndarray:
        """A field's values for the events that are kept (E,)."""
        return _concatenated(self.columns[name])[self.source[kept]]


def joined(months: list[Stretch], window: tuple[int, int], domain: Domain, sizes: dict[str, int]) -> Joined:
    """Join months, given in order.

    Args:
        months: events of the same range of clients.
        window: first and end in microseconds since 1970; events outside first <= event_time < end are dropped.
        domain: the domain.
        sizes: coded field → its number of codes.

    Raises:
        ChangedMeanwhileError: a code is too large for its field's number of codes.
    """
    months = [_within(month, *window) for month in months]
    clients = pl.concat([pl.Series(dtype=pl.String), *(month.clients for month in months)]).unique().sort()
    places = [clients.search_sorted(month.clients).to_numpy() for month in months]
    count = np.zeros(len(clients), dtype=np.int64)
    for month, place in zip(months, places, strict=True):
        count[place] += month.counts
    bounds = np.concatenate([[0], np.cumsum(count)])
    free, begin = bounds[:-1].copy(), 0  # each client's next free position
    source = np.empty(bounds[-1], dtype=np.uint32)
    for month, place in zip(months, places, strict=True):
        own = np.arange(len(month.events), dtype=np.int64)
        first = np.cumsum(month.counts) - month.counts
        source[np.repeat(free[place] - first, month.counts) + own] = own + begin
        free[place] += month.counts
        begin += len(own)
    time = _concatenated([month.events["event_time"].to_physical().to_numpy() for month in months], np.int64)
    columns = {name: _columns(name, months, sizes, domain) for name in domain.fields}
    return Joined(clients, bounds, time[source], source, columns)


def _within(month: Stretch, first: int, end: int) -> Stretch:
    time = month.events["event_time"].to_physical().to_numpy()
    inside = (time >= first) & (time < end)
    if inside.all():
        return month
    seen = np.concatenate([[0], np.cumsum(inside)])
    bounds = np.concatenate([[0], np.cumsum(month.counts)])
    counts = np.diff(seen[bounds])
    some = counts > 0
    return Stretch(month.clients.filter(pl.Series(some)), counts[some], month.events.filter(pl.Series(inside)))


def _columns(name: str, months: list[Stretch], sizes: dict[str, int], domain: Domain) -> list[np.ndarray]:
    kind = column_type(name, sizes)
    for month in months:
        codes = month.events[name].to_numpy() if name in sizes else np.empty(0)
        highest = int(codes.max(initial=0))
        if len(codes) and highest >= sizes[name]:
            raise ChangedMeanwhileError(
                f"domain {domain.name}: the marts hold code {highest} of {name}, the dictionary ends at "
                f"{sizes[name] - 1}. If a mart was built meanwhile, run this again; else materialize "
                f"mart/{domain.name} again."
            )
    return [np.empty(0, dtype=kind), *(month.events[name].to_numpy().astype(kind, copy=False) for month in months)]


def column_type(name: str, sizes: dict[str, int]) -> np.dtype:
    """A field's type in sequences: the smallest unsigned integers that hold its codes, or float32."""
    return np.dtype(code_type(sizes[name]) if name in sizes else np.float32)


def _concatenated(parts: list[np.ndarray], kind: type | None = None) -> np.ndarray:
    return np.concatenate(parts, dtype=kind) if parts else np.empty(0, dtype=kind)
