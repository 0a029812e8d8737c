"""A fitted calibration: what is done to a model's logits, and why."""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.errors import ArtifactError
from anna_core.models.blend.calibration.curve import Curve
from anna_core.models.blend.calibration.lines import LARGEST_LOGIT
from anna_core.tasks.task import TaskType

# In order of complexity.
Method = Literal["identity", "platt", "temperature", "line", "isotonic"]


class Correction(BaseModel):
    """The curve of one column of logits, or of all classes together.

    Attributes:
        method: how the curve was fitted; identity leaves the logits as they are.
        curve: logit → calibrated logit.
        losses: method → weighted mean cross-validated loss of those tried: log loss in nats, a regression's squared
            error on the transformed scale. Empty where none was.
        limit: why no more methods were tried, as a sentence; None where all were.
    """

    model_config = ConfigDict(frozen=True)

    method: Method = "identity"
    curve: Curve = Curve()
    losses: dict[Method, float] = {}
    limit: str | None = None


class Calibration(BaseModel):
    """Calibrates logits (n, K) in the space of `anna_core.models.outputs.Output`.

    Binary and multilabel: each column has a strictly increasing curve of its own, so ROC AUC and all metrics of order
    stay. Regression: a rising line. Multiclass: one positive factor for all logits (a temperature); it keeps the order
    of the classes of every row, and so accuracy. Among rows, the order by one class's probability may change a little:
    for three classes or more, the only maps that keep it and sum to 1 are mixtures with a constant.

    Attributes:
        task_type: what the logits are.
        columns: a correction a column; for multiclass a single one.
    """

    model_config = ConfigDict(frozen=True)

    task_type: TaskType
    columns: tuple[Correction, ...]

    @classmethod
    def identity(cls, task_type: TaskType, outputs: int, reason: str) -> Self:
        """Leaves K = `outputs` columns as they are, and says why in a sentence."""
        number = 1 if task_type is TaskType.MULTICLASS else outputs
        return cls(task_type=task_type, columns=(Correction(limit=reason),) * number)

    @property
    def is_identity(self) -> bool:
        """Whether it leaves all logits as they are."""
        return all(column.method == "identity" for column in self.columns)

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Logits (n, K) → calibrated logits (n, K) float64, finite unless NaN or, for regression, infinite.

        Equal logits stay equal, none change places, and those more than 1e-9 apart stay apart.

        Raises:
            ArtifactError: the number of columns is another one.
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
    """Logits (n, K) float64 that mean the same and can be computed with: multiclass ones have row maximum 0."""
    if task_type is TaskType.REGRESSION:
        return logits
    if task_type is TaskType.MULTICLASS:
        finite = np.clip(logits, -np.finfo(np.float32).max, np.finfo(np.float32).max)
        logits = finite - finite.max(axis=1, keepdims=True)
    return np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)
