"""Chooses by cross-validation how the metamodel weighs its members, and fits the weights.

There are two choices. The first is how far the embeddings may correct the blend: by the strongest ridge that no weaker
one clearly beats. The second is whether one member alone does better than the blend. A few thousand rows seldom decide
that, and a choice that might as well have gone the other way is a gamble. So it is made on many resamples of the
clients, and each contender counts for the share of them in which it has the least loss. On the open tasks this was
better than a single choice, whatever the number of rows, and the more so the fewer there were: docs/quality.md.
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

# The prior of a member's weight is its weight in the mean, give or take 0.6; already a hundred rows outweigh it. Of the
# values 1, 3 and 10, this one had the least loss out of fold over seven open tasks from 700 rows on, and the second
# least with fewer: docs/quality.md.
_BLEND_PENALTY = 3.0
# The ridges tried for the embeddings' coefficients, strongest first; the first leaves the embeddings out.
_CORRECTION_PENALTIES = (math.inf, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
# L-BFGS reaches the single optimum of these few hundred coefficients long before this.
_MOST_STEPS = 100
# Where L-BFGS stops, in units of the mean loss; smaller steps are lost in single precision.
_SMALLEST_GRADIENT, _SMALLEST_CHANGE = 1e-5, 1e-7


@dataclass(frozen=True)
class Judged:
    """The m rows that the metamodel is fitted and judged on.

    Attributes:
        inputs: the members' output for them.
        target: as the loss reads it, see `Output.encode`.
        weight: (m,) float32, with mean 1.
        raw_target: (m, L), or (m,) class index.
        group: (m,) int64, 0 … g - 1, the client that each row belongs to; folds do not split a client's rows.
    """

    inputs: MetaInputs
    target: torch.Tensor
    weight: torch.Tensor
    raw_target: np.ndarray
    group: np.ndarray


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose.

    Attributes:
        reports: one for each ridge that was tried.
        correction: the ridge of the embeddings' coefficients; infinity: they are not used.
        alone: member → its share by itself, of those that have one; the blend has the rest.
        logits: (m, K) of the judged rows, by models that were not fitted on them; None if nothing was fitted.
    """

    reports: list[EpochReport]
    correction: float
    alone: dict[str, float]
    logits: np.ndarray | None


NO_CHOICE = Choice([], math.inf, {}, None)


def choose(start: MetaNet, data: Judged, output: Output, task: Task, on_epoch: OnEpoch) -> Choice:
    """Cross-validate each ridge, and compare the best with each member alone.

    Args:
        start: the net before any fit.
        data: the rows.
        output: meaning of the logits.
        task: its type, metric and seed.
        on_epoch: called after each ridge.
    """
    metric = get_metric(task.metric, task.type)
    folds = _folds(data, task.seed)
    # Each fold's net starts from its optimum at the ridge before, which is near: all ridges cost little more than one.
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
        # With a few hundred rows the least loss is often luck, so a weaker ridge must be clearly better.
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
    """Fit the net's weights, in place, on all judged rows with what was chosen."""
    _optimise(net, data.inputs, data.target, data.weight, output, Penalty(_BLEND_PENALTY, choice.correction))
    net.take_alone(choice.alone)


def _beside_members_alone(
    data: Judged, output: Output, blend: np.ndarray, losses: np.ndarray, names: list[str], seed: int
) -> tuple[dict[str, float], np.ndarray]:
    """Compare the blend with each member alone on resamples of the clients.

    Args:
        data: the m rows.
        output: meaning of the logits.
        blend: (m, K) the blend's logits out of fold.
        losses: (m,) its weighted losses.
        names: of the members.
        seed: of the resamples.

    Returns:
        Member → its share by itself, where it has one; and the logits (m, K) of blend and members together.
    """
    base = torch.tensor(output.base_logits)
    alone = [base + data.inputs.evidence[:, place] for place in range(len(names))]
    of_alone = [(output.loss(logits, data.target) * data.weight).numpy() for logits in alone]
    of_blend, *parts = chances_to_be_best(np.stack([losses, *of_alone]), data.group, seed)
    together = of_blend * blend + sum(part * logits.numpy() for part, logits in zip(parts, alone, strict=True))
    return {name: float(part) for name, part in zip(names, parts, strict=True) if part > 0}, together


def _optimise(
    net: MetaNet, inputs: MetaInputs, target: torch.Tensor, weight: torch.Tensor, output: Output, penalty: Penalty
) -> float:
    """Move the net's free parameters to the optimum; returns the mean loss there, without the penalty."""
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
        # Also summed over labels: each has its own coefficients with a prior of their own.
        loss = (output.loss(net(inputs), target) * weight).sum() * output.labels
        total = (loss + net.cost(penalty)) / (len(weight) * output.labels)
        total.backward()
        return total

    optimiser.step(closure)
    with torch.no_grad():
        return float((output.loss(net(inputs), target) * weight).mean())


@dataclass(frozen=True)
class _Fold:
    """Positions, among the judged rows, of those to fit on and of those to judge on."""

    fit: torch.Tensor
    judge: torch.Tensor


def _folds(data: Judged, seed: int) -> list[_Fold]:
    fold = torch.from_numpy(alike_folds(data.raw_target, data.group, seed))
    return [_Fold(fit=(fold != part).nonzero()[:, 0], judge=(fold == part).nonzero()[:, 0]) for part in range(FOLDS)]
