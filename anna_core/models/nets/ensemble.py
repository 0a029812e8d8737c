"""Several nets of one domain, each fitted on other rows: their logits are averaged, and their embeddings made one.

Nets that start from other weights give the same client other coordinates. So every net's embeddings are turned into the
first net's by a linear map, fitted by least squares on common rows, and then averaged: the client vector keeps its
width, whatever the number of nets.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from anna_core.models.nets.domain_net import DomainNet
from anna_core.tasks.net import NetSpec

# Weight of the ridge, as a share of the embeddings' mean square: units that hardly vary must not decide.
_RIDGE = 1e-3


class Ensemble(nn.Module):
    """Nets, fold after fold and within one seed after seed, and the maps into the first one's coordinates."""

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
        """Positions of the nets that were not fitted on a fold; all of them for -1 or a fold that has none."""
        seeds = len(self.nets) // self.folds
        if not 0 <= fold < self.folds:
            return list(range(len(self.nets)))
        return list(range(fold * seeds, (fold + 1) * seeds))

    def net(self, place: int) -> DomainNet:
        """The net at a place."""
        net = self.nets[place]
        assert isinstance(net, DomainNet)
        return net

    def align(self, place: int, embedding: np.ndarray, to: np.ndarray) -> None:
        """Fit a net's map: its embeddings (n, d) of some rows to those of the first net."""
        columns = np.column_stack([embedding, np.ones(len(embedding))]).astype(np.float64)
        gram = columns.T @ columns
        ridge = _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        # The ridge draws to leaving the embedding as it is.
        start = np.vstack([np.eye(embedding.shape[1]), np.zeros((1, embedding.shape[1]))])
        solution = np.linalg.solve(gram + ridge, columns.T @ to + ridge @ start)
        with torch.no_grad():
            one = list(self._maps())[place]
            one.weight.copy_(torch.from_numpy(solution[:-1].T))
            one.bias.copy_(torch.from_numpy(solution[-1]))

    def mapped(self, place: int, embedding: np.ndarray) -> np.ndarray:
        """A net's embeddings (n, d) in the first net's coordinates."""
        if place == 0:
            return embedding
        with torch.inference_mode():
            result: np.ndarray = self.maps[place].cpu()(torch.from_numpy(embedding)).numpy()
        return result

    def _maps(self) -> Iterator[nn.Linear]:
        return (module for module in self.maps if isinstance(module, nn.Linear))
