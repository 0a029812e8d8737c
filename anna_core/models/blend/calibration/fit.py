"""Chooses and fits a calibration by cross-validation.

A method is chosen only if it beats every simpler one by more than chance would, so a model that is calibrated already
is left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anna_core.errors import TrainingError
from anna_core.models.blend.calibration.curve import Curve
from anna_core.models.blend.calibration.isotonic import isotonic
from anna_core.models.blend.calibration.lines import class_losses, least_squares, log_losses, platt, temperature
from anna_core.models.blend.calibration.model import Calibration, Correction, Method, prepared
from anna_core.models.cross_validation import FOLDS, alike_folds, clearly_less
from anna_core.models.outputs import Output
from anna_core.tasks.task import TaskType

# Fewer rows do not suffice to fit two numbers; ten rows of the rarer class per parameter is the usual rule.
_FEWEST_ROWS, _FEWEST_OF_CLASS = 50, 20
# A curve needs more: with fewer rows, Platt's line has the lower loss (Niculescu-Mizil and Caruana, 2005, who put the
# limit even higher; between the two, cross-validation decides).
_FEWEST_ROWS_OF_CURVE, _FEWEST_OF_CLASS_OF_CURVE = 200, 50

# logits (n,) or (n, C), target (n,), weight (n,) → curve.
_Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], Curve]
# logits, target → loss (n,) of each row.
_Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Rows:
    """The n rows that one correction is fitted on, in g groups that are independent of each other, such as clients.

    Attributes:
        logits: (n,), or (n, C) for classes.
        target: (n,) as the loss reads it.
        weight: (n,) positive.
        group: (n,) int64, 0 … g - 1.
    """

    logits: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    group: np.ndarray

    @property
    def groups(self) -> int:
        return int(self.group.max()) + 1

    @property
    def groups_of_rarer_class(self) -> int:
        return min(len(np.unique(self.group[self.target == label])) for label in (0, 1))


def fit_calibration(
    output: Output,
    logits: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray | None = None,
    seed: int = 0,
) -> Calibration:
    """Choose a model's calibration by its cross-validated weighted loss, and fit it.

    Args:
        output: meaning of the logits.
        logits: (n, K) of rows that the model was not fitted on; infinite ones are taken as very large.
        target: (n, L), or (n,) class index for multiclass, as in the sample.
        weight: (n,) positive; how many rows each one counts for, so their mean should be 1 unless they are counts.
        group: (n,) ids of independent groups, such as clients, which folds do not split. None: each row is one.
        seed: of the folds.

    Raises:
        TrainingError: the arrays do not fit each other, or a logit is not a number.
    """
    logits = np.asarray(logits, dtype=np.float64)
    _check(output, logits, target, weight, group)
    if len(logits) == 0:
        return Calibration.identity(output.task_type, output.outputs, "There are no rows to calibrate on.")
    values, encoded = prepared(logits, output.task_type), output.encode(target).numpy()
    weight = np.asarray(weight, dtype=np.float64)
    number = np.arange(len(values)) if group is None else np.unique(group, return_inverse=True)[1]
    match output.task_type:
        case TaskType.MULTICLASS:
            rows = [_Rows(values, encoded, weight, number)]
        case _:
            columns = encoded.astype(np.float64)
            rows = [_Rows(values[:, i], columns[:, i], weight, number) for i in range(output.outputs)]
    return Calibration(task_type=output.task_type, columns=tuple(_correction(one, output, seed) for one in rows))


def _correction(rows: _Rows, output: Output, seed: int) -> Correction:
    fits, limit = _candidates(rows, output)
    if not fits:
        return Correction(limit=limit)
    loss = _loss_of(output.task_type)
    losses: dict[Method, np.ndarray] = {"identity": loss(rows.logits, rows.target)}
    folds = alike_folds(rows.target, rows.group, seed)
    best: Method = "identity"
    for method, fit in fits.items():
        held_out = np.empty_like(rows.logits)
        for fold in range(FOLDS):
            fitted, judged = folds != fold, folds == fold
            curve = fit(rows.logits[fitted], rows.target[fitted], rows.weight[fitted])
            held_out[judged] = curve(rows.logits[judged])
        losses[method] = loss(held_out, rows.target)
        if clearly_less(rows.weight * losses[method], rows.weight * losses[best], rows.group):
            best = method
    return Correction(
        method=best,
        curve=Curve() if best == "identity" else fits[best](rows.logits, rows.target, rows.weight),
        losses={method: float(np.average(values, weights=rows.weight)) for method, values in losses.items()},
        limit=limit,
    )


def _candidates(rows: _Rows, output: Output) -> tuple[dict[Method, _Fit], str | None]:
    """The methods to try, simplest first; and a sentence that says why no more are tried, None if all are."""
    if rows.groups < _FEWEST_ROWS:
        return {}, f"Only {rows.groups} independent rows; {_FEWEST_ROWS} are needed to calibrate the score."
    if output.task_type is TaskType.MULTICLASS:
        return {"temperature": temperature}, None
    if output.transform is not None:
        if output.transform.loss == "squared":
            return {"line": least_squares}, None
        return {}, "The score is fitted to the middle of the target, not to its mean, so no mean is corrected."
    rarer = rows.groups_of_rarer_class
    if rarer < _FEWEST_OF_CLASS:
        return {}, (
            f"Only {rarer} independent rows of the rarer class; {_FEWEST_OF_CLASS} are needed to calibrate the score."
        )
    if rows.groups < _FEWEST_ROWS_OF_CURVE:
        return {"platt": platt}, (
            f"Only {rows.groups} independent rows; {_FEWEST_ROWS_OF_CURVE} are needed for an isotonic calibration."
        )
    if rarer < _FEWEST_OF_CLASS_OF_CURVE:
        return {"platt": platt}, (
            f"Only {rarer} independent rows of the rarer class; {_FEWEST_OF_CLASS_OF_CURVE} are needed for an isotonic "
            "calibration."
        )
    return {"platt": platt, "isotonic": isotonic}, None


def _loss_of(task_type: TaskType) -> _Loss:
    match task_type:
        case TaskType.MULTICLASS:
            return class_losses
        case TaskType.REGRESSION:
            return lambda values, target: (values - target) ** 2
        case _:
            return log_losses


def _check(
    output: Output, logits: np.ndarray, target: np.ndarray, weight: np.ndarray, group: np.ndarray | None
) -> None:
    lengths = {len(target), len(weight), len(logits) if group is None else len(group)}
    if logits.shape != (len(logits), output.outputs) or lengths != {len(logits)}:
        raise TrainingError(
            f"calibration: logits of shape {logits.shape} do not fit {len(target)} targets, {len(weight)} weights and "
            f"{output.outputs} outputs; they must be of the same rows."
        )
    if np.isnan(logits).any():
        raise TrainingError(
            "calibration: a logit is not a number: a model diverged. Train it again, a net with a lower "
            "training.learning_rate."
        )
