"""The vectors of a coded field."""

import math

import torch
from torch import nn

from anna_core.models.nets.vocabulary import slots

# Width of an entity embedding: fastai's `emb_sz_rule`, 1.6 * cardinality^0.56, found in tabular contests.
_WIDTH_FACTOR, _WIDTH_POWER = 1.6, 0.56
# Share of codes replaced by 0 while training: code 0 hardly occurs in a mart, and its vector must be trained before
# categories that appear later are mapped to it. 1% leaves the signal intact.
UNKNOWN_SHARE = 0.01
# About the magnitude of a standardised number, spread over the vector's units.
_INIT_STD = 0.5


def embedding_width(cardinality: int, widest: int) -> int:
    """Width of the vectors of a field with this many codes, at most `widest`."""
    return min(widest, math.ceil(_WIDTH_FACTOR * cardinality**_WIDTH_POWER))


class CodeEmbedding(nn.Embedding):
    """Codes (N,) → vectors (N, width); a code assigned after training has no vector and counts as unknown."""

    slots: torch.Tensor | None

    def __init__(self, cardinality: int, frequent: tuple[int, ...], vectors: int, widest: int) -> None:
        """Make random vectors.

        Args:
            cardinality: number of codes known when the net is made, including 0 (unknown).
            frequent: codes with a vector of their own, if there are more codes than vectors.
            vectors: maximum number of vectors; see `anna_core.models.nets.vocabulary`.
            widest: maximum width of the vectors.
        """
        self.cardinality = max(1, cardinality)
        super().__init__(min(self.cardinality, vectors), embedding_width(self.cardinality, widest))
        nn.init.normal_(self.weight, std=_INIT_STD)
        shared = torch.from_numpy(slots(cardinality, frequent, vectors)) if cardinality > vectors else None
        self.register_buffer("slots", shared, persistent=False)

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """Any integers (N,) → float32 (N, width)."""
        known = codes.to(torch.int64)
        known = torch.where(known < self.cardinality, known, 0)
        if self.slots is not None:
            known = self.slots[known]
        if self.training:
            known = torch.where(torch.rand(known.shape, device=known.device) < UNKNOWN_SHARE, 0, known)
        return super().forward(known)
