"""What a domain model says of the rows of a sample: the currency between domain models and the metamodel."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DomainVectors:
    """One domain's view of n rows.

    Attributes:
        embedding: (n, d) float32; zeros where the row has no event.
        scores: (n, K) float32 in the task's own units.
        present: (n,) bool, whether the row has an event in the domain.
    """

    embedding: np.ndarray
    scores: np.ndarray
    present: np.ndarray

    def __len__(self) -> int:
        return len(self.present)

    def take(self, rows: np.ndarray) -> "DomainVectors":
        """The same for some rows, by position or mask."""
        return DomainVectors(self.embedding[rows], self.scores[rows], self.present[rows])
