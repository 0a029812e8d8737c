"""What a training loop tells, epoch by epoch, to whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """One epoch.

    Attributes:
        epoch: counted from 1.
        epochs: at most so many; fewer than the settings say, and fewer than in earlier reports, where the budget does
            not allow them. `training.epochs` set to the last report's number repeats the training in the same time.
        train_loss: mean over the epoch's training rows.
        valid_loss: mean over the validation rows after the epoch.
        metric: the task's.
        valid_metric: its value on the validation rows; NaN where it is not defined.
        events_per_second: true (not padded) events read forwards and backwards a second.
        seconds_left: upper bound, as early stopping may end before; 0 in the last report.
        best: whether its weights are kept: no epoch before was clearly better.
        passed: share of the training rows that the epoch read; less than 1 where the budget ended it.
        bound: whether the budget allows less than the settings say.
        net: which of the model's nets is trained, counted from 1; while a model trains, the trials of a search for a
            learning rate count as nets, too.
        nets: how many the model has.
        learning_rate: its peak; None in models of before it was told.
    """

    epoch: int
    epochs: int
    train_loss: float
    valid_loss: float
    metric: str
    valid_metric: float
    events_per_second: float
    seconds_left: float
    best: bool
    passed: float = 1.0
    bound: bool = False
    net: int = 1
    nets: int = 1
    learning_rate: float | None = None

    @property
    def step(self) -> int:
        """Place among all epochs of the model, net after net, were each to take as many as this one's."""
        return (self.net - 1) * self.epochs + self.epoch


OnEpoch = Callable[[EpochReport], None]


def ignore(report: EpochReport) -> None:
    """Take no notice of an epoch."""
