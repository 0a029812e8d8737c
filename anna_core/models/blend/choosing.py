"""Chooses how the metamodel weighs its members, by cross-validation, and fits the weights.

Two things are chosen. How far the embeddings may correct the blend: the strongest ridge that no weaker one clearly
beats. Whether one member alone does better: a few thousand rows seldom tell, and a choice that could as well have gone
the other way is a gamble. So it is made on many resamples of the clients, and whoever has the least loss in some share
of them counts for that share. On the open tasks this was better than a single choice at any number of rows to weigh on,
the more so the fewer they are: docs/quality.md.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from anna_core.metrics.registry import get_metric
from anna_core.models.blend.net import MetaInputs, MetaNet, Penalty
from anna_core.models.cross_validation import FOLDS, alike_folds, chances_to_be_best, clearly_less
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport, OnEpoch
from anna_core.tasks.task import Task

# Prior of a member's weight: that of the mean, give or take 0.6; a hundred rows already speak louder. Of 1, 3 and 10 it
# did best out of fold over seven open tasks from 700 rows on, and next to best with fewer: docs/quality.md.
_BLEND_PENALTY = 3.0
# Ridges of the embeddings' coefficients that are tried, strongest first; the first leaves the embeddings out.
_CORRECTION_PENALTIES = (math.inf, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
# L-BFGS reaches the single optimum of these few hundred coefficients long before this.
_MOST_STEPS = 100
# Where it stops, in units of the mean loss: steps below are lost in single precision.
_SMALLEST_GRADIENT, _SMALLEST_CHANGE = 1e-5, 1e-7


@dataclass(frozen=True)
class Judged:
    """The m rows that the metamodel is fitted and judged on, as it reads them.

    Attributes:
        inputs: what the members say of them.
        target: encoded as the loss reads it.
        weight: (m,), of mean 1.
        raw_target: (m, L), or (m,) class index.
        group: (m,) int64, 0 … g - 1: the client that each row belongs to; folds do not part them.
    """

    inputs: MetaInputs
    target: torch.Tensor
    weight: torch.Tensor
    raw_target: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Choice:
    """What cross-validation found.

    Attributes:
        reports: one a ridge.
        correction: the ridge of the embeddings' coefficients.
        alone: member → how much it counts for by itself; the blend has the rest. Only those with some part.
        logits: (m, K) of the judged rows, by models that were not fitted on them; None where nothing was fitted.
    """

    reports: list[EpochReport]
    correction: float
    alone: dict[str, float]
    logits: np.ndarray | None


NOTHING = Choice([], math.inf, {}, None)


def choose(start: MetaNet, data: Judged, output: Output, task: Task, on_epoch: OnEpoch) -> Choice:
    """Cross-validate each ridge, and weigh the best against each member alone."""
    metric = get_metric(task.metric, task.type)
    folds = _folds(data, task.seed)
    # Each fold's net goes on from the ridge before, which is near: the whole path costs little more than one fit.
    nets = [MetaNet(start.widths, output, start.sharing) for _ in folds]
    reports: list[EpochReport] = []
    best, best_losses, best_logits = math.inf, None, np.zeros((0, 0))
    began = time.perf_counter()
    for step, correction in enumerate(_CORRECTION_PENALTIES, start=1):
        logits = torch.zeros(len(data.weight), output.outputs)
        train_losses = []
        for fold, net in zip(folds, nets, strict=True):
            inputs, target, weight = data.inputs.take(fold.fit), data.target[fold.fit], data.weight[fold.fit]
            train_losses.append(_optimise(net, inputs, target, weight, output, Penalty(_BLEND_PENALTY, correction)))
            with torch.no_grad():
                logits[fold.judge] = net(data.inputs.take(fold.judge))
        losses = (output.loss(logits, data.target) * data.weight).numpy()
        # Among a few hundred rows the least loss is often luck: a weaker ridge must be clearly better than a stronger.
        improved = best_losses is None or clearly_less(losses, best_losses, data.group)
        if improved:
            best, best_losses, best_logits = correction, losses, logits.numpy()
        reports.append(
            EpochReport(
                epoch=step,
                epochs=len(_CORRECTION_PENALTIES),
                train_loss=float(np.mean(train_losses)),
                valid_loss=float(losses.mean()),
                metric=task.metric,
                valid_metric=metric(data.raw_target, output.scores(logits.numpy()), data.weight.numpy()),
                events_per_second=0.0,
                seconds_left=(time.perf_counter() - began) / step * (len(_CORRECTION_PENALTIES) - step),
                best=improved,
            )
        )
        on_epoch(reports[-1])
    assert best_losses is not None  # the first ridge is better than none
    alone, together = _beside_members_alone(data, output, best_logits, best_losses, list(start.widths), task.seed)
    return Choice(reports, best, alone, together)


def fit(net: MetaNet, data: Judged, output: Output, choice: Choice) -> None:
    """Fit the weights on all judged rows, as was chosen."""
    _optimise(net, data.inputs, data.target, data.weight, output, Penalty(_BLEND_PENALTY, choice.correction))
    net.take_alone(choice.alone)


def _beside_members_alone(
    data: Judged, output: Output, blend: np.ndarray, losses: np.ndarray, names: list[str], seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """How much each member counts for by itself beside the blend, and the logits (m, K) of all together."""
    base = torch.tensor(output.base_logits)
    alone = [base + data.inputs.evidence[:, place] for place in range(len(names))]
    of_alone = [(output.loss(logits, data.target) * data.weight).numpy() for logits in alone]
    of_blend, *parts = chances_to_be_best(np.stack([losses, *of_alone]), data.group, seed)
    together = of_blend * blend + sum(part * logits.numpy() for part, logits in zip(parts, alone, strict=True))
    return {name: float(part) for name, part in zip(names, parts, strict=True) if part > 0}, together


def _optimise(
    net: MetaNet, inputs: MetaInputs, target: torch.Tensor, weight: torch.Tensor, output: Output, penalty: Penalty
) -> float:
    """Find the optimum from the plain mean on; returns the mean loss there."""
    parameters = net.trained(penalty)
    optimiser = torch.optim.LBFGS(
        parameters,
        max_iter=_MOST_STEPS,
        tolerance_grad=_SMALLEST_GRADIENT,
        tolerance_change=_SMALLEST_CHANGE,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        # Summed over labels, too: each has coefficients, and a prior of them, of its own.
        loss = (output.loss(net(inputs), target) * weight).sum() * output.labels
        total = (loss + net.cost(penalty)) / (len(weight) * output.labels)
        total.backward()
        return total

    optimiser.step(closure)
    with torch.no_grad():
        return float((output.loss(net(inputs), target) * weight).mean())


@dataclass(frozen=True)
class _Fold:
    """Positions among the judged rows: to fit on, and to judge on."""

    fit: torch.Tensor
    judge: torch.Tensor


def _folds(data: Judged, seed: int) -> list[_Fold]:
    fold = torch.from_numpy(alike_folds(data.raw_target, data.group, seed))
    return [_Fold(fit=(fold != part).nonzero()[:, 0], judge=(fold == part).nonzero()[:, 0]) for part in range(FOLDS)]
