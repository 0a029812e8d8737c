"""A strictly increasing curve from logits to calibrated logits, in a form that JSON can hold."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator


class Curve(BaseModel):
    """A piecewise linear curve: straight between knots, and of a given slope beyond the first and the last one.

    Attributes:
        slope: beyond the knots; positive.
        x: logits at which the one or more knots lie, increasing.
        y: calibrated logits there, increasing.
    """

    model_config = ConfigDict(frozen=True)

    slope: float = 1.0
    x: tuple[float, ...] = (0.0,)
    y: tuple[float, ...] = (0.0,)

    @classmethod
    def line(cls, slope: float, intercept: float) -> Self:
        """The straight line slope · x + intercept."""
        return cls(slope=slope, y=(intercept,))

    @model_validator(mode="after")
    def _increases(self) -> Self:
        numbers = np.array([self.slope, *self.x, *self.y])
        if not (
            len(self.x) == len(self.y) > 0
            and np.isfinite(numbers).all()
            and self.slope > 0
            and (np.diff(self.x) > 0).all()
            and (np.diff(self.y) > 0).all()
        ):
            raise ValueError(
                "a calibration curve needs as many x as y, at least one, all finite and increasing, and a slope > 0; "
                "train the model again."
            )
        return self

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Map logits of any shape to calibrated ones, float64 of the same shape; NaN stays NaN."""
        values = np.asarray(values, dtype=np.float64)
        x, y = np.array(self.x), np.array(self.y)
        inside = np.clip(values, x[0], x[-1])
        outside = self.slope * (values - inside)
        if len(x) == 1:
            return y[0] + outside
        left = np.clip(np.searchsorted(x, inside, side="right") - 1, 0, len(x) - 2)
        rise = np.diff(y) / np.diff(x)
        # Rounding must not lift a value above the next knot's, where it could overtake a higher one.
        return np.minimum(y[left] + rise[left] * (inside - x[left]), y[left + 1]) + outside
