"""How far probabilities can be taken at their word."""

import numpy as np

from anna_core.metrics.logistic import logistic_line
from anna_core.metrics.probability import SMALLEST_PROBABILITY


def calibration_line(label: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Calibration slope and intercept: of the logistic regression of what happened on the logit of the score.

    1 and 0 for a calibrated model. A slope below 1 says that the scores are too extreme, as of an overfitted model;
    above 1, too timid. Source: Cox, 1958; Van Calster et al., "Calibration: the Achilles heel of predictive analytics",
    2019. Drawn to 1 and 0 by a weak prior, which matters for a few dozen rows only.

    Args:
        label: (n,) 0 or 1, both present.
        score: (n,) probabilities.
        weight: (n,) how many rows each counts for.
    """
    p = np.clip(np.asarray(score, dtype=np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return logistic_line(np.log(p) - np.log1p(-p), label, weight)
