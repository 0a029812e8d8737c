"""How much of a training fits into its budget of time, by the speed measured so far."""

import math
from dataclasses import dataclass

# Share of the budget that is planned with; the rest is for what cannot be foreseen.
_PLANNED_SHARE = 0.95
# Steps over which the speed is averaged, at least; batches of long and of short rows take differently long.
_FEWEST_STEPS = 16
# Seconds that reading an event forwards takes, as a share of reading it forwards and backwards, before it is measured.
# Forward passes are a third of the work; overheads and the metric's bootstrap make it more.
_FORWARD_SHARE = 0.5
_SHORTEST = 1e-9  # seconds of an epoch, where the clock is too coarse to see them
# A trial goes on until it took this share of the budget and two steps, as the first is slow; or, after so many steps,
# until it is clear that so small a share of the budget is needed that no more exact figure can change the plan.
_TRIAL_SHARE, _CLEAR_STEPS, _CLEAR_SHARE = 0.02, 4, 0.5


@dataclass(frozen=True)
class Work:
    """An epoch's work: steps, the events of its training rows, and those of the validation rows."""

    steps: int
    events: int
    valid_events: int


class Pace:
    """Measures the speed of a training and says how many steps it can take.

    Seconds are counted from the training's beginning.
    """

    def __init__(self, work: Work, budget: float) -> None:
        """Prepare to keep a budget of so many seconds."""
        self._work, self._budget = work, budget
        self._keep = 1 - 1 / max(_FEWEST_STEPS, work.steps // 2)
        self._seconds = self._events = 0.0
        self._steps = 0
        self._valid_seconds: float | None = None

    def trained(self, seconds: float, steps: int, events: int) -> None:
        """So many steps were taken, on so many events."""
        self._steps += steps
        keep = self._keep**steps
        self._seconds = self._seconds * keep + seconds
        self._events = self._events * keep + events

    def validated(self, seconds: float) -> None:
        """The validation rows were scored."""
        self._valid_seconds = seconds

    def is_known(self, spent: float, epochs: int) -> bool:
        """Whether a trial that took `spent` seconds is long enough to plan so many epochs."""
        if self._steps >= 2 and spent >= self._budget * _TRIAL_SHARE:
            return True
        needed = spent + self.seconds_left(epochs, epoch_left=0.0)
        return self._steps >= _CLEAR_STEPS and needed <= self._budget * _CLEAR_SHARE

    def seconds_left(self, epochs: int, epoch_left: float) -> float:
        """Seconds that are needed for so many whole epochs and a share of the current one, each with its validation."""
        train, valid = self._epoch_seconds()
        return epochs * (train + valid) + (epoch_left * train + valid if epoch_left > 0 else 0.0)

    def fits(self, spent: float, epochs: int, epoch_left: float) -> bool:
        """Whether this ends within the budget after `spent` seconds."""
        return spent + self.seconds_left(epochs, epoch_left) <= self._budget

    def plan(self, spent: float, epochs: int, epoch_left: float) -> tuple[int, float]:
        """What can be done in the time left.

        Args:
            spent: seconds since the training began.
            epochs: whole epochs that are wanted after the current one.
            epoch_left: share of the current epoch that is still to be done; 0 between epochs.

        Returns:
            Whole epochs after the current one, and the share of all of an epoch's work that still fits into the
            current one, at most `epoch_left`.
        """
        train, valid = self._epoch_seconds()
        left = self._budget * _PLANNED_SHARE - spent
        if epoch_left > 0:
            current = epoch_left * train + valid
            if current > left:
                return 0, max(0.0, (left - valid) / train)
            left -= current
        return max(0, min(epochs, math.floor(left / (train + valid)))), epoch_left

    def _epoch_seconds(self) -> tuple[float, float]:
        an_event = self._seconds / self._events
        valid = self._valid_seconds
        if valid is None:
            valid = an_event * self._work.valid_events * _FORWARD_SHARE
        return max(an_event * self._work.events, _SHORTEST), valid
