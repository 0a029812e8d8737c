"""How far scores can be taken at their word: calibration slope and Brier score, for any type of task."""

from dataclasses import replace

import numpy as np

from anna_core.metrics.calibration import calibration_line
from anna_core.models.blend.calibration.lines import temperature
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.outputs import Output
from anna_core.models.vectors import DomainVectors
from anna_core.tasks.task import TaskType

FEWEST = 20  # rows of a label's rarer side: slopes of fewer say nothing


def before_and_after(
    model: Metamodel, members: dict[str, DomainVectors], target: np.ndarray, rows: np.ndarray
) -> dict[str, float]:
    """Slope and Brier score on rows that have the mean of all folds, without the correction for that and with it."""
    timid = replace(model, spec=model.spec.model_copy(update={"averaging": None}))
    found = {}
    for name, one in ((" before", timid), ("", model)):
        scores, output = one.predict(members)[rows], model.spec.output
        found[f"slope{name}"] = slope(output, target[rows], scores)
        found[f"brier{name}"] = brier(output, target[rows], scores)
    return found


def slope(output: Output, target: np.ndarray, scores: np.ndarray) -> float:
    """Calibration slope, 1 at best, above it too timid: of outcomes the mean over labels, of classes one factor."""
    ones = np.ones(len(target))
    match output.task_type:
        case TaskType.MULTICLASS:
            logits = output.logits(scores).astype(np.float64)
            return temperature(logits - logits.max(axis=1, keepdims=True), target, ones).slope
        case TaskType.REGRESSION:
            logits, truth = output.logits(scores)[:, 0], output.encode(target).numpy()[:, 0]
            return float(np.cov(logits, truth)[0, 1] / np.var(logits, ddof=1))
        case _:
            told = [i for i in range(scores.shape[1]) if FEWEST <= (target[:, i] > 0).sum() <= len(target) - FEWEST]
            return float(np.mean([calibration_line(target[:, i] > 0, scores[:, i], ones)[0] for i in told]))


def brier(output: Output, target: np.ndarray, scores: np.ndarray) -> float:
    """Mean squared error of probabilities, summed over classes and averaged over labels; of amounts, on their scale."""
    if output.task_type is TaskType.REGRESSION:
        return float(((output.logits(scores) - output.encode(target).numpy()) ** 2).mean())
    errors = (scores.astype(np.float64) - output.means_of(target)) ** 2
    return float(errors.sum(axis=1).mean() if output.task_type is TaskType.MULTICLASS else errors.mean())
