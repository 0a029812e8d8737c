"""A fitted calibration: how a model's logits are corrected, and why so."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.errors import ArtifactError
from anna_core.models.blend.calibration.curve import Curve
from anna_core.models.blend.calibration.lines import LARGEST_LOGIT
from anna_core.tasks.task import TaskType

# Simplest first.
Method = Literal["identity", "platt", "temperature", "line", "isotonic"]


class Correction(BaseModel):
    """The curve of one column of logits, or of all classes together.

    Attributes:
        method: how the curve was fitted; identity leaves the logits as they are.
        curve: logit → calibrated logit.
        losses: each method that was tried → its weighted mean cross-validated loss: log loss in nats, or the squared
            error of a regression on the transformed scale. Empty if none was tried.
        limit: why no more methods were tried, as a sentence; None if all were.
    """

    model_config = ConfigDict(frozen=True)

    method: Method = "identity"
    curve: Curve = Curve()
    losses: dict[Method, float] = {}
    limit: str | None = None


class Calibration(BaseModel):
    """Calibrates logits (n, K) in the space of `anna_core.models.outputs.Output`.

    Binary and multilabel: each column has a strictly increasing curve of its own, so that ROC AUC and all other metrics
    of ranking stay the same. Regression: a rising line. Multiclass: one positive factor for all logits (a temperature),
    which keeps the order of the classes in every row, and so the accuracy. The order of rows by the probability of one
    class may change a little: for three classes or more, the only maps that preserve it and still sum to 1 are mixtures
    with a constant.

    Attributes:
        task_type: what the logits are.
        columns: one correction per column; a single one for multiclass.
    """

    model_config = ConfigDict(frozen=True)

    task_type: TaskType
    columns: tuple[Correction, ...]

    @classmethod
    def identity(cls, task_type: TaskType, outputs: int, reason: str) -> Self:
        """A calibration that leaves K = `outputs` columns as they are, because of `reason`, a sentence."""
        number = 1 if task_type is TaskType.MULTICLASS else outputs
        return cls(task_type=task_type, columns=(Correction(limit=reason),) * number)

    @property
    def is_identity(self) -> bool:
        """Whether all logits are left as they are."""
        return all(column.method == "identity" for column in self.columns)

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Calibrate logits (n, K): float64 (n, K), finite unless NaN or, for regression, infinite.

        Equal logits stay equal, no two change places, and those more than 1e-9 apart stay apart.

        Raises:
            ArtifactError: the number of columns is not that of the calibration.
        """
        values = np.asarray(logits, dtype=np.float64)
        if self.task_type is not TaskType.MULTICLASS and values.shape[1] != len(self.columns):
            raise ArtifactError(
                f"the calibration was fitted on {len(self.columns)} columns of logits, found {values.shape[1]}; "
                "train the metamodel again."
            )
        if self.is_identity:
            return values
        values = prepared(values, self.task_type)
        if self.task_type is TaskType.MULTICLASS:
            return self.columns[0].curve(values)
        return np.stack([column.curve(values[:, i]) for i, column in enumerate(self.columns)], axis=1)


def prepared(logits: np.ndarray, task_type: TaskType) -> np.ndarray:
    """Logits (n, K) float64 of the same meaning, but without overflow; of classes, the largest of each row is 0."""
    if task_type is TaskType.REGRESSION:
        return logits
    if task_type is TaskType.MULTICLASS:
        finite = np.clip(logits, -np.finfo(np.float32).max, np.finfo(np.float32).max)
        logits = finite - finite.max(axis=1, keepdims=True)
    return np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)
