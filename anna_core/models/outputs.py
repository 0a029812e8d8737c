"""What each type of task needs from a net: a loss, scores in their own units, and the constant that it starts from."""

from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict

from anna_core.metrics.probability import SMALLEST_PROBABILITY
from anna_core.models.target_transform import TargetTransform, fit_transform
from anna_core.tasks.task import Task, TaskType

# An outcome that no training row has counts as if this many rows had it (Jeffreys' prior): its logit stays finite.
_ROWS_OF_UNSEEN = 0.5


class Output(BaseModel):
    """The output of a model: K logits per row, their loss and their meaning.

    For regression the "logit" is the target on the transformed scale.

    Attributes:
        task_type: what kind of target it is.
        outputs: K.
        base_logits: K logits of the training rows' weighted mean (or rates).
        transform: transform of a regression's target.
    """

    model_config = ConfigDict(frozen=True)

    task_type: TaskType
    outputs: int
    base_logits: tuple[float, ...]
    transform: TargetTransform | None = None

    @classmethod
    def fit(cls, task: Task, target: np.ndarray, weight: np.ndarray) -> Self:
        """Choose the transform and the starting point on the training rows: target (n, L) or (n,), weight (n,)."""
        transform = fit_transform(target, weight, task.metric) if task.type is TaskType.REGRESSION else None
        start = cls(task_type=task.type, outputs=task.outputs, base_logits=(0.0,) * task.outputs, transform=transform)
        means = np.average(start.means_of(target), axis=0, weights=weight)
        if task.type is not TaskType.REGRESSION:
            rarest = min(0.5, _ROWS_OF_UNSEEN / len(target))
            means = np.clip(means, rarest, 1 - rarest)
        return start.model_copy(update={"base_logits": tuple(map(float, start._link(means)))})

    @property
    def labels(self) -> int:
        """The number of losses over which `loss` takes the mean."""
        return self.outputs if self.task_type is TaskType.MULTILABEL else 1

    def encode(self, target: np.ndarray) -> torch.Tensor:
        """The target in the form that the loss reads: (n, L) float32, or (n,) int64 for multiclass."""
        if self.task_type is TaskType.MULTICLASS:
            return torch.from_numpy(np.asarray(target, dtype=np.int64).ravel())
        values = np.asarray(target, dtype=np.float32).reshape(len(target), -1)
        return torch.from_numpy(values if self.transform is None else self.transform.forward(values))

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The unweighted loss of each row: logits (B, K), encoded target → (B,)."""
        match self.task_type:
            case TaskType.MULTICLASS:
                return F.cross_entropy(logits, target, reduction="none")
            case TaskType.REGRESSION:
                assert self.transform is not None
                loss = F.mse_loss if self.transform.loss == "squared" else F.huber_loss
                return loss(logits, target, reduction="none")[:, 0]
            case _:
                return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=1)

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """Logits (n, K) → scores (n, K) float32: probabilities, or a regression's own units."""
        if self.transform is not None:
            return self.transform.backward(logits)
        values = torch.from_numpy(np.asarray(logits, dtype=np.float32))
        probability = values.softmax(dim=1) if self.task_type is TaskType.MULTICLASS else values.sigmoid()
        return probability.numpy()

    def logits(self, scores: np.ndarray) -> np.ndarray:
        """Scores (n, K) → logits (n, K) float32, the inverse of `scores` (with probabilities kept off 0 and 1)."""
        if self.transform is not None:
            return self.transform.forward(scores)
        return self._link(scores).astype(np.float32)

    def constant_logits(self, target: np.ndarray, weight: np.ndarray, prior_rows: float) -> tuple[float, ...]:
        """K logits of the mean of some rows, drawn towards the base rate as if `prior_rows` more rows had it."""
        prior = self._means(np.asarray([self.base_logits], dtype=np.float32))[0]
        if len(weight) == 0:
            return self.base_logits
        rows = prior_rows * float(weight.mean())
        total = (self.means_of(target) * weight[:, None]).sum(axis=0) + rows * prior
        return tuple(map(float, self._link(total / (weight.sum() + rows))))

    def means_of(self, target: np.ndarray) -> np.ndarray:
        """(n, K) float64 whose mean a constant model predicts: 0/1 for a class or label, otherwise the target."""
        if self.task_type is TaskType.MULTICLASS:
            return np.eye(self.outputs)[np.asarray(target, dtype=np.int64).ravel()]
        return self.encode(target).numpy().astype(np.float64)

    def _means(self, logits: np.ndarray) -> np.ndarray:
        return logits if self.transform is not None else self.scores(logits)

    def _link(self, means: np.ndarray) -> np.ndarray:
        if self.task_type is TaskType.REGRESSION:
            return np.asarray(means)
        rates = np.clip(np.asarray(means, dtype=np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        return np.log(rates) if self.task_type is TaskType.MULTICLASS else np.log(rates) - np.log1p(-rates)
