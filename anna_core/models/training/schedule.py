"""The learning rate over a training: up, then down to 0 at the end, wherever that turns out to be."""

import math

# Share of the steps in which the rate climbs to its peak (fastai's one-cycle uses 0.25 to 0.3; short runs on a few
# thousand rows do better with more time to anneal).
WARM_UP_SHARE = 0.2


class Schedule:
    """One cycle over a number of steps that may be reduced on the way.

    Only the remaining steps are reduced: progress so far is kept, so that the rate does not jump.

    Attributes:
        step: number of steps taken.
        steps: number of steps after which the rate is 0.
    """

    def __init__(self, steps: int) -> None:
        self.step, self.steps = 0, steps
        self._anchor, self._made = 0, 0.0

    @property
    def finished(self) -> bool:
        """Whether no steps are left."""
        return self.step >= self.steps

    @property
    def share(self) -> float:
        """The rate of the next step, as a share of the peak."""
        way = self._way(self.step + 0.5)
        if way < WARM_UP_SHARE:
            return way / WARM_UP_SHARE
        return 0.5 * (1 + math.cos(math.pi * (way - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)))

    def advance(self) -> None:
        """Note that a step was taken."""
        self.step += 1

    def end_at(self, steps: int) -> None:
        """End earlier (or later): anneal over the steps from here to `steps`."""
        self._made, self._anchor = self._way(self.step), self.step
        self.steps = max(steps, self.step)

    def _way(self, step: float) -> float:
        """Progress at a step, from 0 to 1."""
        if self.steps <= self._anchor:
            return 1.0
        return self._made + (1 - self._made) * min(1.0, (step - self._anchor) / (self.steps - self._anchor))
