"""The training loop of a domain net."""

import copy
import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from anna_core.errors import TrainingError
from anna_core.metrics.registry import Metric, get_metric
from anna_core.nets.batch import EventStore
from anna_core.nets.batching import length_batches
from anna_core.nets.domain_net import DomainNet
from anna_core.nets.forward import forward_rows
from anna_core.nets.outputs import Output
from anna_core.sequences.ragged import Sequences
from anna_core.tasks import Task
from anna_core.training.progress import EpochReport, OnEpoch
from anna_core.training.rows import TrainingRows

# Share of the steps in which the learning rate climbs to its peak (fastai's one-cycle uses 0.25 to 0.3; short runs on a
# few thousand rows do better with more time to anneal).
_WARM_UP_SHARE = 0.2
# Steps of an epoch at least: of few rows, large batches would leave too few steps to learn anything.
_FEWEST_STEPS = 16
# Norm of the gradient at most: recurrent nets see rare, far larger ones (Pascanu et al., 2013).
_GRADIENT_NORM = 1.0


@dataclass
class Best:
    """The best epoch so far and its weights, by the task's metric, or by the validation loss where it is undefined."""

    metric: Metric
    value: float = math.nan
    loss: float = math.inf
    epoch: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, value: float, loss: float, net: torch.nn.Module) -> bool:
        """Keep an epoch's weights if it is better; say whether it is."""
        undefined = math.isnan(value) and math.isnan(self.value)
        if not (loss < self.loss if undefined else self.metric.better(value, self.value)):
            return False
        self.epoch, self.value, self.loss = epoch, value, loss
        self.weights = copy.deepcopy(net.state_dict())
        return True


class Trainer:
    """Fits a domain net to the training rows and keeps the weights that do best on the validation rows."""

    def __init__(
        self,
        net: DomainNet,
        output: Output,
        sequences: Sequences,
        target: np.ndarray,
        weight: np.ndarray,
        rows: TrainingRows,
        task: Task,
    ) -> None:
        """Prepare; every one of `rows` has at least one event."""
        self.net, self.output, self.sequences, self.rows, self.task = net, output, sequences, rows, task
        self.device = next(net.parameters()).device
        self.store = EventStore(sequences, self.device)
        self.valid_target, self.valid_weight = target[rows.valid], weight[rows.valid]
        self.target = output.encode(target[rows.train]).to(self.device)
        # Weights of mean 1 leave the learning rate's meaning as it is.
        weights = (weight[rows.train] / weight[rows.train].mean()).astype(np.float32)
        self.weight = torch.from_numpy(weights).to(self.device)
        self.lengths = sequences.length[rows.train]
        self.rng = np.random.default_rng(task.seed)
        # Batches are nearly equal in number from epoch to epoch (rows of like length change places only).
        self.epochs = task.training.epochs
        self.steps = self.epochs * len(self._batches(None))
        self.optimiser = torch.optim.AdamW(
            parameter_groups(net, task.training.weight_decay), lr=task.training.learning_rate, fused=True
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._rate)

    def run(self, on_epoch: OnEpoch) -> list[EpochReport]:
        """Train until the epochs or the patience are spent; the net then holds the best weights.

        Raises:
            TrainingError: the loss is not finite, so the training has diverged.
        """
        metric = get_metric(self.task.metric, self.task.type)
        best = Best(metric)
        reports: list[EpochReport] = []
        began = time.perf_counter()
        for epoch in range(1, self.epochs + 1):
            train_loss, events_per_second = self._epoch()
            scores, valid_loss = self._validate()
            value = float(metric(self.valid_target, scores, self.valid_weight))
            improved = best.offer(epoch, value, valid_loss, self.net)
            last = epoch == self.epochs or epoch - best.epoch >= self.task.training.patience
            pace = (time.perf_counter() - began) / epoch
            reports.append(
                EpochReport(
                    epoch=epoch,
                    epochs=self.epochs,
                    train_loss=train_loss,
                    valid_loss=valid_loss,
                    metric=self.task.metric,
                    valid_metric=value,
                    events_per_second=events_per_second,
                    seconds_left=0.0 if last else pace * (self.epochs - epoch),
                    best=improved,
                )
            )
            on_epoch(reports[-1])
            if last:
                break
        self.net.load_state_dict(best.weights)
        return reports

    def _epoch(self) -> tuple[float, float]:
        """One pass over the training rows; returns the mean loss and the true events a second."""
        self.net.train()
        began, sums = time.perf_counter(), torch.zeros((), dtype=torch.float64, device=self.device)
        batches = self._batches(self.rng)
        for batch, events in zip(
            batches, self.store.batches([self.rows.train[batch] for batch in batches]), strict=True
        ):
            positions = torch.from_numpy(batch).to(self.device)
            losses = self.output.loss(self.net(events).logits, self.target[positions])
            loss = (losses * self.weight[positions]).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), _GRADIENT_NORM)
            self.optimiser.step()
            self.schedule.step()
            sums += loss.detach() * len(batch)  # stays on the device: reading it would wait for each batch
        total = float(sums)
        if not math.isfinite(total):
            raise TrainingError(
                f"task '{self.task.name}', domain '{self.sequences.domain.name}': the training diverged "
                f"(loss {total}); lower training.learning_rate (now {self.task.training.learning_rate})."
            )
        return total / len(self.lengths), float(self.lengths.sum()) / (time.perf_counter() - began)

    def _validate(self) -> tuple[np.ndarray, float]:
        """Scores (n, K) of the validation rows and their mean loss."""
        _, logits = forward_rows(self.net, self.store, self.rows.valid)
        losses = self.output.loss(torch.from_numpy(logits), self.output.encode(self.valid_target)).numpy()
        return self.output.scores(logits), float(np.average(losses, weights=self.valid_weight))

    def _batches(self, rng: np.random.Generator | None) -> list[np.ndarray]:
        training = self.task.training
        rows = min(training.batch_rows, max(1, len(self.lengths) // _FEWEST_STEPS))
        return length_batches(self.lengths, rows, training.batch_events or self.net.encoder.batch_events, rng)

    def _rate(self, step: int) -> float:
        """Share of the peak learning rate at a step: a straight climb, then half a cosine down to 0."""
        warm_up = max(1.0, _WARM_UP_SHARE * self.steps)
        if step < warm_up:
            return (step + 1) / (warm_up + 1)
        done = min(1.0, (step - warm_up) / max(1.0, self.steps - warm_up))
        return 0.5 * (1 + math.cos(math.pi * done))


def parameter_groups(net: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameters for AdamW: matrices decay; biases and norms do not, or the base rate would be drawn to a half."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
