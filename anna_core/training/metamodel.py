"""Trains the metamodel over the domains' vectors.

It is fitted on the validation rows. The domain nets were fitted on the training rows, so their vectors there say more
than they would of a new client, and a model on top would trust them too much. Validation rows are few (a fifth of the
sample), so the model is linear with strong priors, see `anna_core.nets.meta_net`: it begins as the mean of the domains'
logits, and cross-validation inside the validation rows says how far the embeddings may correct that.
"""

import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from anna_core.errors import TrainingError
from anna_core.metrics.registry import get_metric
from anna_core.nets.device import computing
from anna_core.nets.meta_net import FITTED_SHARING, PLAIN_SHARING, MetaInputs, MetaNet, Penalty
from anna_core.nets.outputs import Output
from anna_core.scoring.bundle import TaskFacts
from anna_core.scoring.metamodel import Metamodel, MetamodelSpec
from anna_core.scoring.vectors import DomainVectors
from anna_core.tasks import Task
from anna_core.training.progress import EpochReport, OnEpoch, ignore
from anna_core.training.rows import training_rows, varies

# Prior of a domain's weight: 1, give or take 1. A few dozen rows already speak louder.
_BLEND_PENALTY = 1.0
# Ridges of the embeddings' coefficients that are tried, strongest first; the first leaves the embeddings out.
_CORRECTION_PENALTIES = (math.inf, 3000.0, 1000.0, 300.0, 100.0, 30.0)
_FOLDS = 5
# With fewer rows the plain mean is the better guess.
_FEWEST_ROWS = 50
# L-BFGS reaches the single optimum of these few hundred coefficients long before this.
_MOST_STEPS = 100
# Where it stops, in units of the mean loss: steps below are lost in single precision.
_SMALLEST_GRADIENT, _SMALLEST_CHANGE = 1e-5, 1e-7
# A weaker ridge must beat a stronger one by so many standard errors of the rows' differences (the one-standard-error
# rule of Breiman et al., 1984, on paired losses): among a few hundred rows the least loss is often luck.
_STANDARD_ERRORS = 1.0


@dataclass(frozen=True)
class _Fold:
    """Positions among the validation rows: to fit on, and to judge on."""

    fit: torch.Tensor
    judge: torch.Tensor


@dataclass(frozen=True)
class _Data:
    """The validation rows of the sample, as the metamodel reads them."""

    inputs: MetaInputs
    target: torch.Tensor
    weight: torch.Tensor
    raw_target: np.ndarray


def train_metamodel(
    vectors: dict[str, DomainVectors],
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    task: Task,
    on_epoch: OnEpoch = ignore,
) -> Metamodel:
    """Train the metamodel on the validation rows.

    Args:
        vectors: domain → its vectors of the sample's n rows; models without a net count as absent everywhere.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32, positive.
        split: (n,) text: train, valid or test; test rows are not looked at.
        task: what to learn.
        on_epoch: told of every strength of regularisation that is tried; the train loss is the mean over the folds,
            validation loss and metric are of all rows, each scored by the fold's model that did not see it.

    Returns:
        The metamodel, fitted on all validation rows with the strength that did best.

    Raises:
        TrainingError: no domains, vectors that do not fit the sample, or rows on which no model can be trained.
    """
    _check(vectors, target, task)
    rows = training_rows(target, weight, split, task)
    output = Output.fit(task, target[rows.train], weight[rows.train])
    widths = {name: domain.embedding.shape[1] for name, domain in vectors.items()}
    reason = _why_plain(vectors, target, rows.valid)
    net = MetaNet(widths, output, FITTED_SHARING if reason is None else PLAIN_SHARING)
    curves: list[EpochReport] = []
    best = math.inf
    if reason is None:
        net.standardise_on(vectors, rows.valid)
        valid_weight = weight[rows.valid] / weight[rows.valid].mean()
        data = _Data(
            inputs=net.read(vectors, output, rows.valid),
            target=output.encode(target[rows.valid]),
            weight=torch.from_numpy(valid_weight.astype(np.float32)),
            raw_target=target[rows.valid],
        )
        # A few hundred rows by a few hundred columns: more threads than one only wait for each other.
        with computing(1):
            curves, best = _choose(net, data, output, task, on_epoch)
            _fit(net, data.inputs, data.target, data.weight, output, Penalty(_BLEND_PENALTY, best))
    spec = MetamodelSpec(
        task=TaskFacts.of(task),
        output=output,
        widths=widths,
        sharing=net.sharing,
        correction_penalty=best if math.isfinite(best) else None,
        plain_reason=reason,
    )
    return Metamodel(spec=spec, net=net.requires_grad_(False), curves=curves, provenance={})


def _choose(
    start: MetaNet, data: _Data, output: Output, task: Task, on_epoch: OnEpoch
) -> tuple[list[EpochReport], float]:
    """Cross-validate each ridge; returns the reports and the ridge with the least loss."""
    metric = get_metric(task.metric, task.type)
    folds = _folds(data.raw_target, task.seed)
    # Each fold's net goes on from the ridge before, which is near: the whole path costs little more than one fit.
    nets = [MetaNet(start.widths, output, start.sharing) for _ in folds]
    reports: list[EpochReport] = []
    best, best_losses = math.inf, None
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
        improved = best_losses is None or _clearly_less(losses, best_losses)
        if improved:
            best, best_losses = correction, losses
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
    return reports, best


def _clearly_less(losses: np.ndarray, than: np.ndarray) -> bool:
    """Whether the rows' losses are less on average by more than chance would give."""
    gain = than - losses
    return bool(gain.mean() > _STANDARD_ERRORS * gain.std() / math.sqrt(len(gain)))


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
        loss = (output.loss(net(inputs), target) * weight).sum()
        total = (loss + net.cost(penalty)) / len(weight)
        total.backward()
        return total

    optimiser.step(closure)
    with torch.no_grad():
        return float((output.loss(net(inputs), target) * weight).mean())


def _folds(target: np.ndarray, seed: int) -> list[_Fold]:
    """Divide rows at random into folds that are alike in target: every fifth of those sorted by it."""
    flat = np.asarray(target, dtype=np.float64).reshape(len(target), -1).sum(axis=1)
    order = np.lexsort((np.random.default_rng(seed).random(len(flat)), flat))
    fold = np.empty(len(flat), dtype=np.int64)
    fold[order] = np.arange(len(flat)) % _FOLDS
    return [
        _Fold(fit=torch.from_numpy(np.flatnonzero(fold != part)), judge=torch.from_numpy(np.flatnonzero(fold == part)))
        for part in range(_FOLDS)
    ]


def _why_plain(vectors: dict[str, DomainVectors], target: np.ndarray, valid: np.ndarray) -> str | None:
    if len(valid) < _FEWEST_ROWS:
        return f"Only {len(valid)} validation rows; {_FEWEST_ROWS} are needed to learn more than the mean."
    if not varies(target[valid]):
        return "The target is the same for all validation rows."
    if not any(domain.present[valid].any() for domain in vectors.values()):
        return "No validation row has an event in any domain."
    return None


def _check(vectors: dict[str, DomainVectors], target: np.ndarray, task: Task) -> None:
    if not vectors:
        raise TrainingError(f"task '{task.name}': the metamodel needs the vectors of at least one domain; got none.")
    for name, domain in vectors.items():
        if len(domain) != len(target):
            raise TrainingError(
                f"task '{task.name}': domain '{name}' has vectors of {len(domain)} rows for {len(target)} rows of the "
                "sample; materialize its embedding again."
            )
