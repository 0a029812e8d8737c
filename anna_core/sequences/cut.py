"""Cutting windows: which events of a table, sorted by client and time, each row sees."""

from dataclasses import dataclass

import numpy as np

from anna_core.domains import Domain
from anna_core.sequences.visibility import visible_window


@dataclass(frozen=True)
class Windows:
    """What n rows see of E events.

    Attributes:
        kept: (E,) whether any row sees the event; the others are dropped, and positions count the kept events only.
        start: (n,) int64, position of a row's first event.
        length: (n,) int32, number of a row's events; 0 where it sees none.
    """

    kept: np.ndarray
    start: np.ndarray
    length: np.ndarray


def cut(time: np.ndarray, low: np.ndarray, high: np.ndarray, as_of: np.ndarray, domain: Domain) -> Windows:
    """Cut each row's window out of its client's events.

    Args:
        time: (E,) int64 microseconds since 1970 on the bank's clock, ascending within each client.
        low: (n,) position of the first event of a row's client.
        high: (n,) position after the last one; equal to `low` where the client has no events.
        as_of: (n,) dates.
        domain: defines the window and how many of the latest events a row keeps.
    """
    first, end = visible_window(as_of, domain)
    start, stop = bisect(time, low, high, first), bisect(time, low, high, end)
    start = np.maximum(start, stop - domain.max_length)
    return _drop_unseen(len(time), start, stop)


def bisect(values: np.ndarray, low: np.ndarray, high: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """The first position in values[low:high] whose value is not below the bound; `high` where there is none.

    Args:
        values: (E,) ascending within each span.
        low: (n,) where each span begins.
        high: (n,) where it ends.
        bound: (n,) the value searched for.

    Returns:
        (n,) int64 positions. All n searches run side by side and take log2(longest span) steps.
    """
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = np.zeros_like(open_)
        below[open_] = values[middle[open_]] < bound[open_]
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    return low


def _drop_unseen(events: int, start: np.ndarray, stop: np.ndarray) -> Windows:
    seen = stop > start
    change = np.zeros(events + 1, dtype=np.int32)
    np.add.at(change, start[seen], 1)
    np.add.at(change, stop[seen], -1)
    kept = np.cumsum(change[:-1], dtype=np.int32) > 0
    position = np.concatenate([[0], np.cumsum(kept)])
    length = np.where(seen, stop - start, 0).astype(np.int32)
    return Windows(kept, np.where(seen, position[start], 0), length)
