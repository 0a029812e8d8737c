"""Trains the model of one domain on a sample."""

import numpy as np

from anna_core.errors import TrainingError
from anna_core.nets.device import choose_device, computing, seeded
from anna_core.nets.input_stats import measure_inputs
from anna_core.nets.outputs import Output
from anna_core.scoring.bundle import TaskFacts
from anna_core.scoring.domain_model import DomainModel, DomainModelSpec, make_net
from anna_core.sequences.ragged import Sequences
from anna_core.tasks import Task
from anna_core.training.progress import OnEpoch, ignore
from anna_core.training.rows import TrainingRows, training_rows, varies
from anna_core.training.trainer import Trainer

# Rows without events get the mean of such training rows, drawn to the base rate as if 20 rows more had that: having no
# card events says much of a client's activity, but a handful of such rows must not set a rate.
_ABSENT_PRIOR_ROWS = 20.0


def train_domain_model(
    sequences: Sequences,
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    task: Task,
    on_epoch: OnEpoch = ignore,
    threads: int | None = None,
) -> DomainModel:
    """Train a net on the rows that have events in this domain.

    A domain in which the training or validation rows have no events, or those that have do not vary in target, gives an
    empty model rather than an error: the other domains of the launch may well do.

    Args:
        sequences: n rows, aligned with the sample's.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32, positive.
        split: (n,) text: train, valid or test; test rows are not looked at.
        task: what to learn, and `task.net`, `task.training`, `task.seed`: how.
        on_epoch: told of every epoch.
        threads: CPU threads to use; None leaves the number as it is.

    Returns:
        The model with the weights of its best epoch. The same arguments give the same weights bit for bit.

    Raises:
        TrainingError: no model of any domain can be trained on these rows, or the training diverged.
    """
    if len(sequences) != len(target):
        raise TrainingError(
            f"task '{task.name}', domain '{sequences.domain.name}': {len(sequences)} sequences for {len(target)} rows "
            "of the sample; materialize the sequences again."
        )
    rows = training_rows(target, weight, split, task)
    has_events = np.asarray(sequences.length) > 0
    output = Output.fit(task, target[rows.train], weight[rows.train])
    absent = rows.train[~has_events[rows.train]]
    rows = TrainingRows(train=rows.train[has_events[rows.train]], valid=rows.valid[has_events[rows.valid]])
    reason = _nothing_to_learn(rows, target)
    spec = DomainModelSpec(
        domain=sequences.domain,
        task=TaskFacts.of(task),
        net=task.net,
        inputs=None if reason else measure_inputs(sequences, rows.train, task.seed, task.net.vocabulary),
        output=output,
        absent_logits=output.constant_logits(target[absent], weight[absent], _ABSENT_PRIOR_ROWS),
        empty_reason=reason,
    )
    net = make_net(spec)
    if net is None:
        return DomainModel(spec=spec, net=None, curves=[], provenance={})
    net.to(choose_device())
    with computing(threads), seeded(task.seed):
        curves = Trainer(net, output, sequences, target, weight, rows, task).run(on_epoch)
    net.eval()
    return DomainModel(spec=spec, net=net, curves=curves, provenance={})


def _nothing_to_learn(rows: TrainingRows, target: np.ndarray) -> str | None:
    """Why a net cannot be trained on these rows, all of which have events; None if it can."""
    if len(rows.train) == 0:
        return "No training row has an event in this domain."
    if len(rows.valid) == 0:
        return "No validation row has an event in this domain."
    if not varies(target[rows.train]):
        return "The target is the same for all training rows that have events in this domain."
    return None
