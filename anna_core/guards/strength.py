"""How well columns predict an outcome: trees fitted on other clients, and a bound that small samples do not pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from anna_core.metrics.ranking import Ranking
from anna_core.metrics.regression import spearman
from anna_core.tasks.task import Task, TaskType

FEWEST_ROWS = 100  # fewer are too little evidence to accuse anything
FEWEST_CLIENTS = 20  # with the outcome, and as many without
MOST_OUTCOMES = 10  # classes or labels that are examined, those with most rows: 100 of them would take minutes
TOLD_BY = 3  # columns that are named

_Z = 1.96  # of a two-sided 95% interval
_ROUNDS = 30  # a column that is the target itself reaches 0.999 from 640 rows on, Gini and correlation alike
_SETTINGS: dict[str, Any] = {
    "learning_rate": 0.2,
    "num_leaves": 15,
    "min_data_in_leaf": 5,
    "lambda_l2": 1.0,
    "min_data_in_bin": 1,  # with few rows, a larger bin would hold both sides of the border that gives the target away
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,  # left to choose, LightGBM times both ways
    "verbose": -1,
}
# LightGBM distrusts rare codes; but here the judges are clients that nothing was fitted on, so rare codes may be
# believed (docs/quality.md).
_CODES: dict[str, Any] = {"min_data_per_group": 1, "cat_smooth": 1.0, "cat_l2": 1.0, "max_cat_threshold": 1000}


@dataclass(frozen=True)
class Outcome:
    """One thing to predict: yes or no, or an amount.

    Attributes:
        name: the class or label; empty if the target is a single outcome.
        values: (n,) float64: 0 or 1, or the target's rank from 0 to 1.
        amount: whether it is an amount.
    """

    name: str
    values: np.ndarray
    amount: bool = False


@dataclass(frozen=True)
class Strength:
    """How well a model that was fitted on other clients predicts an outcome.

    Attributes:
        measure: `Gini`, 2 ROC AUC - 1, or `rank correlation` for amounts (Spearman), which does not depend on the scale
            of the target, where R² would be dominated by a few large amounts.
        value: of the measure; 0 is nothing, 1 everything.
        low: lower end of its 95% interval.
        outcome: the class or label; empty if the target is a single outcome.
        columns: the columns that the model used most, the most used first.
    """

    measure: str
    value: float
    low: float
    outcome: str
    columns: tuple[str, ...]


def outcomes(target: np.ndarray, task: Task) -> list[Outcome]:
    """The outcomes of a target, (n, L) or (n,) class positions: itself, or its most frequent classes or labels."""
    match task.type:
        case TaskType.REGRESSION:
            rank = pl.Series(target[:, 0]).rank().to_numpy()
            return [Outcome("", (rank - 0.5) / max(len(rank), 1), amount=True)]
        case TaskType.MULTICLASS:
            each = [Outcome(name, (target == place).astype(np.float64)) for place, name in enumerate(task.classes)]
        case TaskType.MULTILABEL:
            each = [Outcome(name, (target[:, i] > 0).astype(np.float64)) for i, name in enumerate(task.targets)]
        case _:
            return [Outcome("", (target[:, 0] > 0).astype(np.float64))]
    return sorted(each, key=lambda outcome: -outcome.values.sum())[:MOST_OUTCOMES]


def why_not(outcome: Outcome, client: np.ndarray, fold: np.ndarray) -> str:
    """Why nothing can be said about an outcome on these rows; empty if something can.

    Args:
        outcome: of n rows.
        client: (n,) the client that each row belongs to.
        fold: (n,) the fold of each row.
    """
    if len(client) < FEWEST_ROWS:
        return f"there are {len(client)} rows, and {FEWEST_ROWS} are needed"
    name = f" {outcome.name}" if outcome.name else ""
    sides = [np.ones(len(client), dtype=bool)] if outcome.amount else [outcome.values > 0, outcome.values == 0]
    clients = min(len(np.unique(client[side])) for side in sides)
    if clients < FEWEST_CLIENTS:
        side = "" if outcome.amount else f" on the smaller side of the outcome{name}"
        return f"there are {clients} clients{side}, and {FEWEST_CLIENTS} are needed"
    if any(len(np.unique(fold[side])) < 2 for side in sides):
        return f"the clients of the outcome{name} cannot be divided"
    return ""


def strength(
    features: pl.DataFrame, told: list[Outcome], client: np.ndarray, fold: np.ndarray, codes: Sequence[str] = ()
) -> Strength:
    """How well columns predict the outcome that they predict best.

    Args:
        features: (n, F) float32 columns, NaN where not known; F > 0.
        told: outcomes of these rows to which `why_not` does not object; at least one.
        client: (n,) the client that each row belongs to: rows of one client are not independent evidence.
        fold: (n,) the fold of each row; all rows of a client are in the same one.
        codes: columns whose numbers are codes, without an order.
    """
    trees = CrossFit(features, fold, codes)
    found = []
    for outcome in told:
        scores, gain = trees.scores(outcome)
        used = [i for i in np.argsort(-gain, kind="stable")[:TOLD_BY] if gain[i] > 0]
        value, low = _amount(outcome, scores, client) if outcome.amount else _gini(outcome, scores, client)
        measure = "rank correlation" if outcome.amount else "Gini"
        found.append(Strength(measure, value, low, outcome.name, tuple(features.columns[i] for i in used)))
    return max(found, key=lambda one: one.low)


class CrossFit:
    """Trees that score each fold's rows after being fitted on the other folds.

    The columns are binned once for all outcomes, but separately for each fold: bins of all rows would put a border
    right beside the last row that was fitted, not halfway to the next one.
    """

    def __init__(self, features: pl.DataFrame, fold: np.ndarray, codes: Sequence[str]) -> None:
        import lightgbm as lgb

        places = [features.columns.index(name) for name in codes]
        self._matrix, self._fold = features.to_numpy(), fold
        self._data = {
            held: lgb.Dataset(
                self._matrix[fold != held], np.zeros((fold != held).sum()), params=_SETTINGS, categorical_feature=places
            ).construct()
            for held in np.unique(fold)
        }

    def scores(self, outcome: Outcome) -> tuple[np.ndarray, np.ndarray]:
        """The scores (n,), and the gain (F,) of each column over all folds."""
        import lightgbm as lgb

        settings = _SETTINGS | _CODES | {"objective": "regression" if outcome.amount else "binary"}
        scores, gain = np.zeros(len(self._fold)), np.zeros(self._matrix.shape[1])
        for held, data in self._data.items():
            away = self._fold == held
            model = lgb.train(settings, data.set_label(outcome.values[~away]), _ROUNDS)
            scores[away] = model.predict(self._matrix[away], num_threads=1)
            gain += model.feature_importance("gain")
        return scores, gain


def auc_bound(auc: float, positives: int, negatives: int) -> float:
    """Lower end of the 95% interval of a ROC AUC: the least value for which the one found would not be a surprise.

    Method 5 of Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2",
    2006: unlike an interval around the value found, it keeps some width where that value is 1.
    """
    half = (positives + negatives) / 2 - 1

    def surprising(true: float) -> bool:
        spread = 1 + half * ((1 - true) / (2 - true) + true / (1 + true))
        return (auc - true) ** 2 > _Z**2 * true * (1 - true) * spread / (positives * negatives)

    below, above = 0.0, auc
    for _ in range(40):  # halvings: to within 1e-12
        middle = (below + above) / 2
        below, above = (middle, above) if surprising(middle) else (below, middle)
    return above


def _gini(outcome: Outcome, scores: np.ndarray, client: np.ndarray) -> tuple[float, float]:
    yes = outcome.values > 0
    auc = Ranking.of(yes, scores).roc_auc(np.ones(len(scores)))
    low = auc_bound(auc, len(np.unique(client[yes])), len(np.unique(client[~yes])))
    return 2 * auc - 1, 2 * low - 1


def _amount(outcome: Outcome, scores: np.ndarray, client: np.ndarray) -> tuple[float, float]:
    """Spearman's correlation and its lower bound; source: Bonett & Wright, "Sample size requirements ...", 2000."""
    value = spearman(outcome.values[:, None], scores[:, None])(np.ones(len(scores)))
    if np.isnan(value):  # the target is constant
        return 0.0, -1.0
    width = _Z * np.sqrt((1 + value**2 / 2) / (len(np.unique(client)) - 3))
    return value, float(np.tanh(np.arctanh(min(value, 1 - 1e-12)) - width))
