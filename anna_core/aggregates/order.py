"""Order of a row's events: how soon each code comes after other events and before them, and which code follows which.

Counts and sums cannot say whether cash is withdrawn just after the salary arrives or just before, or whether one late
payment follows another. What trees gain from it: docs/quality.md, simulated banks.
"""

from typing import NamedTuple, Self

import numpy as np

from anna_core.aggregates.events import WINDOWS, RowEvents, ratio

# How many of a field's most frequent codes have a column for each pair of them.
_FOLLOWED_CODES = 8
# Habits change: the change of gaps within the longest window has a column of its own (docs/quality.md).
_RECENT_DAYS = WINDOWS[-1]
_MINUTES = 24 * 60  # in a day, the unit of `RowEvents.age`


class Gaps(NamedTuple):
    """log(1 + minutes), (G,) float64, between each event and its neighbours in the row.

    Attributes:
        before: since the previous event; 0 for a row's first.
        after: until the next event; 0 for a row's last.
    """

    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, block: RowEvents) -> Self:
        """Measure the gaps of a block of events."""
        before = np.zeros(len(block.row))
        before[1:] = np.log1p(np.maximum(block.age[:-1] - block.age[1:], 0) * _MINUTES)
        before[block.firsts] = 0
        after = np.zeros(len(block.row))
        after[:-1] = before[1:]
        return cls(before, after)


def order_columns(
    block: RowEvents, group: np.ndarray, codes: np.ndarray, counts: np.ndarray, recent: np.ndarray, gaps: Gaps
) -> dict[str, np.ndarray]:
    """The columns (n,) about the order of a coded field.

    Args:
        block: the events.
        group: (G,) index of each event's code in `codes`; -1 where it is not among them.
        codes: (C,) codes that have columns, the most frequent first.
        counts: (n, C) number of events of each code.
        recent: (n, D) the same within the longest window, for the first D codes, whose gaps have columns.
        gaps: gaps of the events.
    """
    frequent = recent.shape[1]
    detailed = np.where(group < frequent, group, -1)
    often = counts[:, :frequent]
    before, recently_before = _mean_gaps(block, detailed, often, recent, gaps.before, block.firsts)
    after, recently_after = _mean_gaps(block, detailed, often, recent, gaps.after, block.lasts)
    columns = {}
    for i, code in enumerate(codes[:frequent]):
        columns[f"{code}__gap_before"], columns[f"{code}__gap_after"] = before[:, i], after[:, i]
        columns[f"{code}__gap_change"] = after[:, i] - before[:, i]
        columns[f"{code}__gap_change_{_RECENT_DAYS}d"] = recently_after[:, i] - recently_before[:, i]
    pairs = min(len(codes), _FOLLOWED_CODES)
    followed = counts[:, :pairs] - _ends(block, detailed, frequent, block.lasts)[:, :pairs]
    shares = ratio(_transitions(block, group, pairs), followed[:, :, None])
    for i, code in enumerate(codes[:pairs]):
        columns |= {f"{code}__then__{other}": shares[:, i, j] for j, other in enumerate(codes[:pairs])}
    return columns


def _mean_gaps(
    block: RowEvents, group: np.ndarray, counts: np.ndarray, recent: np.ndarray, gap: np.ndarray, without: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean gap (n, groups) of each group's events, over all time and within the longest window; NaN if there are none.

    `counts` and `recent` (n, groups) are the numbers of these events; those `without` a gap, by position, do not count.
    """
    groups = counts.shape[1]
    total, by_window = block.count_by_window(group, groups, gap)
    recently_without = without[block.window[without] < len(WINDOWS)]
    mean = ratio(total, counts - _ends(block, group, groups, without))
    return mean, ratio(by_window[:, :, -1], recent - _ends(block, group, groups, recently_without))


def _transitions(block: RowEvents, group: np.ndarray, groups: int) -> np.ndarray:
    """How often an event of the first group is followed by one of the second: (n, groups, groups)."""
    known = np.where((group >= 0) & (group < groups), group, groups)  # the last group stands for all other codes
    pair = np.empty_like(known)
    pair[:-1] = known[:-1] * (groups + 1) + known[1:]
    pair[block.lasts] = -1
    return block.count(pair, (groups + 1) ** 2).reshape(block.n, groups + 1, groups + 1)[:, :groups, :groups]


def _ends(block: RowEvents, group: np.ndarray, groups: int, events: np.ndarray) -> np.ndarray:
    """One-hot group (n, groups) of one event per row, at positions `events`; 0 where there is none, or no group."""
    there = np.zeros((block.n, groups))
    of_event, row = group[events], block.row[events]
    there[row[of_event >= 0], of_event[of_event >= 0]] = 1
    return there
