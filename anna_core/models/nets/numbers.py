"""How a number is presented to a net beside its logarithm: as waves, or by the quantiles that it exceeds.

A net responds only gradually to a single number; these let it tell an amount of 999 from one of 1,001. Both are from
Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", 2022 (arXiv 2203.05556).
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from anna_core.tasks.net import NumbersName

# Number of frequencies per field, of units that its waves are mixed into, and the initial spread of the frequencies (in
# waves per standard deviation; the paper tuned it between 0.01 and 100). At 0.1 waves bend about once over the usual
# values.
_FREQUENCIES, _PERIODIC_WIDTH, _FREQUENCY_STD = 16, 8, 0.1
# Quantiles closer to each other than this, in standard deviations, count as one: a bin between them would be a jump.
_NARROWEST_BIN = 1e-3


class Periodic(nn.Module):
    """Sines and cosines of learned frequencies, mixed and cut at zero ("PLR" in the paper): (N,) → (N, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.width = _PERIODIC_WIDTH
        # A matrix, although a vector would do: weight decay spares vectors, and the paper's frequencies decay.
        self.frequencies = nn.Parameter(torch.randn(1, _FREQUENCIES) * _FREQUENCY_STD)
        self.mix = nn.Linear(2 * _FREQUENCIES, _PERIODIC_WIDTH)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Standardised values (N,) → (N, width) float32."""
        angles = values[:, None] * (2 * math.pi * self.frequencies)
        return F.relu(self.mix(torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)))


class Piecewise(nn.Module):
    """How far a value has advanced through each bin between quantiles, from 0 to 1: (N,) → (N, bins).

    Unlike in the paper, the outermost bins end where the training values do; beyond that there is the logarithm.
    """

    edges: torch.Tensor

    def __init__(self, quantiles: tuple[float, ...]) -> None:
        """Take ascending quantiles of the standardised values; with fewer than two distinct ones there are no bins."""
        super().__init__()
        edges = list(quantiles[:1])
        edges.extend(q for before, q in pairwise(quantiles) if q - before >= _NARROWEST_BIN)
        self.width = max(0, len(edges) - 1)
        self.register_buffer("edges", torch.tensor(edges, dtype=torch.float32), persistent=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Standardised values (N,) → (N, width) float32."""
        begin, end = self.edges[:-1], self.edges[1:]
        return ((values[:, None] - begin) / (end - begin)).clamp(0, 1)


def number_encoding(name: NumbersName, quantiles: tuple[float, ...]) -> Periodic | Piecewise | None:
    """What is added to a field's standardised values; None for `log`, which adds nothing."""
    match name:
        case "log":
            return None
        case "periodic":
            return Periodic()
        case "piecewise":
            return Piecewise(quantiles)
