"""Calibrates the mean of the folds' logits, although blend and calibration are fitted on logits of single folds.

A fold's logit f_k is partly noise: from other training rows it would have come out otherwise. Blend and calibration
learn how far such a logit can be trusted. The mean m of the folds' logits has less noise and deserves more trust; if it
is weighed like a single logit, its scores are too timid. How much more trust it deserves follows without any target.
Whatever the outcome y, the mean of f_k y over rows and folds equals that of m y, since m is the mean of the f_k; and if
the f_k are calibrated,

    E[y] = E[p(f_k)]    and    E[f_k y] = E[f_k p(f_k)],

which are the equations of a logistic regression with slope 1 and offset 0. So m is calibrated by the slope s and the
offset a with E[p(a + s m)] = mean over k of E[p(f_k)] and E[m p(a + s m)] = mean over k of E[f_k p(f_k)]. For a number,
p(f) = f, and s is the mean variance of the f_k divided by that of m, the correction for attenuation (Spearman, 1904).
Nothing is assumed about the noise; the part of it that the folds share, because they share most of their training rows,
stays in m.
"""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.metrics.logistic import OFFSET_PRECISION, SLOPE_PRECISION, newton
from anna_core.models.blend.calibration.lines import SMALLEST_SLOPE, sigmoid
from anna_core.models.outputs import Output
from anna_core.tasks.task import TaskType

# The ratio of variances has a prior of 1, worth so many rows: from ten rows or fewer, its own value is mostly luck.
_PRIOR_ROWS = 10


class Averaging(BaseModel):
    """A straight line for each column of calibrated logits; for classes, one factor for all columns.

    Attributes:
        slopes: K positive numbers, mostly a little above 1; for classes, all the same.
        offsets: K numbers; for classes, zeros.
    """

    model_config = ConfigDict(frozen=True)

    slopes: tuple[float, ...]
    offsets: tuple[float, ...]

    @classmethod
    def fit(cls, output: Output, mean: np.ndarray, by_fold: np.ndarray, weight: np.ndarray) -> Self:
        """Fit the lines; no targets are needed.

        Args:
            output: meaning of the logits.
            mean: (u, K) calibrated logits of u rows, from the mean of F folds of which none was fitted on these rows.
            by_fold: (F, u, K) calibrated logits of the same rows from each fold.
            weight: (u,) positive; how many rows each one counts for.
        """
        mean, by_fold = np.asarray(mean, dtype=np.float64), np.asarray(by_fold, dtype=np.float64)
        weight = np.asarray(weight, dtype=np.float64)
        match output.task_type:
            case TaskType.MULTICLASS:
                lines = [(_factor(_centred(mean), _centred(by_fold), weight), 0.0)] * output.outputs
            case TaskType.REGRESSION:
                lines = [_line_of_numbers(mean[:, 0], by_fold[:, :, 0], weight)]
            case _:
                lines = [_line(mean[:, i], by_fold[:, :, i], weight) for i in range(output.outputs)]
        slopes, offsets = zip(*lines, strict=True)
        return cls(slopes=slopes, offsets=offsets)

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Correct calibrated logits (n, K) that come from the mean of the folds: float64 (n, K), in the same order."""
        return np.asarray(logits, dtype=np.float64) * np.array(self.slopes) + np.array(self.offsets)


def _line(mean: np.ndarray, by_fold: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and offset for the logit of one outcome: mean (u,), by_fold (F, u)."""
    expected = sigmoid(by_fold)
    outcomes = (weight * expected).sum(axis=1).mean()
    outcomes_by_logit = (weight * by_fold * expected).sum(axis=1).mean()
    prior, precision = np.array([1.0, 0.0]), np.array([SLOPE_PRECISION, OFFSET_PRECISION])

    def objective(line: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        logit = line[0] * mean + line[1]
        p = sigmoid(logit)
        spread = weight * p * (1 - p)
        away = line - prior
        loss = (weight * np.logaddexp(0.0, logit)).sum() - line @ [outcomes_by_logit, outcomes]
        gradient = np.array([(weight * mean * p).sum() - outcomes_by_logit, (weight * p).sum() - outcomes])
        across = (spread * mean).sum()
        hessian = np.array([[(spread * mean**2).sum(), across], [across, spread.sum()]])
        penalty = float((precision * away**2).sum() / 2)
        return float(loss) + penalty, gradient + precision * away, hessian + np.diag(precision)

    slope, offset = newton(prior, objective, lowest=np.array([SMALLEST_SLOPE, -np.inf]))
    return float(slope), float(offset)


def _factor(mean: np.ndarray, by_fold: np.ndarray, weight: np.ndarray) -> float:
    """One factor for the logits of all classes: mean (u, C), by_fold (F, u, C), the mean of each row being 0."""
    of_class = (weight * (by_fold * _softmax(by_fold)).sum(axis=-1)).sum(axis=1).mean()

    def objective(factor: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        scaled = factor[0] * mean
        p, highest = _softmax(scaled), scaled.max(axis=1)
        total = highest + np.log(np.exp(scaled - highest[:, None]).sum(axis=1))
        first, second = (p * mean).sum(axis=1), (p * mean**2).sum(axis=1)
        away = factor[0] - 1
        loss = (weight * total).sum() - factor[0] * of_class + SLOPE_PRECISION * away**2 / 2
        gradient = (weight * first).sum() - of_class + SLOPE_PRECISION * away
        curvature = (weight * (second - first**2)).sum() + SLOPE_PRECISION
        return float(loss), np.array([gradient]), np.array([[curvature]])

    return float(newton(np.ones(1), objective, lowest=np.array([SMALLEST_SLOPE]))[0])


def _line_of_numbers(mean: np.ndarray, by_fold: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    middle = np.average(mean, weights=weight)
    variance = np.average((mean - middle) ** 2, weights=weight)
    if variance <= 0:
        return 1.0, 0.0
    away = by_fold - np.average(by_fold, axis=1, weights=weight)[:, None]
    # The ratio is at most the number of folds, if they have nothing in common; from a few rows it may come out anyhow.
    ratio = min(float(np.average(away**2, axis=1, weights=weight).mean() / variance), float(len(by_fold)))
    slope = (_PRIOR_ROWS + mean.size * ratio) / (_PRIOR_ROWS + mean.size)
    return slope, float(middle * (1 - slope))


def _centred(logits: np.ndarray) -> np.ndarray:
    return logits - logits.mean(axis=-1, keepdims=True)


def _softmax(logits: np.ndarray) -> np.ndarray:
    scaled = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return scaled / scaled.sum(axis=-1, keepdims=True)
