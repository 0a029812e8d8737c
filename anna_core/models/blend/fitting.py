"""Trains the metamodel over its members: the domains' nets, and the trees of each domain and of all.

It is fitted on rows that no member was fitted on. A member's scores of its own training rows say more than they would
of a new client, and a model on top would trust it too much. With cross-fitting these are all training and validation
rows, each scored by the nets and trees of its fold; else the validation rows. The model is linear with strong priors,
see `anna_core.models.blend.net`: it begins as the mean of the members' logits, and cross-validation says how far the
embeddings may correct that, and whether one member alone would do better.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from anna_core.errors import TrainingError
from anna_core.metrics.registry import get_metric
from anna_core.models.blend.calibration.fit import fit_calibration
from anna_core.models.blend.calibration.model import Calibration
from anna_core.models.blend.metamodel import Metamodel, MetamodelSpec
from anna_core.models.blend.net import MetaInputs, MetaNet, Penalty, fitted_sharing, plain_sharing
from anna_core.models.bundle import TaskFacts
from anna_core.models.cross_validation import FOLDS, alike_folds, clearly_less
from anna_core.models.device import computing
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport, OnEpoch, ignore
from anna_core.models.rows import training_rows, unit_mean, varies
from anna_core.models.vectors import DomainVectors
from anna_core.samples.splits import TEST
from anna_core.tasks.task import Task, TaskType

# Prior of a member's weight: that of the mean, give or take 1. A few dozen rows already speak louder.
_BLEND_PENALTY = 1.0
# Ridges of the embeddings' coefficients that are tried, strongest first; the first leaves the embeddings out.
_CORRECTION_PENALTIES = (math.inf, 3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0)
# With fewer rows, or rows of fewer clients, the plain mean is the better guess.
_FEWEST_ROWS = 50
# Nor can weights be learnt from so few rows of a rare outcome: with 2 among 3,000 the fitted blend had a ROC AUC of
# 0.889 where its best member had 0.907.
_FEWEST_OF_OUTCOME = 20
# L-BFGS reaches the single optimum of these few hundred coefficients long before this.
_MOST_STEPS = 100
# Where it stops, in units of the mean loss: steps below are lost in single precision.
_SMALLEST_GRADIENT, _SMALLEST_CHANGE = 1e-5, 1e-7


@dataclass(frozen=True)
class _Fold:
    """Positions among the validation rows: to fit on, and to judge on."""

    fit: torch.Tensor
    judge: torch.Tensor


@dataclass(frozen=True)
class _Data:
    """The judged rows of the sample, as the metamodel reads them."""

    inputs: MetaInputs
    target: torch.Tensor
    weight: torch.Tensor
    raw_target: np.ndarray
    group: np.ndarray  # (m,) int64, 0 … g - 1: whose each row is; folds do not part them


def train_metamodel(
    members: dict[str, DomainVectors],
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    judged: np.ndarray,
    task: Task,
    on_epoch: OnEpoch = ignore,
    client: np.ndarray | None = None,
) -> Metamodel:
    """Train the metamodel.

    Args:
        members: name → its vectors of the sample's n rows; trees have embeddings of width 0. A model that had nothing
            to learn from counts as absent everywhere.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32, positive.
        split: (n,) text: train, valid or test; test rows are not looked at.
        judged: (n,) bool, rows of train or valid that no member was fitted on.
        task: what to learn.
        client: (n,) whose each row is; rows of one client are not independent, and an embedding may know a client
            again, so folds do not part them. None: each for itself.
        on_epoch: told of every strength of regularisation that is tried; the train loss is the mean over the folds,
            validation loss and metric are of all judged rows, each scored by the fold's model that did not see it.

    Returns:
        The metamodel, fitted on all judged rows with the strength that did best.

    Raises:
        TrainingError: no members, vectors that do not fit the sample, or rows on which no model can be trained.
    """
    _check(members, target, task)
    rows = training_rows(target, weight, split, task)
    used = np.flatnonzero(judged & (split != TEST))
    output = Output.fit(task, target[rows.train], weight[rows.train])
    widths = {name: member.embedding.shape[1] for name, member in members.items()}
    group = np.arange(len(used)) if client is None else np.unique(client[used], return_inverse=True)[1]
    reason = _why_plain(members, target, used, group, task.type)
    net = MetaNet(widths, output, fitted_sharing(widths) if reason is None else plain_sharing(widths))
    choice = _Choice([], math.inf, None, None)
    if reason is None:
        net.standardise_on(members, used)
        data = _Data(
            inputs=net.read(members, output, used),
            target=output.encode(target[used]),
            weight=torch.from_numpy(unit_mean(weight[used])),
            raw_target=target[used],
            group=group,
        )
        # A few thousand rows by a few hundred columns: more threads than one only wait for each other.
        with computing(1):
            choice = _choose(net, data, output, task, on_epoch)
            if choice.alone is None:
                _fit(net, data.inputs, data.target, data.weight, output, Penalty(_BLEND_PENALTY, choice.correction))
            else:
                net.take_alone(choice.alone)
    spec = MetamodelSpec(
        task=TaskFacts.of(task),
        output=output,
        widths=widths,
        sharing=net.sharing,
        calibration=_calibration(choice, output, target, weight, group, used, task.seed),
        correction_penalty=choice.correction if math.isfinite(choice.correction) else None,
        alone=choice.alone,
        plain_reason=reason,
        shares=net.shares(net.read(members, output, used), weight[used]) if len(used) else {},
    )
    return Metamodel(spec=spec, net=net.requires_grad_(False), curves=choice.reports, provenance={})


@dataclass(frozen=True)
class _Choice:
    """What cross-validation found.

    Attributes:
        reports: one a ridge.
        correction: the ridge of the embeddings' coefficients.
        alone: the member that does better by itself than any blend; None where none does.
        logits: (m, K) of the judged rows, by models that were not fitted on them; None where nothing was fitted.
    """

    reports: list[EpochReport]
    correction: float
    alone: str | None
    logits: np.ndarray | None


def _calibration(
    choice: _Choice,
    output: Output,
    target: np.ndarray,
    weight: np.ndarray,
    group: np.ndarray,
    used: np.ndarray,
    seed: int,
) -> Calibration:
    if choice.logits is None:
        return Calibration.identity(output.task_type, output.outputs, "The metamodel was not fitted.")
    return fit_calibration(output, choice.logits, target[used], unit_mean(weight[used]), group, seed)


def _choose(start: MetaNet, data: _Data, output: Output, task: Task, on_epoch: OnEpoch) -> _Choice:
    """Cross-validate each ridge, and compare the best with each member alone."""
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
            train_losses.append(_fit(net, inputs, target, weight, output, Penalty(_BLEND_PENALTY, correction)))
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
    alone = _better_alone(start, data, output, float(best_losses.mean()))
    if alone is not None:
        best_logits = _alone(start, alone, output, data.inputs).numpy()
    return _Choice(reports, best, alone, best_logits)


def _alone(start: MetaNet, name: str, output: Output, inputs: MetaInputs) -> torch.Tensor:
    net = MetaNet(start.widths, output)
    net.take_alone(name)
    with torch.no_grad():
        return net(inputs)


def _better_alone(start: MetaNet, data: _Data, output: Output, loss: float) -> str | None:
    """The member with the least loss, if that is less than the blend's."""
    best = None
    for name in start.widths:
        alone = float((output.loss(_alone(start, name, output, data.inputs), data.target) * data.weight).mean())
        if alone < loss:
            best, loss = name, alone
    return best


