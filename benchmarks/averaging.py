"""How far scores of the mean of five sets of trees can be taken at their word, on simulated rows without end.

`python -m benchmarks.averaging 2500`: calibration slope and Brier score on 30,000 new rows, over ten samples of 2,500.
"""

import argparse
from statistics import mean, stdev
from typing import NamedTuple

import lightgbm as lgb
import numpy as np

from anna_core.metrics.calibration import calibration_line
from anna_core.models.blend.averaging import Averaging
from anna_core.models.blend.calibration.lines import platt, sigmoid
from anna_core.models.outputs import Output
from anna_core.models.trees.training import MAX_ROUNDS, PARAMETERS, PATIENCE
from anna_core.tasks.task import TaskType

FOLDS, COLUMNS, TOLD, NEW_ROWS = 5, 40, 10, 30_000
_OUTPUT = Output(task_type=TaskType.BINARY, outputs=1, base_logits=(0.0,))


class Found(NamedTuple):
    """Figures of one sample: of single folds, and of their mean without and with what it is trusted more."""

    single: float
    before: float
    after: float
    brier_before: float
    brier_after: float
    factor: float


def sample(rng: np.random.Generator, effects: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, F), ten of which tell the label (n,), some only together."""
    columns = rng.normal(size=(rows, COLUMNS))
    logit = -1.5 + columns[:, :TOLD] @ effects + 0.4 * columns[:, 0] * columns[:, 1] + 0.5 * (columns[:, 2] > 1)
    return columns, (rng.random(rows) < sigmoid(logit)).astype(float)


def judge(rows: int, seed: int) -> Found:
    """Fit trees fold by fold, calibrate what they say out of fold, and judge the mean of all on new rows."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.35, TOLD)
    (columns, label), (new, truth) = sample(rng, effects, rows), sample(rng, effects, NEW_ROWS)
    fold, own = np.arange(rows) % FOLDS, np.zeros(rows)
    of_new = np.zeros((FOLDS, NEW_ROWS))
    for k in range(FOLDS):
        data = lgb.Dataset(columns[fold != k], label[fold != k])
        check = lgb.Dataset(columns[fold == k], label[fold == k], reference=data)
        settings = PARAMETERS | {"objective": "binary", "seed": k, "num_threads": 1}
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        trees = lgb.train(settings, data, MAX_ROUNDS, valid_sets=[check], callbacks=[stop])
        own[fold == k] = trees.predict(columns[fold == k], raw_score=True)
        of_new[k] = trees.predict(new, raw_score=True)
    line, ones = platt(own, label, np.ones(rows)), np.ones(NEW_ROWS)
    by_fold, timid = line(of_new), line(of_new.mean(axis=0))
    averaging = Averaging.fit(_OUTPUT, timid[:, None], by_fold[:, :, None], ones)
    sure = averaging.apply(timid[:, None])[:, 0]

    def slope(logits: np.ndarray) -> float:
        return calibration_line(truth, sigmoid(logits), ones)[0]

    def brier(logits: np.ndarray) -> float:
        return float(np.mean((sigmoid(logits) - truth) ** 2))

    return Found(
        single=mean(map(slope, by_fold)),
        before=slope(timid),
        after=slope(sure),
        brier_before=brier(timid),
        brier_after=brier(sure),
        factor=averaging.slopes[0],
    )


def main() -> None:
    """Print means and standard errors."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.averaging", description=__doc__)
    parser.add_argument("rows", type=int, help="of a sample")
    parser.add_argument("--samples", type=int, default=10)
    given = parser.parse_args()
    found = [judge(given.rows, seed) for seed in range(given.samples)]
    for name, values in zip(Found._fields, zip(*found, strict=True), strict=True):
        print(f"{name:13s} {mean(values):.4f} ± {stdev(values) / len(values) ** 0.5:.4f}")


if __name__ == "__main__":
    main()
