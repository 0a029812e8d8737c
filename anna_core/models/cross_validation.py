"""Cross-validated choices between models of the same rows: similar folds, and when one model is clearly better."""

import math

import numpy as np

FOLDS = 5
# The one-standard-error rule (Breiman et al., 1984), on paired losses.
_STANDARD_ERRORS = 1.0


def alike_folds(target: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """Divide groups of rows at random into folds with similar targets: sorted by mean target, every fifth is taken.

    Args:
        target: (n,) or (n, L), of which the sum over the L is used.
        group: (n,) int64 from 0 on; rows of one group stay together.
        seed: seed for the order of groups with the same mean.

    Returns:
        (n,) int64 fold of each row, 0 … `FOLDS` - 1.
    """
    flat = np.asarray(target, dtype=np.float64).reshape(len(target), -1).sum(axis=1)
    mean = np.bincount(group, weights=flat) / np.bincount(group)
    order = np.lexsort((np.random.default_rng(seed).random(len(mean)), mean))
    fold = np.empty(len(mean), dtype=np.int64)
    fold[order] = np.arange(len(mean)) % FOLDS
    return fold[group]


def clearly_less(losses: np.ndarray, than: np.ndarray, group: np.ndarray) -> bool:
    """Whether weighted losses (n,) are lower on average by more than chance, counting a group's rows as one."""
    gain = np.bincount(group, weights=than - losses)
    return bool(gain.mean() > _STANDARD_ERRORS * gain.std() / math.sqrt(len(gain)))
