"""The search for a learning rate: one net is trained at several, and the validation rows choose."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anna_core.cross_validation import clearly_less

# What a task may say in place of a number.
Found = Literal["auto"]
# On eight real domains of 3,000 to 5,000 rows a GRU's metric was 0.6567 at 1.5e-3, 0.6596 at 3e-3, 0.6554 at 6e-3 and
# 0.6453 at 1.2e-2; the best of them for each domain, by hindsight, 0.6622.
USUAL = 3e-3
_FACTORS = (0.5, 2.0)
# Trainings that a search takes at least: at the usual rate, at one below and at one above.
LEAST_TRIALS = 1 + len(_FACTORS)


@dataclass(frozen=True)
class Trial:
    """A training at one rate.

    Attributes:
        rate: its peak.
        losses: (n,) weighted losses of the validation rows, by the weights kept; None where it diverged.
        client: (n,) from 0 on, whose each row is; rows of one client are not independent.
    """

    rate: float
    losses: np.ndarray | None
    client: np.ndarray


def find_rate(train: Callable[[float], Trial]) -> float | None:
    """Walk from the usual rate, halving or doubling it for as long as that clearly lowers the loss.

    Up to twofold the loss hardly depends on the rate, and chance decides which of three comes out lowest; so another
    than the usual one has to be better by a standard error.

    Args:
        train: trains at a rate, always from the same weights; called at least twice.

    Returns:
        The rate; None where all trainings diverged.
    """
    usual = best = train(USUAL)
    for factor in _FACTORS:
        while _is_better(other := train(best.rate * factor), best):
            best = other
        if best is not usual:
            break
    return None if best.losses is None else best.rate


def _is_better(trial: Trial, than: Trial) -> bool:
    if trial.losses is None or than.losses is None:
        return trial.losses is not None
    return clearly_less(trial.losses, than.losses, trial.client)
