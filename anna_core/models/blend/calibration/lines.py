"""Corrections by a slope and an offset: Platt's for logits, a temperature for classes, a line for numbers."""

import numpy as np

from anna_core.metrics.logistic import OFFSET_PRECISION, SLOPE_PRECISION, logistic, logistic_line, newton
from anna_core.models.blend.calibration.curve import Curve

# With a smaller slope, float32 scores would coincide: a model that knows nothing is flattened, but keeps its order.
SMALLEST_SLOPE = 0.05
# Beyond these logits a probability is 0 or 1 in double precision.
LARGEST_LOGIT = 750.0


def platt(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """Platt's correction (1999) of a logit, with a positive slope; arguments as of `logistic_line`."""
    slope, offset = logistic_line(logits, label, weight)
    if slope < SMALLEST_SLOPE:
        slope, flat = SMALLEST_SLOPE, SMALLEST_SLOPE * logits
        (offset,) = logistic(flat, [np.ones(len(logits))], [0.0], [OFFSET_PRECISION], label, weight)
    return Curve.line(slope, offset)


def temperature(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """One positive factor for the logits of all classes (Guo et al., "On Calibration of Modern Neural Networks", 2017).

    Args:
        logits: (n, C), the largest of each row being 0.
        label: (n,) class index.
        weight: (n,) how many rows each one counts for.
    """
    of_label = logits[np.arange(len(label)), label]

    def objective(factor: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        scaled = np.exp(factor * logits)
        total = scaled.sum(axis=1)
        mean = (scaled * logits).sum(axis=1) / total
        variance = (scaled * logits**2).sum(axis=1) / total - mean**2
        loss = (weight * (np.log(total) - factor * of_label)).sum() + SLOPE_PRECISION * (factor[0] - 1) ** 2 / 2
        gradient = (weight * (mean - of_label)).sum() + SLOPE_PRECISION * (factor - 1)
        return float(loss), gradient, np.array([[(weight * variance).sum() + SLOPE_PRECISION]])

    (factor,) = newton(np.ones(1), objective, lowest=SMALLEST_SLOPE)
    return Curve.line(float(factor), 0.0)


def least_squares(values: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Curve:
    """Among lines with a positive slope the one of least squared error: values (n,), target (n,), weight (n,)."""
    mean, target_mean = np.average(values, weights=weight), np.average(target, weights=weight)
    spread = (weight * (values - mean) ** 2).sum()
    if spread <= 0:
        return Curve.line(1.0, float(target_mean - mean))
    slope = max(SMALLEST_SLOPE, float((weight * (values - mean) * (target - target_mean)).sum() / spread))
    return Curve.line(slope, float(target_mean - slope * mean))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities, float64, without overflow and with all digits of small ones."""
    return np.exp(-np.logaddexp(0.0, -logits))


def log_losses(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of labels (n,) 0 or 1, in nats."""
    return np.logaddexp(0.0, logits) - label * logits


def class_losses(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of class indices (n,) under logits (n, C) whose row maximum is 0, in nats."""
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(label)), label]
