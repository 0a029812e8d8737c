"""Decides which epoch's weights a training keeps."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from anna_core.metrics.bootstrap import clients_of
from anna_core.metrics.registry import Metric

# Draws of clients' weights that show how far chance alone moves the metric; the deviation of 32 is good to an eighth.
_DRAWS = 32
# Beyond this many standard errors of the metric, or of the loss, an epoch is clearly worse.
_METRIC_ERRORS, _LOSS_ERRORS = 1.0, 2.0


@dataclass(frozen=True)
class _Outcome:
    """An epoch on the validation rows.

    Attributes:
        defined: whether the metric is defined; if not, the value is minus the loss.
        value: the metric, signed so that more is better.
        drawn: (_DRAWS,) the value with clients' weights drawn at random.
        losses: (n,) the rows' losses.
    """

    defined: bool
    value: float
    drawn: np.ndarray
    losses: np.ndarray


class EpochChoice:
    """Keeps the latest epoch that is not clearly worse than the best before it.

    Later epochs have a lower learning rate: their weights have settled, and whether they score slightly better or worse
    on the validation rows than earlier ones is mostly chance, the more so the rarer the target. Taking the highest of
    twelve such values picks the luckiest epoch (docs/quality.md has both rules' figures).

    Whether two epochs differ in the task's metric is judged by a paired Bayesian bootstrap of clients (Rubin, 1981); if
    they do not, an epoch with a clearly higher loss is not taken. If the metric is not defined on the validation rows,
    as with rows of one class only, the mean loss takes its place.

    Attributes:
        epoch: the epoch whose weights are kept, counted from 1; 0 before the first offer.
        weights: that epoch's weights.
    """

    def __init__(self, metric: Metric, target: np.ndarray, weight: np.ndarray, seed: int, client: np.ndarray) -> None:
        """Prepare to judge scores of the validation rows: target (n, L) or (n,), weight (n,), client (n,)."""
        self.epoch = 0
        self.weights: dict[str, torch.Tensor] = {}
        self._metric, self._target, self._weight, self._seed = metric, target, np.asarray(weight, np.float64), seed
        self._group = clients_of(client, len(self._weight))
        self._clients = int(self._group.max(initial=-1)) + 1
        self._best: _Outcome | None = None
        self._least: np.ndarray | None = None

    def offer(self, epoch: int, scores: np.ndarray, losses: np.ndarray, net: torch.nn.Module) -> tuple[float, bool]:
        """Judge an epoch by its scores (n, K) and losses (n,) of the validation rows.

        Returns:
            The metric's value (NaN where it is not defined), and whether the epoch's weights are kept.
        """
        evaluate = self._metric.prepared(self._target, scores)
        value = evaluate(self._weight)
        outcome = self._outcome(value, evaluate, np.asarray(losses, dtype=np.float64))
        kept = self._takes(outcome)
        if self._best is None or (outcome.defined, outcome.value) > (self._best.defined, self._best.value):
            self._best = outcome
        if self._least is None or self._mean(outcome.losses) < self._mean(self._least):
            self._least = outcome.losses
        if kept:
            self.epoch, self.weights = epoch, copy.deepcopy(net.state_dict())
        return value, kept

    def _outcome(self, value: float, evaluate: Callable[[np.ndarray], float], losses: np.ndarray) -> _Outcome:
        draw = np.random.default_rng(self._seed)  # the same draws for every epoch, so that differences are paired
        weights = (draw.standard_exponential(self._clients)[self._group] * self._weight for _ in range(_DRAWS))
        if math.isnan(value):
            drawn = [-float(np.average(losses, weights=drawn)) for drawn in weights]
            return _Outcome(False, -self._mean(losses), np.array(drawn), losses)
        sign = 1 if self._metric.greater_is_better else -1
        return _Outcome(True, sign * value, np.array([sign * evaluate(drawn) for drawn in weights]), losses)

    def _takes(self, outcome: _Outcome) -> bool:
        if self._best is None or self._least is None:
            return True
        if outcome.defined != self._best.defined:
            return outcome.defined
        error = _METRIC_ERRORS * float((outcome.drawn - self._best.drawn).std())
        gain = outcome.value - self._best.value
        return gain > error or (gain >= -error and not self._loses(outcome.losses, self._least))

    def _loses(self, losses: np.ndarray, than: np.ndarray) -> bool:
        """Whether losses are higher on average by more than chance."""
        more = losses - than
        mean = self._mean(more)
        # Variance of a weighted mean over rows of independent clients.
        excess = np.bincount(self._group, weights=self._weight * (more - mean))
        error = math.sqrt(float((excess**2).sum())) / float(self._weight.sum())
        return mean > _LOSS_ERRORS * error

    def _mean(self, losses: np.ndarray) -> float:
        return float(np.average(losses, weights=self._weight))
