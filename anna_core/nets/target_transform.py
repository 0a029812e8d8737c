"""The scale on which a regression net learns its target, chosen on the training rows and kept in the bundle."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.metrics.registry import is_heavy_tailed

ScaleName = Literal["identity", "log1p"]
LossName = Literal["squared", "huber"]

# Metrics that only a predicted mean can serve: squared error is the loss whose best answer is the mean.
_MEAN_METRICS = frozenset({"r2", "rmse"})
_LOG_METRIC = "r2_log1p"


class TargetTransform(BaseModel):
    """target → (scale(target) - mean) / std, and back.

    Attributes:
        scale: `log1p` for what is heavy-tailed and not negative.
        loss: on the transformed scale.
        mean: of the scaled target of the training rows.
        std: its standard deviation.
        low: smallest scaled target of the training rows; predictions stay within.
        high: largest one; without it, expm1 of a small error out there is a huge one.
    """

    model_config = ConfigDict(frozen=True)

    scale: ScaleName
    loss: LossName
    mean: float
    std: float
    low: float
    high: float

    def forward(self, target: np.ndarray) -> np.ndarray:
        """Own units → the net's units, float32 of the same shape."""
        values = np.asarray(target, dtype=np.float64)
        scaled = np.log1p(np.maximum(values, 0)) if self.scale == "log1p" else values
        return ((scaled - self.mean) / self.std).astype(np.float32)

    def backward(self, values: np.ndarray) -> np.ndarray:
        """The net's units → own units, float32 of the same shape, within the range of the training rows."""
        scaled = np.clip(np.asarray(values, dtype=np.float64) * self.std + self.mean, self.low, self.high)
        return (np.expm1(scaled) if self.scale == "log1p" else scaled).astype(np.float32)


def fit_transform(target: np.ndarray, weight: np.ndarray, metric: str) -> TargetTransform:
    """Choose the scale and the loss that serve a metric.

    R² of log1p is squared error on the log scale; R² and RMSE ask for the mean in own units, so squared error there.
    The others (MAE, Spearman) look to the middle of the distribution: Huber's loss, on the log scale for heavy
    tails.

    Args:
        target: (n, 1) or (n,), of the training rows, finite.
        weight: (n,) of these rows.
        metric: the task's.
    """
    values = np.asarray(target, dtype=np.float64).ravel()
    not_negative = values.min() >= 0
    if metric == _LOG_METRIC:
        scale: ScaleName = "log1p" if not_negative else "identity"
    elif metric in _MEAN_METRICS:
        scale = "identity"
    else:
        scale = "log1p" if is_heavy_tailed(values) else "identity"
    scaled = np.log1p(values) if scale == "log1p" else values
    mean = float(np.average(scaled, weights=weight))
    std = float(np.sqrt(np.average((scaled - mean) ** 2, weights=weight)))
    return TargetTransform(
        scale=scale,
        loss="squared" if metric in _MEAN_METRICS or metric == _LOG_METRIC else "huber",
        mean=mean,
        std=std if std > 0 else 1.0,
        low=float(scaled.min()),
        high=float(scaled.max()),
    )
