"""How far probabilities can be taken at face value."""

import numpy as np

from anna_core.metrics.logistic import logistic_line
from anna_core.metrics.probability import SMALLEST_PROBABILITY


def calibration_line(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Calibration slope and intercept: those of the logistic regression of the outcome on the logit of the score.

    1 and 0 for a calibrated model. A slope below 1 means that the scores are too extreme, as those of an
    overfitted model are; above 1, too timid. A weak prior draws them to 1 and 0, which matters only for a few dozen
    rows. Source: Cox, 1958; Van Calster et al., "Calibration: the Achilles heel of predictive analytics", 2019.

    Args:
        label: (n,) 0 or 1, both present.
        score: (n,) probabilities.
        weight: (n,) how many rows each one counts for.
    """
    p = np.clip(np.asarray(score, dtype=np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return logistic_line(np.log(p) - np.log1p(-p), label, weight)
