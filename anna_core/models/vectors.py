"""What a domain model says of the rows of a sample: the currency between domain models and the metamodel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anna_core.models.outputs import Output


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


def mean_scores(members: Sequence[DomainVectors], output: Output) -> np.ndarray:
    """Scores (n, K) of the plain mean of the members' logits, those present in a row; the base rate where none is."""
    logits = np.stack([output.logits(member.scores) for member in members])
    present = np.stack([member.present for member in members])[:, :, None].astype(np.float32)
    count = present.sum(axis=0)
    base = np.asarray(output.base_logits, dtype=np.float32)
    mean = (logits * present).sum(axis=0) / np.maximum(count, 1)
    return output.scores(np.where(count > 0, mean, base).astype(np.float32))
