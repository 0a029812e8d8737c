"""When a booster stops: after rounds without improvement, or when its time is up."""

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightgbm.callback import CallbackEnv


class Stopping:
    """LightGBM callback that keeps the round with the lowest loss on the first validation set.

    LightGBM's own early stopping knows nothing of time.
    """

    order = 30  # after callbacks that only observe, like LightGBM's own
    before_iteration = False

    def __init__(self, patience: int, deadline: float) -> None:
        """Stop after `patience` rounds without a lower loss, or at `deadline` (by `time.perf_counter`)."""
        self._patience, self._deadline = patience, deadline
        self._least, self._best_round = math.inf, 0
        self.out_of_time = False

    def __call__(self, env: "CallbackEnv") -> None:
        """Judge the round that just ended; the first is always kept."""
        from lightgbm.callback import EarlyStopException

        results = env.evaluation_result_list or []
        loss = results[0][2]
        if loss < self._least:
            self._least, self._best_round = loss, env.iteration
        self.out_of_time = time.perf_counter() >= self._deadline
        waited = env.iteration - self._best_round
        if self.out_of_time or waited >= self._patience or env.iteration == env.end_iteration - 1:
            raise EarlyStopException(self._best_round, results)
