"""How good published scores were: by outcomes, and as they expect it themselves."""

import datetime as dt
import math

import numpy as np
import polars as pl
import pytest

from anna_core.analytics.performance import Figure, compared, expected, is_worse, match, performance
from anna_core.metrics.bootstrap import Interval
from anna_core.metrics.registry import METRICS, get_metric
from anna_core.tasks.task import Task, TaskType

DATE = dt.date(2024, 4, 1)
BINARY = Task(name="churn", type=TaskType.BINARY, metric="roc_auc")
CLASSES = Task(name="colour", type=TaskType.MULTICLASS, metric="accuracy", classes=("a", "b", "c"))
LABELS = Task(name="buys", type=TaskType.MULTILABEL, metric="mean_roc_auc", targets=("target_a", "target_b"))


def scores_of(values: np.ndarray, clients: list[str] | None = None) -> pl.DataFrame:
    ids = clients or [f"{client:06}" for client in range(len(values))]
    return pl.DataFrame({"client_id": ids, "as_of": [DATE] * len(ids), "score": values.astype(np.float32)})


def outcomes_of(values: np.ndarray, clients: list[str] | None = None) -> pl.DataFrame:
    ids = clients or [f"{client:06}" for client in range(len(values))]
    frame = pl.DataFrame({"client_id": ids, "as_of": [DATE] * len(ids), "target": values.astype(np.float32)})
    return frame.with_columns(weight=pl.lit(1, dtype=pl.Float32))


def test_the_estimate_is_what_outcomes_that_follow_the_scores_give():
    random = np.random.default_rng(0)
    p = random.beta(1, 4, 20_000)
    for metric in ("roc_auc", "pr_auc", "brier", "log_loss", "ks", "f1", "lift_at_10pct"):
        task = BINARY.model_copy(update={"metric": metric})
        drawn = (random.random(p.shape) < p).astype(np.float32)
        seen = get_metric(metric, TaskType.BINARY)(drawn, p[:, None])
        assert expected(task, p[:, None]) == pytest.approx(seen, abs=0.02 if metric != "lift_at_10pct" else 0.2)


def test_the_estimate_of_classes_and_labels_follows_their_scores_too():
    random = np.random.default_rng(1)
    p = random.dirichlet([1, 1, 1], 20_000)
    assert expected(CLASSES, p) == pytest.approx(p.max(axis=1).mean(), abs=0.01)
    sure = np.eye(3)[random.integers(0, 3, 500)]
    assert expected(CLASSES, sure) == 1.0
    assert expected(LABELS, np.full((4_000, 2), 0.3)) == pytest.approx(0.5, abs=0.02)


def test_no_estimate_is_made_where_scores_say_nothing_of_their_error():
    assert expected(Task(name="spend", type=TaskType.REGRESSION, metric="mae"), np.ones((10, 1))) is None
    assert expected(BINARY, np.empty((0, 1))) is None
    assert expected(BINARY, np.zeros((10, 1))) is None  # not one outcome is to be expected


def test_scores_are_held_against_the_outcomes_of_their_clients_alone():
    scores = scores_of(np.array([0.9, 0.1, 0.5]), ["a", "b", "c"])
    outcomes = outcomes_of(np.array([0, 1, 1]), ["b", "a", "nobody"])
    found = match(scores, outcomes, BINARY)
    assert found.unmatched == 1
    assert found.held_out.target[:, 0].tolist() == [1, 0]
    assert found.scores[:, 0].tolist() == pytest.approx([0.9, 0.1])


def test_scores_that_have_become_worse_are_told_and_those_within_chance_are_not():
    random = np.random.default_rng(2)
    p = random.beta(1, 3, 4_000)
    target = (random.random(4_000) < p).astype(np.float32)
    judged = Interval(get_metric("roc_auc", TaskType.BINARY)(target, p), 0.70, 0.74)
    well = performance(BINARY, match(scores_of(p), outcomes_of(target), BINARY), judged)
    assert (well.clients, well.unmatched, well.worse, well.calibrated) == (4_000, 0, False, True)
    shuffled = performance(BINARY, match(scores_of(random.permutation(p)), outcomes_of(target), BINARY), judged)
    assert shuffled.worse
    assert shuffled.calibrated is False
    few = performance(BINARY, match(scores_of(p), outcomes_of(target[:12]), BINARY), judged)
    assert (few.clients, few.worse, few.calibrated) == (12, False, None)
    assert few.measured.low is None


@pytest.mark.parametrize(
    ("metric", "now", "then", "worse"),
    [
        ("roc_auc", (0.70, 0.65, 0.75), (0.80, 0.75, 0.85), True),
        ("roc_auc", (0.74, 0.67, 0.81), (0.80, 0.75, 0.85), False),
        ("roc_auc", (0.90, 0.89, 0.91), (0.80, 0.79, 0.81), False),
        ("log_loss", (0.90, 0.89, 0.91), (0.80, 0.79, 0.81), True),
        ("log_loss", (0.70, 0.69, 0.71), (0.80, 0.79, 0.81), False),
        ("roc_auc", (0.70, math.nan, math.nan), (0.80, 0.75, 0.85), False),
    ],
)
def test_a_figure_is_worse_by_more_than_both_intervals_allow(metric, now, then, worse):
    assert is_worse(METRICS[metric], Interval(*now), Interval(*then)) is worse


def test_two_models_are_compared_on_the_clients_that_both_score():
    random = np.random.default_rng(3)
    p = random.beta(1, 3, 3_000)
    target = (random.random(3_000) < p).astype(np.float32)
    clients = [f"{client:06}" for client in range(3_000)]
    noisy = scores_of(np.clip(p + random.normal(0, 0.2, 3_000), 0, 1), clients)
    better = scores_of(p[:2_500], clients[:2_500]).sort("client_id", descending=True)
    found = compared(BINARY, noisy, better, outcomes_of(target))
    assert found is not None
    measured, lead = found
    assert measured.value == pytest.approx(get_metric("roc_auc", TaskType.BINARY)(target[:2_500], p[:2_500]), abs=1e-6)
    assert lead.low > 0
    assert compared(BINARY, noisy, better, outcomes_of(target[:1], ["nobody"])) is None


def test_figures_are_kept_without_what_json_cannot_say():
    figure = Figure.of(Interval(0.5, math.nan, math.nan))
    assert figure == Figure.model_validate_json(figure.model_dump_json())
    assert (str(figure), figure.signed) == ("0.500", "+0.500")
    assert str(Figure.of(Interval(0.5, 0.4, 0.6))) == "0.500 [0.400, 0.600]"