def _fit(
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


def _folds(data: _Data, seed: int) -> list[_Fold]:
    fold = torch.from_numpy(alike_folds(data.raw_target, data.group, seed))
    return [_Fold(fit=(fold != part).nonzero()[:, 0], judge=(fold == part).nonzero()[:, 0]) for part in range(FOLDS)]


def _why_plain(
    members: dict[str, DomainVectors], target: np.ndarray, used: np.ndarray, group: np.ndarray, task_type: TaskType
) -> str | None:
    independent = len(np.unique(group))
    if independent < _FEWEST_ROWS:
        told = f"{independent} rows" if independent == len(used) else f"rows of {independent} clients"
        return f"Only {told} to weigh the models on; {_FEWEST_ROWS} are needed to learn more than the mean."
    if not varies(target[used]):
        return "The target is the same for all rows that the models could be weighed on."
    if task_type is not TaskType.REGRESSION and (rare := _clients_of_outcome(target[used], group)) < _FEWEST_OF_OUTCOME:
        return (
            f"Only {rare} clients differ in outcome from the others; {_FEWEST_OF_OUTCOME} are needed to learn weights."
        )
    if not any(member.present[used].any() for member in members.values()):
        return "No row that the models could be weighed on has an event in any domain."
    return None


def _clients_of_outcome(target: np.ndarray, group: np.ndarray) -> int:
    """Clients with rows not of the most frequent class; of several labels, the label that has most of them counts."""
    return max(len(np.unique(group[column != _mode(column)])) for column in target.reshape(len(target), -1).T)


def _mode(values: np.ndarray) -> Any:
    found, count = np.unique(values, return_counts=True)
    return found[count.argmax()]


def _check(members: dict[str, DomainVectors], target: np.ndarray, task: Task) -> None:
    if not members:
        raise TrainingError(f"task '{task.name}': the metamodel needs the scores of at least one model; got none.")
    for name, member in members.items():
        if len(member) != len(target):
            raise TrainingError(
                f"task '{task.name}': '{name}' has vectors of {len(member)} rows for {len(target)} rows of the "
                "sample; materialize it again."
            )
