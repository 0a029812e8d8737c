"""The search for a learning rate: one net is trained at several, and the validation rows choose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anna_core.models.cross_validation import clearly_less
from anna_core.tasks.training import USUAL_RATE

_FACTORS = (0.5, 2.0)
# The least number of trainings in a search: at the usual rate, at one below and at one above.
LEAST_TRIALS = 1 + len(_FACTORS)


@dataclass(frozen=True)
class Trial:
    """A training at one rate.

    Attributes:
        rate: its peak.
        losses: (n,) weighted losses of the validation rows under the weights kept; None if it diverged.
        client: (n,) the client that each row belongs to, as a number from 0; a client's rows are not independent.
    """

    rate: float
    losses: np.ndarray | None
    client: np.ndarray


def find_rate(train: Callable[[float], Trial]) -> float | None:
    """Start from the usual rate and keep halving or doubling it for as long as that clearly lowers the loss.

    Within a factor of two the loss hardly depends on the rate, and chance decides which of three comes out lowest; so
    a rate other than the usual one has to be better by a standard error.

    Args:
        train: trains at a rate, always from the same weights; called at least twice.

    Returns:
        The rate; None if all trainings diverged.
    """
    usual = best = train(USUAL_RATE)
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
