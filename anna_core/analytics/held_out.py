"""The rows by which models are judged and shown."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class HeldOut:
    """The m held-out rows of a sample.

    Attributes:
        rows: (n,) bool, which rows of the sample they are.
        target: (m, L), or (m,) class index for multiclass.
        weight: (m,) float64.
        client: (m,) the client that each row belongs to: a client's rows are drawn together.
    """

    rows: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    client: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, target: np.ndarray, weight: np.ndarray, client: np.ndarray) -> Self:
        """Those `rows` (n,) bool of a sample whose target, weight and client (n,) these are."""
        return cls(rows, target[rows], weight[rows].astype(np.float64), client[rows])

    def __len__(self) -> int:
        return len(self.weight)
