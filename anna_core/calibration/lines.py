"""Corrections of a slope and an offset: Platt's for logits, a temperature for classes, a line for numbers."""

from collections.abc import Callable

import numpy as np

from anna_core.calibration.curve import Curve

# Below, float32 scores would run together: a model that knows nothing is flattened, but keeps its order.
SMALLEST_SLOPE = 0.05
# Beyond these logits a probability is 0 or 1 in double precision.
LARGEST_LOGIT = 750.0

# Priors: slope 1, give or take 1; offset 0, give or take 10. The first keeps the slope finite where the classes do not
# overlap (as Platt's shrunken targets do), the second makes the optimum unique; fifty rows outweigh both.
_SLOPE_PRECISION, _OFFSET_PRECISION = 1.0, 0.01
# Newton's steps double the correct digits each; a dozen are usual.
_MOST_STEPS = 50
_SMALLEST_GAIN = 1e-10  # of the loss, relative
_SMALLEST_SHARE = 1e-6  # of a step that overshoots

# Parameters (p,) → loss, its gradient (p,), its Hessian (p, p).
_Objective = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def logistic_line(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the logistic regression of a label on a logit.

    Also known as the calibration slope and intercept of Cox ("Two further applications of a model for binary
    regression", 1958): 1 and 0 for a calibrated model, a slope below 1 for one that is too sure of itself.

    Args:
        logits: (n,) finite.
        label: (n,) 0 or 1.
        weight: (n,) how many rows each counts for.
    """
    slope, offset = _logistic(
        np.zeros(len(logits)), [logits, np.ones(len(logits))], [1.0, 0.0], [_SLOPE_PRECISION, _OFFSET_PRECISION],
        label, weight,
    )  # fmt: skip
    return slope, offset


def platt(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """Platt's correction (1999) of a logit, with a slope that is positive; arguments as in `logistic_line`."""
    slope, offset = logistic_line(logits, label, weight)
    if slope < SMALLEST_SLOPE:
        slope, flat = SMALLEST_SLOPE, SMALLEST_SLOPE * logits
        (offset,) = _logistic(flat, [np.ones(len(logits))], [0.0], [_OFFSET_PRECISION], label, weight)
    return Curve.line(slope, offset)


def temperature(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """One positive factor for the logits of all classes (Guo et al., "On Calibration of Modern Neural Networks", 2017).

    Args:
        logits: (n, C), each row's largest 0.
        label: (n,) class index.
        weight: (n,) how many rows each counts for.
    """
    of_label = logits[np.arange(len(label)), label]

    def objective(factor: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        scaled = np.exp(factor * logits)
        total = scaled.sum(axis=1)
        mean = (scaled * logits).sum(axis=1) / total
        variance = (scaled * logits**2).sum(axis=1) / total - mean**2
        loss = (weight * (np.log(total) - factor * of_label)).sum() + _SLOPE_PRECISION * (factor[0] - 1) ** 2 / 2
        gradient = (weight * (mean - of_label)).sum() + _SLOPE_PRECISION * (factor - 1)
        return float(loss), gradient, np.array([[(weight * variance).sum() + _SLOPE_PRECISION]])

    (factor,) = _newton(np.ones(1), objective, lowest=SMALLEST_SLOPE)
    return Curve.line(float(factor), 0.0)


def least_squares(values: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Curve:
    """The line with a positive slope of least squared error: values (n,), target (n,), weight (n,)."""
    mean, target_mean = np.average(values, weights=weight), np.average(target, weights=weight)
    spread = (weight * (values - mean) ** 2).sum()
    if spread <= 0:
        return Curve.line(1.0, float(target_mean - mean))
    slope = max(SMALLEST_SLOPE, float((weight * (values - mean) * (target - target_mean)).sum() / spread))
    return Curve.line(slope, float(target_mean - slope * mean))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Logits → probabilities, float64, without overflow and with all digits of small ones."""
    return np.exp(-np.logaddexp(0.0, -logits))


def log_losses(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of labels (n,) 0 or 1, in nats."""
    return np.logaddexp(0.0, logits) - label * logits


def class_losses(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Negative log-likelihood (n,) of class indices (n,) under logits (n, C) whose row maximum is 0, in nats."""
    return np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(label)), label]


def _logistic(
    base: np.ndarray,
    columns: list[np.ndarray],
    prior: list[float],
    precision: list[float],
    label: np.ndarray,
    weight: np.ndarray,
) -> tuple[float, ...]:
    """Coefficients of the columns whose sum, with the base, is the logit of the label."""
    centre, ridge = np.array(prior), np.array(precision)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        logit = base + sum(factor * column for factor, column in zip(theta, columns, strict=True))
        softplus = np.logaddexp(0.0, logit)
        p = np.exp(logit - softplus)
        residual, information = weight * (p - label), weight * p * (1 - p)
        # Sums, not matrix products: those may differ in the last bit by the number of threads.
        gradient = np.array([(residual * column).sum() for column in columns])
        hessian = np.array([[(information * one * other).sum() for other in columns] for one in columns])
        loss = (weight * (softplus - label * logit)).sum() + (ridge * (theta - centre) ** 2).sum() / 2
        return float(loss), gradient + ridge * (theta - centre), hessian + np.diag(ridge)

    return tuple(map(float, _newton(centre, objective)))


def _newton(theta: np.ndarray, objective: _Objective, lowest: float = -np.inf) -> np.ndarray:
    """Minimum of a convex function, parameters not below `lowest`, by Newton's steps, halved where they overshoot."""
    loss, gradient, hessian = objective(theta)
    for _ in range(_MOST_STEPS):
        step, share, before = np.linalg.solve(hessian, gradient), 1.0, loss
        if (gradient * step).sum() / 2 <= _SMALLEST_GAIN * abs(loss):  # what a full step would gain
            break
        while loss == before and share > _SMALLEST_SHARE:
            tried = np.maximum(theta - share * step, lowest)
            found = objective(tried)
            if found[0] < loss:
                theta, (loss, gradient, hessian) = tried, found
            share /= 2
        if loss == before:
            break
    return theta
