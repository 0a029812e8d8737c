"""Cross-validated choices between models of the same rows: similar folds, and how sure it is which model is better."""

import math

import numpy as np

FOLDS = 5
# The one-standard-error rule (Breiman et al., 1984), on paired losses.
_STANDARD_ERRORS = 1.0
# Tell a chance to within two in a hundred, where it is even.
_DRAWS, _DRAWS_AT_A_TIME = 500, 20


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


def chances_to_be_best(losses: np.ndarray, group: np.ndarray, seed: int) -> np.ndarray:
    """How often each of C models has the least loss when the groups are weighed anew, at random.

    The Bayesian bootstrap (Rubin, 1981) of the losses; as weights of the models they are those of "pseudo-BMA+" (Yao,
    Vehtari, Simpson & Gelman, "Using stacking to average Bayesian predictive distributions", 2018).

    Args:
        losses: (C, n) weighted losses of the rows, by models that were not fitted on them.
        group: (n,) int64 from 0 on; rows of one group are weighed alike.
        seed: of the weights.

    Returns:
        (C,) float64, 1 in all.
    """
    of_groups = np.stack([np.bincount(group, weights=one) for one in losses])
    draws, wins = np.random.default_rng(seed), np.zeros(len(losses))
    for _ in range(_DRAWS // _DRAWS_AT_A_TIME):
        weights = draws.exponential(size=(of_groups.shape[1], _DRAWS_AT_A_TIME))
        wins += np.bincount((of_groups @ weights).argmin(axis=0), minlength=len(losses))
    return wins / wins.sum()
