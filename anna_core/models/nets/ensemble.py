"""Several nets of one domain, each fitted on different rows, whose logits and embeddings are averaged.

Nets that start from different weights place the same client at different coordinates. So a linear map, fitted by least
squares on common rows, takes every net's embeddings into the first net's coordinates, where they are averaged: the
client vector keeps its width, however many nets there are.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from anna_core.models.nets.domain_net import DomainNet
from anna_core.tasks.net import NetSpec

# The ridge as a share of the embeddings' mean square, so that units that hardly vary do not decide.
_RIDGE = 1e-3


class Ensemble(nn.Module):
    """The nets, ordered by fold and then by seed, and each one's map into the first one's coordinates.

    Attributes:
        folds: number of folds.
        nets: F folds x S seeds of them.
        maps: one linear map (embedding width to the same) per net; the identity until `align` fits it.
    """

    def __init__(self, nets: Sequence[DomainNet], spec: NetSpec, folds: int) -> None:
        super().__init__()
        self.folds = folds
        self.nets = nn.ModuleList(nets)
        self.maps = nn.ModuleList(nn.Linear(spec.embedding, spec.embedding) for _ in nets)
        with torch.no_grad():
            for one in self._maps():
                one.weight.copy_(torch.eye(spec.embedding))
                one.bias.zero_()

    def members(self, fold: int) -> list[int]:
        """Positions of the nets that were not fitted on a fold; of all nets if `fold` is -1 or no fold's number."""
        seeds = len(self.nets) // self.folds
        if not 0 <= fold < self.folds:
            return list(range(len(self.nets)))
        return list(range(fold * seeds, (fold + 1) * seeds))

    def net(self, place: int) -> DomainNet:
        """The net at a position."""
        net = self.nets[place]
        assert isinstance(net, DomainNet)
        return net

    def align(self, place: int, embedding: np.ndarray, to: np.ndarray) -> None:
        """Fit the map of a net.

        Args:
            place: position of the net.
            embedding: (n, d) its embeddings of some rows.
            to: (n, d) the first net's embeddings of the same rows.
        """
        columns = np.column_stack([embedding, np.ones(len(embedding))]).astype(np.float64)
        gram = columns.T @ columns
        ridge = _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        # The ridge pulls towards the identity.
        start = np.vstack([np.eye(embedding.shape[1]), np.zeros((1, embedding.shape[1]))])
        solution = np.linalg.solve(gram + ridge, columns.T @ to + ridge @ start)
        with torch.no_grad():
            one = list(self._maps())[place]
            one.weight.copy_(torch.from_numpy(solution[:-1].T))
            one.bias.copy_(torch.from_numpy(solution[-1]))

    def mapped(self, place: int, embedding: np.ndarray) -> np.ndarray:
        """Take embeddings (n, d) of the net at a position into the first net's coordinates, float32 (n, d)."""
        if place == 0:
            return embedding
        with torch.inference_mode():
            result: np.ndarray = self.maps[place].cpu()(torch.from_numpy(embedding)).numpy()
        return result

    def _maps(self) -> Iterator[nn.Linear]:
        return (module for module in self.maps if isinstance(module, nn.Linear))
