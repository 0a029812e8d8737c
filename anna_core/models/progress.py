"""What a training loop reports, epoch by epoch, to whoever is watching."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochReport:
    """One epoch.

    Attributes:
        epoch: counted from 1.
        epochs: maximum number of epochs; less than in the settings, and less than in earlier reports, if the budget
            does not allow for more. Setting `training.epochs` to the last report's number repeats the training.
        train_loss: mean loss over the epoch's training rows.
        valid_loss: mean loss over the validation rows after the epoch.
        metric: name of the task's metric.
        valid_metric: the metric on the validation rows; NaN where it is not defined.
        events_per_second: true (not padded) events per second, read forwards and backwards.
        seconds_left: an upper bound, since training may stop early; 0 in the last report.
        best: whether the epoch's weights are kept: no earlier epoch was clearly better.
        passed: share of the training rows that the epoch read; below 1 if the budget ended it.
        bound: whether the budget allows for less than the settings ask for.
        net: which of the model's nets is being trained, counted from 1; during training, the trials of a search for a
            learning rate count as nets, too.
        nets: number of nets that the model has.
        learning_rate: peak of the learning rate; None in models saved before it was recorded.
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
        """The epoch's number among all epochs of the model, net after net, if every net took as many as this one."""
        return (self.net - 1) * self.epochs + self.epoch


OnEpoch = Callable[[EpochReport], None]


def ignore(report: EpochReport) -> None:
    """Ignore an epoch's report."""
