"""The events of a block of rows, gathered so that a whole column can be reduced row by row in one call."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anna_core.durations import DAY
from anna_core.sequences.ragged import Sequences

WINDOWS = (7, 30, 90)  # days before as_of: a week, a month, a quarter

# Events gathered per block: a few arrays of 8 bytes per event stay within some 10 MB, however long the sequences are,
# and there are enough blocks for all threads (docs/speed.md).
BLOCK_EVENTS = 200_000


@dataclass(frozen=True)
class RowEvents:
    """The G events that n rows see, row after row, oldest first; an event that several rows see is repeated for each.

    Attributes:
        n: number of rows, including those without events.
        length: (n,) int64, number of events of each row.
        row: (G,) int64, the row that each event belongs to.
        position: (G,) int64, the event's position in the sequences' columns.
        age: (G,) float64, days from the event to the row's as_of; positive, since no row sees later events.
    """

    n: int
    length: np.ndarray
    row: np.ndarray
    position: np.ndarray
    age: np.ndarray

    @classmethod
    def gather(cls, sequences: Sequences, first: int, last: int) -> "RowEvents":
        """Gather the events of the rows first to last - 1."""
        length = sequences.length[first:last].astype(np.int64)
        row = np.repeat(np.arange(len(length)), length)
        begin = np.cumsum(length) - length
        position = np.arange(len(row)) + np.repeat(sequences.start[first:last] - begin, length)
        as_of = sequences.as_of[first:last].astype("datetime64[us]").astype(np.int64)
        age = (as_of[row] - sequences.event_time[position]) / DAY
        return cls(n=len(length), length=length, row=row, position=position, age=age)

    def count(self, group: np.ndarray | None = None, groups: int = 1, weight: np.ndarray | None = None) -> np.ndarray:
        """Number of events (or sum of their weights (G,)) by row and group (G,), -1 left out: (n, groups) float64."""
        if group is None:
            return np.bincount(self.row, weights=weight, minlength=self.n).astype(np.float64)[:, None]
        # Events that are left out get a column, too: faster than filtering them.
        counts = np.bincount(self._cells(groups) + group, weights=weight, minlength=self.n * (groups + 1))
        return counts.reshape(self.n, groups + 1)[:, 1:].astype(np.float64)

    def count_by_window(
        self, group: np.ndarray | None = None, groups: int = 1, weight: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`count` over all time (n, groups), and within each of the `WINDOWS` (n, groups, W).

        Both come from one pass over the events, which counts each event in the shortest window that it lies in.
        """
        each = len(WINDOWS) + 1
        cell = self.window if group is None else np.where(group >= 0, group * each + self.window, -1)
        counts = self.count(cell, groups * each, weight).reshape(self.n, groups, each).cumsum(axis=2)
        return counts[:, :, -1], counts[:, :, :-1]

    @cached_property
    def window(self) -> np.ndarray:
        """Index (G,) int16 of the shortest of the `WINDOWS` that each event lies in; the number of windows if none."""
        return np.searchsorted(WINDOWS, self.age).astype(np.int16)

    def _cells(self, groups: int) -> np.ndarray:
        """Cell (G,) of group 0 in each event's row of groups + 1 cells; cached, as many columns need it."""
        if groups not in self._known_cells:
            self._known_cells[groups] = self.row * (groups + 1) + 1
        return self._known_cells[groups]

    @cached_property
    def _known_cells(self) -> dict[int, np.ndarray]:
        return {}

    def reduce(self, function: np.ufunc, values: np.ndarray) -> np.ndarray:
        """Reduce values (G,) row by row with a ufunc: (n,) float64, NaN for rows without events."""
        result = np.full(self.n, np.nan)
        filled = self.length > 0
        if filled.any():
            result[filled] = function.reduceat(values, self.firsts)
        return result

    @cached_property
    def firsts(self) -> np.ndarray:
        """Positions among the G of the first event of each row that has any."""
        return (np.cumsum(self.length) - self.length)[self.length > 0]

    @cached_property
    def lasts(self) -> np.ndarray:
        """Positions among the G of the last event of each row that has any."""
        return (np.cumsum(self.length) - 1)[self.length > 0]

    def first(self, values: np.ndarray) -> np.ndarray:
        """The value (n,) float64 of each row's oldest event; NaN where there is none."""
        result = np.full(self.n, np.nan)
        result[self.length > 0] = values[self.firsts]
        return result

    def last(self, values: np.ndarray, back: int = 0) -> np.ndarray:
        """The value (n,) float64 of each row's latest event, or of the one `back` events before it; NaN where none."""
        result = np.full(self.n, np.nan)
        filled = self.length > back
        result[filled] = values[(np.cumsum(self.length) - 1 - back)[filled]]
        return result


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide parts by wholes (shapes broadcast); NaN where a whole is not positive."""
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole > 0)


def spans(sequences: Sequences, events: int = BLOCK_EVENTS) -> Iterator[tuple[int, int]]:
    """First row and end of each block of about `events` events, in order; every row is in exactly one block."""
    total = np.cumsum(sequences.length, dtype=np.int64)
    first = 0
    while first < len(sequences):
        before = total[first - 1] if first else 0
        end = max(int(np.searchsorted(total, before + events, side="right")), first + 1)
        yield first, end
        first = end


def blocks(sequences: Sequences) -> Iterator[RowEvents]:
    """Gather all rows in order, block by block."""
    for first, end in spans(sequences):
        yield RowEvents.gather(sequences, first, end)
