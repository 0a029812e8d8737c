"""The training loop of a domain net."""

import copy
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from anna_core.errors import TrainingError
from anna_core.metrics.registry import get_metric
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.batching import length_batches
from anna_core.models.nets.domain_net import DomainNet
from anna_core.models.nets.forward import forward_rows
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport, OnEpoch
from anna_core.models.rows import TrainingRows, unit_mean
from anna_core.models.training.epoch_choice import EpochChoice
from anna_core.models.training.pace import Pace, Work
from anna_core.models.training.schedule import Schedule
from anna_core.tasks.task import Task

# The least number of steps per epoch: with few rows, large batches would leave too few steps to learn anything.
_FEWEST_STEPS = 16
# Maximum norm of the gradient: recurrent nets occasionally see far larger ones (Pascanu et al., 2013).
_GRADIENT_NORM = 1.0
# Seconds between measurements of the speed on a GPU: each waits for work in progress, while nothing is prepared.
_GPU_CHECK_SECONDS = 0.25


class DivergenceError(TrainingError):
    """The loss is no longer a finite number."""


class Trainer:
    """Fits a domain net to the training rows and keeps the weights that do best on the validation rows.

    The weights are not averaged over steps or epochs: as the learning rate anneals to 0, that makes next to no
    difference (docs/quality.md).
    """

    def __init__(
        self,
        net: DomainNet,
        output: Output,
        store: EventStore,
        target: np.ndarray,
        weight: np.ndarray,
        rows: TrainingRows,
        task: Task,
        rate: float,
        client: np.ndarray,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Prepare; every one of `rows` has at least one event.

        `rate` is the peak learning rate, `client` (n,) the client that each row belongs to; `clock` gives
        seconds.
        """
        self.net, self.output, self.store, self.rows, self.task = net, output, store, rows, task
        self.device = next(net.parameters()).device
        self.rate, self.clock = rate, clock
        self.valid_target, self.valid_weight = target[rows.valid], weight[rows.valid]
        self.valid_client = client[rows.valid]
        self.target = output.encode(target[rows.train]).to(self.device)
        # With weights of mean 1, the learning rate keeps its meaning.
        self.weight = torch.from_numpy(unit_mean(weight[rows.train])).to(self.device)
        self.lengths = store.length[rows.train]
        self.epoch_steps = len(self._batches(None))  # the same in every epoch: rows of similar length swap
        self._begin(task.training.epochs)

    def run(self, on_epoch: OnEpoch, budget: float | None = None) -> list[EpochReport]:
        """Train until epochs, patience or budget are used up; the net then holds the weights that are kept.

        A trial of a few steps, which are undone, shows how many whole epochs fit into the budget; the result is bit for
        bit that of a run with as many epochs. If the speed drops later, remaining epochs are given up; if not even one
        fits, training ends in the middle of it, with the learning rate annealed.

        Args:
            on_epoch: called after every epoch.
            budget: seconds that the whole run may take; None: as long as it takes.

        Raises:
            DivergenceError: the loss is not finite.
        """
        self.began = self.clock()
        if budget is not None:
            self._plan(budget)
        metric = get_metric(self.task.metric, self.task.type)
        choice = EpochChoice(metric, self.valid_target, self.valid_weight, self.task.seed, self.valid_client)
        reports: list[EpochReport] = []
        epoch, last = 0, False
        while not last:
            epoch += 1
            train_loss, events_per_second, passed = self._epoch(epoch)
            validating = self.clock()
            scores, losses = self.validate()
            value, kept = choice.offer(epoch, scores, losses, self.net)
            out_of_patience = epoch - choice.epoch >= self.task.training.patience
            if self.pace is not None and not out_of_patience:
                self.pace.validated(self.clock() - validating)
                self._keep_budget(epoch + 1, done=0)
            last = self.schedule.finished or out_of_patience
            reports.append(
                EpochReport(
                    epoch=epoch,
                    epochs=self.epochs,
                    train_loss=train_loss,
                    valid_loss=float(np.average(losses, weights=self.valid_weight)),
                    metric=self.task.metric,
                    valid_metric=value,
                    events_per_second=events_per_second,
                    seconds_left=0.0 if last else (self.clock() - self.began) / epoch * (self.epochs - epoch),
                    best=kept,
                    passed=passed,
                    bound=self.bound,
                    learning_rate=self.rate,
                )
            )
            on_epoch(reports[-1])
        self.net.load_state_dict(choice.weights)
        return reports

    def _begin(self, epochs: int) -> None:
        """Begin at the first step of a training with this many epochs."""
        training = self.task.training
        self.epochs = epochs
        self.rng = np.random.default_rng(self.task.seed)
        self.schedule = Schedule(epochs * self.epoch_steps)
        self.optimiser = torch.optim.AdamW(parameter_groups(self.net, training.weight_decay), lr=self.rate, fused=True)
        self.pace: Pace | None = None
        self.bound = False
        self.check_seconds = _GPU_CHECK_SECONDS if self.device.type == "cuda" else 0.0

    def _epoch(self, epoch: int) -> tuple[float, float, float]:
        """One pass over the training rows; returns the mean loss, events per second, and the share of rows read."""
        began, sums = self.clock(), torch.zeros((), dtype=torch.float64, device=self.device)
        steps = rows = events = 0
        for batch, read, loss in self._steps():
            sums += loss * len(batch)  # stays on the device: reading it would mean waiting for each batch
            steps, rows, events = steps + 1, rows + len(batch), events + read
            if self.pace is not None:
                self._keep_budget(epoch, steps)
            if self.schedule.finished:
                break
        total = float(sums)
        self._require_finite(total)
        return total / rows, events / max(self.clock() - began, 1e-9), rows / len(self.lengths)

    def _steps(self) -> Iterator[tuple[np.ndarray, int, torch.Tensor]]:
        """Take the steps of an epoch one by one; yields each batch's positions (B,), events read and mean loss."""
        self.net.train()
        batches = self._batches(self.rng)
        taken, events_taken, before = 0, 0, self._now()
        gathered = self.store.batches(
            [self.rows.train[batch] for batch in batches], self.task.training.event_dropout, self.rng
        )
        for place, (batch, events) in enumerate(zip(batches, gathered, strict=True), start=1):
            for group in self.optimiser.param_groups:
                group["lr"] = self.rate * self.schedule.share
            positions = torch.from_numpy(batch).to(self.device)
            losses = self.output.loss(self.net(events).logits, self.target[positions])
            loss = (losses * self.weight[positions]).mean()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), _GRADIENT_NORM)
            self.optimiser.step()
            self.schedule.advance()
            taken, events_taken = taken + 1, events_taken + int(self.lengths[batch].sum())
            if self.pace is not None and (self.clock() - before >= self.check_seconds or place == len(batches)):
                now = self._now()
                self.pace.trained(now - before, taken, events_taken)
                taken, events_taken, before = 0, 0, now
            yield batch, len(events.row), loss.detach()

    def validate(self) -> tuple[np.ndarray, np.ndarray]:
        """Scores (n, K) of the validation rows by the net in its current state, and their losses (n,).

        Raises:
            DivergenceError: a loss is not finite.
        """
        _, [logits] = forward_rows([self.net], self.store, self.rows.valid)
        losses = self.output.loss(torch.from_numpy(logits), self.output.encode(self.valid_target)).numpy()
        self._require_finite(float(losses.sum()))
        return self.output.scores(logits), losses

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergenceError(
                f"task '{self.task.name}', domain '{self.store.domain.name}': the training diverged "
                f"(loss {loss}); lower training.learning_rate (now {self.rate})."
            )

    def _plan(self, budget: float) -> None:
        """Find out by a trial how many epochs fit into the budget, and begin a training with that many."""
        valid_events = int(self.store.length[self.rows.valid].sum())
        pace = Pace(Work(self.epoch_steps, int(self.lengths.sum()), valid_events), budget)
        wanted = self.epochs
        weights = copy.deepcopy(self.net.state_dict())
        self.pace, self.check_seconds = pace, 0.0
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            for _ in self._steps():
                if pace.is_known(self.clock() - self.began, wanted):
                    break
        self.net.load_state_dict(weights)
        whole, share = pace.plan(self.clock() - self.began, wanted - 1, 1.0)
        self._begin(1 + whole)
        self.pace, self.bound = pace, 1 + whole < wanted or share < 1
        if share < 1:
            self.schedule.end_at(max(1, int(share * self.epoch_steps)))

    def _keep_budget(self, epoch: int, done: int) -> None:
        """Give up epochs, or the rest of one, if they no longer fit; `done` steps of this epoch are done."""
        assert self.pace is not None
        left = min(self.epoch_steps, self.schedule.steps - (epoch - 1) * self.epoch_steps) - done
        spent, share, more = self.clock() - self.began, left / self.epoch_steps, self.epochs - epoch
        if left <= 0 or self.pace.fits(spent, more, share):
            return
        whole, fitting = self.pace.plan(spent, more, share)
        steps = left if fitting == share else int(fitting * self.epoch_steps)
        self.bound = True
        self.epochs = epoch + whole if done + steps > 0 else epoch - 1
        self.schedule.end_at(self.schedule.step + steps + whole * self.epoch_steps)

    def _now(self) -> float:
        """The time in seconds, once the device has finished its work."""
        if self.pace is not None and self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self.clock()

    def _batches(self, rng: np.random.Generator | None) -> list[np.ndarray]:
        training = self.task.training
        rows = min(training.batch_rows, max(1, len(self.lengths) // _FEWEST_STEPS))
        return length_batches(self.lengths, rows, training.batch_events or self.net.encoder.batch_events, rng)


def parameter_groups(net: torch.nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Parameters for AdamW: matrices decay; biases and norms do not, or base rates would be drawn towards a half."""
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
