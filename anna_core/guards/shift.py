"""Shift: do the test rows differ from the others, and in what?

A model that tells the two apart from a domain's aggregates (adversarial validation) finds what changed: a code that
went out of use, a currency, a source that begins late. The held-out figure then says less about the future.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from anna_core.aggregates.columns import aggregate, code_columns, top_codes
from anna_core.guards.rows import client_folds, pick_rows
from anna_core.guards.strength import Outcome, strength, why_not
from anna_core.guards.wording import code_in_words, column_in_words, figure
from anna_core.marts.dictionary import Dictionary
from anna_core.metrics.ranking import Ranking
from anna_core.samples.sample import Sample
from anna_core.samples.splits import TEST
from anna_core.sequences.ragged import Sequences

# ROC AUC. An aggregate whose mean moved by 0.74 standard deviations gives it alone, AUC = Φ(d / √2); from d = 0.8 on
# Cohen, "Statistical power analysis", 1988, calls a difference large. Below, months differ by themselves.
WARN = 0.7
MOST_ROWS, MOST_EVENTS = 10_000, 1_000_000  # half of the rows are test rows: the AUC is known to within 0.01
MOST_CODES = 20  # most frequent codes per field that are examined: all fields are examined together


@dataclass(frozen=True)
class Moved:
    """An aggregate that differs.

    Attributes:
        name: in words.
        auc: the chance that a test row has more of it than another row, rows without it left out; 0.5 is no difference.
        before: its median on the rows outside the test; NaN where no row has it, and of codes, which have no order.
        test: its median on the test rows.
        told: what it is outside the test and in it, in words.
    """

    name: str
    auc: float
    before: float
    test: float
    told: str


@dataclass(frozen=True)
class Shift:
    """How well a domain's aggregates tell test rows from the others.

    Attributes:
        auc: ROC AUC on clients that the model was not fitted on; 0.5 is not at all, NaN if not probed.
        low: lower end of its 95% interval.
        moved: the aggregates that differ most, the most telling first.
        rows: number of rows examined.
        not_probed: why nothing was probed; empty if something was.
    """

    auc: float = float("nan")
    low: float = float("nan")
    moved: tuple[Moved, ...] = ()
    rows: int = 0
    not_probed: str = ""

    @property
    def warns(self) -> bool:
        """Whether the rows differ more than they should; never if nothing was probed."""
        return self.low >= WARN


def probe_shift(sequences: Sequences, sample: Sample, dictionary: Dictionary) -> Shift:
    """Tell test rows from the others by a domain's aggregates; targets are not used.

    Args:
        sequences: of the sample's n rows.
        sample: gives the split.
        dictionary: gives the values behind codes, for the wording.
    """
    test = sample.split == TEST
    rows = pick_rows(np.arange(len(sample)), test, sequences.length, MOST_ROWS, MOST_EVENTS)
    client, fold = client_folds(sample.rows[rows])
    side = Outcome("'in the test or not'", test[rows].astype(np.float64))
    if reason := why_not(side, client, fold):
        return Shift(rows=len(rows), not_probed=reason)
    part = sequences.take(rows)
    codes = {name: frequent[:MOST_CODES] for name, frequent in top_codes(part).items()}
    features = aggregate(part, codes, order=False)
    found = strength(features, [side], client, fold)
    coded = code_columns(part.domain)
    moved = []
    for name in found.columns:
        words = column_in_words(name, part.domain, dictionary)
        if name in coded:
            value = partial(code_in_words, name, domain=part.domain, dictionary=dictionary)
            moved.append(_moved_codes(features[name], test[rows], words, value))
        else:
            moved.append(_moved(features[name], test[rows], words))
    return Shift((found.value + 1) / 2, (found.low + 1) / 2, tuple(moved), len(rows))


def _moved(column: pl.Series, test: np.ndarray, name: str) -> Moved:
    auc, others, tested = _sides(column, test)
    before, after = (float(np.median(side)) if len(side) else float("nan") for side in (others, tested))
    told = _told("median", *(figure(side) if np.isfinite(side) else "" for side in (before, after)))
    return Moved(name, auc, before, after, told)


def _moved_codes(column: pl.Series, test: np.ndarray, name: str, value: Callable[[int], str]) -> Moved:
    auc, *sides = _sides(column, test)
    told = _told("most often", *(value(_most_frequent(side)) if len(side) else "" for side in sides))
    return Moved(name, auc, float("nan"), float("nan"), told)


def _most_frequent(codes: np.ndarray) -> int:
    different, counts = np.unique(codes, return_counts=True)
    return int(different[counts.argmax()])


def _sides(column: pl.Series, test: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The ROC AUC of a column alone, and its values outside the test and in it, where known."""
    known = ~np.isnan(column.to_numpy())
    values, there = column.to_numpy()[known], test[known]
    return Ranking.of(there, values).roc_auc(np.ones(len(values))), values[~there], values[there]


def _told(what: str, before: str, test: str) -> str:
    """What an aggregate is on both sides, in words; an empty text is of a side none of whose rows has it."""
    if not test:
        return f"{what} {before} outside the test; no test row has it"
    if not before:
        return f"{what} {test} in the test; no other row has it"
    return f"{what} {before} in both" if before == test else f"{what} {before} outside the test and {test} in it"
