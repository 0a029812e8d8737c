"""How much of a training fits into its budget of time, by the speed measured so far."""

import math
from dataclasses import dataclass

# Share of the budget that is planned for; the rest is for the unforeseen.
_PLANNED_SHARE = 0.95
# The least number of steps over which the speed is averaged, as batches of long and of short rows differ in speed.
_FEWEST_STEPS = 16
# Time of a forward pass as a share of a forward and backward pass, until it has been measured. A forward pass is a
# third of the work; overheads and the metric's bootstrap add to it.
_FORWARD_SHARE = 0.5
_SHORTEST = 1e-9  # seconds of an epoch that is too short for the clock to see
# A trial runs until it has taken this share of the budget and two steps, as the first one is slow; or, after this many
# steps, until it is clear that less than this share of the budget is needed, so that more precision changes nothing.
_TRIAL_SHARE, _CLEAR_STEPS, _CLEAR_SHARE = 0.02, 4, 0.5


@dataclass(frozen=True)
class Work:
    """An epoch's work: steps, the events of its training rows, and those of the validation rows."""

    steps: int
    events: int
    valid_events: int


class Pace:
    """Measures the speed of a training and says how many steps it can afford.

    Seconds are counted from the start of the training.
    """

    def __init__(self, work: Work, budget: float) -> None:
        """Prepare to keep within a budget of this many seconds."""
        self._work, self._budget = work, budget
        self._keep = 1 - 1 / max(_FEWEST_STEPS, work.steps // 2)
        self._seconds = self._events = 0.0
        self._steps = 0
        self._valid_seconds: float | None = None

    def trained(self, seconds: float, steps: int, events: int) -> None:
        """Note that this many steps were taken, on this many events."""
        self._steps += steps
        keep = self._keep**steps
        self._seconds = self._seconds * keep + seconds
        self._events = self._events * keep + events

    def validated(self, seconds: float) -> None:
        """Note how long scoring the validation rows took."""
        self._valid_seconds = seconds

    def is_known(self, spent: float, epochs: int) -> bool:
        """Whether a trial of `spent` seconds was long enough to plan this many epochs."""
        if self._steps >= 2 and spent >= self._budget * _TRIAL_SHARE:
            return True
        needed = spent + self.seconds_left(epochs, epoch_left=0.0)
        return self._steps >= _CLEAR_STEPS and needed <= self._budget * _CLEAR_SHARE

    def seconds_left(self, epochs: int, epoch_left: float) -> float:
        """Seconds needed for this many whole epochs and a share of the current one, each with its validation."""
        train, valid = self._epoch_seconds()
        return epochs * (train + valid) + (epoch_left * train + valid if epoch_left > 0 else 0.0)

    def fits(self, spent: float, epochs: int, epoch_left: float) -> bool:
        """Whether that much fits into the budget after `spent` seconds."""
        return spent + self.seconds_left(epochs, epoch_left) <= self._budget

    def plan(self, spent: float, epochs: int, epoch_left: float) -> tuple[int, float]:
        """What can be done in the time left.

        Args:
            spent: seconds since the training began.
            epochs: number of whole epochs wanted after the current one.
            epoch_left: share of the current epoch that remains; 0 between epochs.

        Returns:
            The number of whole epochs after the current one, and the share of an epoch's work that still fits into the
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
