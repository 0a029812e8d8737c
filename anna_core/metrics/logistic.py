"""Logistic regression of a label on a logit, and the Newton steps that fit it and similar models."""

from collections.abc import Callable

import numpy as np

# Priors: slope 1, give or take 1; offset 0, give or take 10. The first keeps the slope finite if the classes do not
# overlap (as Platt's shrunken targets do), the second makes the optimum unique; fifty rows outweigh both.
SLOPE_PRECISION, OFFSET_PRECISION = 1.0, 0.01
# Each of Newton's steps doubles the number of correct digits; a dozen is usual.
_MOST_STEPS = 50
_SMALLEST_GAIN = 1e-10  # relative, of the loss
_SMALLEST_SHARE = 1e-6  # of a step that overshoots

# Parameters (p,) → loss, its gradient (p,), its Hessian (p, p).
Objective = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def logistic_line(logits: np.ndarray, label: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the logistic regression of a label on a logit.

    Also known as the calibration slope and intercept of Cox ("Two further applications of a model for binary
    regression", 1958): 1 and 0 for a calibrated model, a slope below 1 for one that is too sure of itself.

    Args:
        logits: (n,) finite.
        label: (n,) 0 or 1.
        weight: (n,) how many rows each one counts for.
    """
    slope, offset = logistic(
        np.zeros(len(logits)), [logits, np.ones(len(logits))], [1.0, 0.0], [SLOPE_PRECISION, OFFSET_PRECISION],
        label, weight,
    )  # fmt: skip
    return slope, offset


def logistic(
    base: np.ndarray,
    columns: list[np.ndarray],
    prior: list[float],
    precision: list[float],
    label: np.ndarray,
    weight: np.ndarray,
) -> tuple[float, ...]:
    """Coefficients of the columns: their weighted sum plus the base is the logit of the label."""
    centre, ridge = np.array(prior), np.array(precision)

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        logit = base + sum(factor * column for factor, column in zip(theta, columns, strict=True))
        softplus = np.logaddexp(0.0, logit)
        p = np.exp(logit - softplus)
        residual, information = weight * (p - label), weight * p * (1 - p)
        # Sums, not matrix products: the last bit of a product may depend on the number of threads.
        gradient = np.array([(residual * column).sum() for column in columns])
        hessian = np.array([[(information * one * other).sum() for other in columns] for one in columns])
        loss = (weight * (softplus - label * logit)).sum() + (ridge * (theta - centre) ** 2).sum() / 2
        return float(loss), gradient + ridge * (theta - centre), hessian + np.diag(ridge)

    return tuple(map(float, newton(centre, objective)))


def newton(theta: np.ndarray, objective: Objective, lowest: float | np.ndarray = -np.inf) -> np.ndarray:
    """Minimum of a convex function with parameters not below `lowest`: Newton's steps, halved where they overshoot."""
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
