"""The scale on which a regression net learns its target, chosen on the training rows and kept in the bundle."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.metrics.tails import Tail, centre_and_unit, tail_of

ScaleName = Literal["identity", "log1p", "asinh"]
LossName = Literal["squared", "huber"]

# Metrics for which the mean is the best prediction, and so squared error is the right loss.
_MEAN_METRICS = frozenset({"r2", "rmse"})
_LOG_METRIC = "r2_log1p"
_SCALES: dict[Tail, ScaleName] = {Tail.LIGHT: "identity", Tail.ABOVE: "log1p", Tail.BOTH_SIDES: "asinh"}


class TargetTransform(BaseModel):
    """target → (scale(target) - mean) / std, and back.

    Attributes:
        scale: `log1p` for a heavy-tailed target that is never negative; `asinh`, which is logarithmic on both sides, of
            (target - centre) / unit for one with heavy tails on both sides.
        loss: the loss on the transformed scale.
        mean: mean of the training rows' scaled target.
        std: its standard deviation.
        low: smallest scaled target of the training rows; predictions are kept above it.
        high: largest one; predictions are kept below it, as expm1 would turn a small error out there into a huge one.
        centre: for `asinh`: the median of the training rows.
        unit: for `asinh`: the median distance from it.
    """

    model_config = ConfigDict(frozen=True)

    scale: ScaleName
    loss: LossName
    mean: float
    std: float
    low: float
    high: float
    centre: float = 0.0
    unit: float = 1.0

    def forward(self, target: np.ndarray) -> np.ndarray:
        """Own units → the net's units, float32 of the same shape."""
        scaled = _scaled(np.asarray(target, dtype=np.float64), self.scale, self.centre, self.unit)
        return ((scaled - self.mean) / self.std).astype(np.float32)

    def backward(self, values: np.ndarray) -> np.ndarray:
        """The net's units → own units, float32 of the same shape, within the range of the training rows."""
        scaled = np.clip(np.asarray(values, dtype=np.float64) * self.std + self.mean, self.low, self.high)
        match self.scale:
            case "log1p":
                scaled = np.expm1(scaled)
            case "asinh":
                scaled = np.sinh(scaled) * self.unit + self.centre
        return scaled.astype(np.float32)


def fit_transform(target: np.ndarray, weight: np.ndarray, metric: str) -> TargetTransform:
    """Choose the scale and the loss that suit a metric.

    R² of log1p is squared error on the log scale; R² and RMSE call for the mean in the target's own units, so for
    squared error there. The others (MAE, MAPE, Spearman) are about the middle of the distribution: Huber's loss, with
    heavy tails on a log scale or, if both tails are heavy, on the asinh scale (Burbidge, Magee & Robb, 1988).

    Args:
        target: (n, 1) or (n,) finite targets of the training rows.
        weight: (n,) their weights.
        metric: the task's metric.
    """
    values = np.asarray(target, dtype=np.float64).ravel()
    scale: ScaleName = "identity"
    if metric == _LOG_METRIC:
        scale = "log1p" if values.min() >= 0 else "identity"
    elif metric not in _MEAN_METRICS:
        scale = _SCALES[tail_of(values)]
    centre, unit = centre_and_unit(values) if scale == "asinh" else (0.0, 1.0)
    scaled = _scaled(values, scale, centre, unit)
    mean = float(np.average(scaled, weights=weight))
    std = float(np.sqrt(np.average((scaled - mean) ** 2, weights=weight)))
    return TargetTransform(
        scale=scale,
        loss="squared" if metric in _MEAN_METRICS or metric == _LOG_METRIC else "huber",
        mean=mean,
        std=std if std > 0 else 1.0,
        low=float(scaled.min()),
        high=float(scaled.max()),
        centre=centre,
        unit=unit,
    )


def _scaled(values: np.ndarray, scale: ScaleName, centre: float, unit: float) -> np.ndarray:
    match scale:
        case "log1p":
            return np.log1p(np.maximum(values, 0))
        case "asinh":
            return np.arcsinh((values - centre) / unit)
        case _:
            return values
