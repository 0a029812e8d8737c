"""Trains the model of one domain on a sample."""

import time
from collections.abc import Iterator

import numpy as np

from anna_core.errors import TrainingError
from anna_core.models.bundle import TaskFacts
from anna_core.models.device import choose_device, computing
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.domain_model import DomainModel, DomainModelSpec, make_nets, net_seed
from anna_core.models.nets.ensemble import Ensemble
from anna_core.models.nets.forward import forward_rows
from anna_core.models.nets.input_stats import measure_inputs
from anna_core.models.outputs import Output
from anna_core.models.progress import OnEpoch
from anna_core.models.rows import TrainingRows, training_rows, usable_folds, varies
from anna_core.models.training.fitting import Fitting
from anna_core.models.training.trainer import Trainer
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.task import Task

# Rows without events get the mean of such training rows, drawn towards the base rate as if 20 more rows had it: having
# no card events says a lot about a client's activity, but a handful of such rows must not set a rate.
_ABSENT_PRIOR_ROWS = 20.0
# Rows on which the nets' embeddings are aligned: many more than an embedding has units.
_ALIGNMENT_ROWS = 5_000


def train_domain_model(
    sequences: Sequences,
    target: np.ndarray,
    weight: np.ndarray,
    split: np.ndarray,
    task: Task,
    on_epoch: OnEpoch,
    threads: int | None,
    fold: np.ndarray,
    client: np.ndarray,
) -> DomainModel:
    """Train nets on the rows that have events in this domain: `task.training.seeds` per fold, which do not see it.

    If no training or validation row has events in the domain, or the target is constant over those that do, the result
    is an empty model rather than an error: the launch's other domains may well be of use. The same goes if too few rows
    have events for the folds that the sample as a whole allows. If the sample itself is too small for some fold, one
    net is trained on the training rows and stopped on the validation rows.

    Args:
        sequences: sequences of the sample's n rows.
        target: (n, L) float32, or (n,) int64 class index for multiclass.
        weight: (n,) float32, positive.
        split: (n,) text: train, valid or test; test rows are not used.
        task: what to learn, and how (`task.net`, `task.training`, `task.seed`).
        on_epoch: called after every epoch.
        threads: number of CPU threads; None leaves it as it is.
        fold: (n,) folds from `anna_core.samples.splits.assign_folds`.
        client: (n,) the client that each row belongs to: rows of one client are not independent.

    Returns:
        The model, each net with the weights of the epoch that was kept. The same arguments give the same weights bit
        for bit, unless the time budget cuts the training short.

    Raises:
        TrainingError: no model of any domain can be trained on these rows, or the training diverged.
    """
    if len(sequences) != len(target):
        raise TrainingError(
            f"task '{task.name}', domain '{sequences.domain.name}': {len(sequences)} sequences for {len(target)} rows "
            "of the sample; materialize the sequences again."
        )
    began = time.perf_counter()
    rows = training_rows(target, weight, split, task)
    has_events = np.asarray(sequences.length) > 0
    output = Output.fit(task, target[rows.train], weight[rows.train])
    absent = rows.train[~has_events[rows.train]]
    train, valid = rows.train[has_events[rows.train]], rows.valid[has_events[rows.valid]]
    used = np.sort(np.concatenate([train, valid]))
    everyone = np.concatenate([rows.train, rows.valid])
    wanted, folds = usable_folds(fold[everyone], target[everyone]), usable_folds(fold[used], target[used])
    reason = _nothing_to_learn(train, valid, target)
    if reason is None and folds < wanted:
        reason = f"The rows that have events in this domain are too few to be divided into {wanted} folds."
    spec = DomainModelSpec(
        domain=sequences.domain,
        task=TaskFacts.of(task),
        net=task.net,
        inputs=None if reason else measure_inputs(sequences, train, task.seed, task.net),
        output=output,
        absent_logits=output.constant_logits(target[absent], weight[absent], _ABSENT_PRIOR_ROWS),
        folds=max(1, wanted),
        seeds=task.training.seeds,
        empty_reason=reason,
    )
    nets = make_nets(spec)
    if nets is None:
        return DomainModel(spec=spec, net=None, curves=[], provenance={})
    device = choose_device()
    nets.to(device)
    store = nets.net(0).store(sequences, device)
    parts = list(_parts(used, fold, spec))

    def trainer(place: int, rate: float) -> Trainer:
        mine = task.model_copy(update={"seed": net_seed(task.seed, place)})
        return Trainer(nets.net(place), output, store, target, weight, parts[place], mine, rate, client)

    with computing(threads):
        curves = Fitting(nets, trainer, task.training.budget, began, on_epoch).run(task.training.learning_rate)
        nets.eval()
        _align(nets, store, used, task.seed)
    return DomainModel(spec=spec, net=nets, curves=curves, provenance={})


def _parts(used: np.ndarray, fold: np.ndarray, spec: DomainModelSpec) -> Iterator[TrainingRows]:
    """The rows of each net: it is fitted on those outside its fold and stopped on those inside."""
    for k in range(spec.folds):
        inside = fold[used] == k
        for _ in range(spec.seeds):
            yield TrainingRows(train=used[~inside], valid=used[inside])


def _align(nets: Ensemble, store: EventStore, used: np.ndarray, seed: int) -> None:
    """Align the nets' embeddings on randomly drawn rows, since files are often sorted by date or target."""
    some = np.random.default_rng(seed).choice(used, min(len(used), _ALIGNMENT_ROWS), replace=False)
    rows = np.sort(some)
    embeddings, _ = forward_rows([nets.net(place) for place in range(len(nets.nets))], store, rows)
    for place in range(1, len(embeddings)):
        nets.align(place, embeddings[place], embeddings[0])


def _nothing_to_learn(train: np.ndarray, valid: np.ndarray, target: np.ndarray) -> str | None:
    """Why a net cannot be trained on these rows, all of which have events; None if it can."""
    if len(train) == 0:
        return "No training row has an event in this domain."
    if len(valid) == 0:
        return "No validation row has an event in this domain."
    if not varies(target[train]):
        return "The target is the same for all training rows that have events in this domain."
    return None
