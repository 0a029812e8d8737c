"""Trains the metamodel over its members: the domains' nets, and the trees of each domain and of all domains.

It is fitted on rows that no member was fitted on. A member's scores of its own training rows are better than those of a
new client would be, and a model fitted on them would trust the member too much. With cross-fitting, all training and
validation rows serve, each scored by the nets and trees of its fold; otherwise only the validation rows. The model is
linear with strong priors (`anna_core.models.blend.net`): it begins as the mean of the members' logits; cross-validation
decides how far the embeddings may correct it, and how much single members count for by themselves (`choosing.py`).
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from anna_core.errors import TrainingError
from anna_core.models.blend.averaging import Averaging
from anna_core.models.blend.calibration.fit import fit_calibration
from anna_core.models.blend.calibration.model import Calibration
from anna_core.models.blend.choosing import NO_CHOICE, Choice, Judged, choose, fit
from anna_core.models.blend.metamodel import Metamodel, MetamodelSpec, read_logits
from anna_core.models.blend.net import MetaNet, fitted_sharing, plain_sharing
from anna_core.models.bundle import TaskFacts
from anna_core.models.device import computing
from anna_core.models.outputs import Output
from anna_core.models.progress import OnEpoch
from anna_core.models.rows import training_rows, unit_mean, varies
from anna_core.models.unseen import Unseen
from anna_core.models.vectors import DomainVectors
from anna_core.samples.splits import TEST
from anna_core.tasks.task import Task, TaskType

# With fewer rows, or rows of fewer clients, the plain mean is the better choice.
_FEWEST_ROWS = 50
# Nor can weights be learnt from fewer clients with a rare outcome: with 2 such rows among 3,000, the fitted blend had a
# ROC AUC of 0.889, its best member one of 0.907.
_FEWEST_OF_OUTCOME = 20


def train_metamodel(
    members: dict[str, DomainVectors],
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    judged: np.ndarray,
    task: Task,
    on_epoch: OnEpoch,
    client: np.ndarray,
    unseen: Unseen | None,
) -> Metamodel:
    """Train the metamodel.

    Args:
        members: name → its vectors of the sample's n rows; those of trees have embeddings of width 0. A model that had
            nothing to learn from is absent in every row.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32, positive.
        split: (n,) text, train, valid or test; the targets of test rows are not looked at.
        judged: (n,) bool, training or validation rows that no member was fitted on.
        task: what to learn.
        on_epoch: called for each strength of regularisation that is tried. The train loss is the mean over the folds;
            validation loss and metric are those of all judged rows, each scored by a model that was not fitted on it.
        client: (n,) the client that each row belongs to. Rows of one client are not independent, and an embedding may
            recognise a client, so folds do not split them.
        unseen: the output of each fold's models for rows that none of them was fitted on, from which follows how far
            scores by the mean of the folds can be trusted; None if there is one fold, or no such row.

    Returns:
        The metamodel, fitted on all judged rows with the strength that did best.

    Raises:
        TrainingError: there are no members, their vectors do not fit the sample, or no model can be trained on the
            rows.
    """
    _check(members, target, task)
    rows = training_rows(target, weight, split, task)
    used = np.flatnonzero(judged & (split != TEST))
    output = Output.fit(task, target[rows.train], weight[rows.train])
    widths = {name: member.embedding.shape[1] for name, member in members.items()}
    group = np.unique(client[used], return_inverse=True)[1]
    reason = _why_plain(members, target, used, group, task.type)
    net = MetaNet(widths, output, fitted_sharing(widths) if reason is None else plain_sharing(widths))
    choice = NO_CHOICE
    if reason is None:
        net.standardise_on(members, used)
        data = Judged(
            inputs=net.read(members, output, used),
            target=output.encode(target[used]),
            weight=torch.from_numpy(unit_mean(weight[used])),
            raw_target=target[used],
            group=group,
        )
        # For a few thousand rows and a few hundred columns, several threads would mostly wait for each other.
        with computing(1):
            choice = choose(net, data, output, task, on_epoch)
            fit(net, data, output, choice)
    net.requires_grad_(False)
    calibration = _calibration(choice, output, target, weight, group, used, task.seed)
    averaging = None
    if reason is None and unseen is not None and len(unseen.rows):
        averaging = _averaging(net, output, calibration, members, unseen, weight)
    spec = MetamodelSpec(
        task=TaskFacts.of(task),
        output=output,
        widths=widths,
        sharing=net.sharing,
        calibration=calibration,
        averaging=averaging,
        correction_penalty=choice.correction if math.isfinite(choice.correction) else None,
        alone=choice.alone,
        plain_reason=reason,
        shares=net.shares(net.read(members, output, used), weight[used]) if len(used) else {},
    )
    return Metamodel(spec=spec, net=net, curves=choice.reports, provenance={})


def _averaging(
    net: MetaNet,
    output: Output,
    calibration: Calibration,
    members: dict[str, DomainVectors],
    unseen: Unseen,
    weight: np.ndarray,
) -> Averaging:
    def calibrated(vectors: Mapping[str, DomainVectors], rows: np.ndarray) -> np.ndarray:
        return calibration.apply(read_logits(net, output, vectors, rows))

    with computing(1):
        mean = calibrated(members, unseen.rows)
        by_fold = [calibrated(vectors, np.arange(len(unseen.rows))) for vectors in unseen.by_fold]
    return Averaging.fit(output, mean, np.stack(by_fold), unit_mean(weight[unseen.rows]))


def _calibration(
    choice: Choice,
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
    """Number of clients with rows of other than the most frequent class; of several labels, the largest such number."""
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
