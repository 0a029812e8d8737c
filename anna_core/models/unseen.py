"""What the models of each fold say of the same rows, which none of them was fitted on.

The metamodel is fitted on what one fold's models say of a row, but new rows get the mean of all folds, which errs and
varies less. By how much is seen where every fold's models speak of rows that are new to all of them: those of the test.
Their targets play no part in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from anna_core.models.vectors import DomainVectors
from anna_core.samples.splits import TEST

MOST_ROWS = 5_000  # tell a ratio of variances to within a hundredth


@dataclass(frozen=True)
class Unseen:
    """u rows of a sample, and what each fold's models say of them.

    Attributes:
        rows: (u,) int64 positions among the sample's rows.
        by_fold: for each of two or more folds, member → its vectors of these rows by the models of that fold alone.
    """

    rows: np.ndarray
    by_fold: tuple[Mapping[str, DomainVectors], ...]

    @classmethod
    def of(
        cls,
        members: Mapping[str, DomainVectors],
        by_fold: Mapping[str, Sequence[DomainVectors]],
        rows: np.ndarray,
    ) -> Self | None:
        """Put together what was kept of each member; None where there is one fold, or no row.

        Args:
            members: member → its vectors of the sample's rows.
            by_fold: member → for each fold, its vectors of the u rows; none for a member that has one fold, or none.
            rows: (u,) positions of these rows.
        """
        folds = max(map(len, by_fold.values()), default=0)
        if folds < 2 or len(rows) == 0:
            return None

        def of_fold(name: str, fold: int) -> DomainVectors:
            return by_fold[name][fold] if by_fold.get(name) else members[name].take(rows)

        return cls(rows, tuple({name: of_fold(name, fold) for name in members} for fold in range(folds)))


def unseen_rows(split: np.ndarray, seed: int) -> np.ndarray:
    """Positions (u,), in their order, of at most `MOST_ROWS` test rows, drawn at random: split (n,) text."""
    rows = np.flatnonzero(split == TEST)
    if len(rows) <= MOST_ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))
