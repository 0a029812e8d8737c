"""How many independent cases a metric rests on: ten thousand rows with three outcomes tell as much as a few clients do.

A bootstrap of few cases is too sure of itself: with a single outcome it draws that one again and again, and finds no
spread at all. So intervals are widened by the degrees of freedom that are found here, and below a least number of them
there is none. How often they are wrong, by number of cases, is measured in `docs/quality.md`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anna_core.metrics.registry import Metric
from anna_core.tasks.task import TaskType

# With ten clients of the rarer outcome random scores "beat" a constant in at most 2.5 of a hundred samples, and 95%
# intervals hold the true value in 95 of a hundred, for a ROC AUC of 0.5, 0.75 and 0.9: table in docs/quality.md.
FEWEST = 10


@dataclass(frozen=True)
class Evidence:
    """What the rows that a metric is judged on are worth.

    Attributes:
        freedom: degrees of freedom of the metric's error: of a rare outcome about the number of its clients, less one.
        fewest: clients of the rarest outcome; of a regression, clients.
    """

    freedom: float
    fewest: int

    @property
    def enough(self) -> bool:
        """Whether there are enough cases for an interval."""
        return self.freedom >= FEWEST - 1


def evidence_of(metric: Metric, target: np.ndarray, weight: np.ndarray, group: np.ndarray) -> Evidence:
    """Count the cases of n rows.

    A metric of an outcome errs by the sum of two errors, from the clients with it and from those without, each falling
    with their number; a mean over classes or labels by the sum over all of them. The freedom of such a sum is that of
    Welch and Satterthwaite ("An approximate distribution of estimates of variance components", 1946), so it is the
    rarest class that decides where classes count the same.

    Args:
        metric: what is judged.
        target: (n, L), or (n,) class index.
        weight: (n,), not negative; clients of unequal weight count for fewer (Kish's effective size, 1965).
        group: (n,) int64 number of each row's client, 0 … g - 1.
    """
    if TaskType.REGRESSION in metric.task_types:
        clients = _clients(np.ones(len(group), dtype=bool), weight, group)
        return Evidence(clients - 1, round(clients))
    variance = spread = 0.0
    fewest = np.inf
    for outcome in _outcomes(metric, target):
        sides = [_clients(side, weight, group) for side in (outcome, ~outcome)]
        if min(sides) == 0:  # the metric leaves it out, too
            continue
        fewest = min(fewest, *sides)
        variance += sum(1 / side for side in sides)
        spread += sum(1 / (side**2 * (side - 1)) if side > 1 else np.inf for side in sides)
    return Evidence(variance**2 / spread, round(fewest)) if variance else Evidence(0.0, 0)


def _outcomes(metric: Metric, target: np.ndarray) -> Iterator[np.ndarray]:
    """The yes-or-no questions (n,) bool whose errors add up to the metric's."""
    if target.ndim == 2:
        yield from (target > 0).T
    elif metric.by_class:
        yield from (target == index for index in np.unique(target))
    elif len(target):
        yield target == np.bincount(target).argmax()  # where nearly all rows are of one class, the others tell


def _clients(rows: np.ndarray, weight: np.ndarray, group: np.ndarray) -> float:
    """Number of clients who have some of the rows (n,) bool, as if they weighed the same."""
    mass = np.bincount(group[rows], weights=weight[rows])
    squares = (mass**2).sum()
    return float(mass.sum() ** 2 / squares) if squares > 0 else 0.0
