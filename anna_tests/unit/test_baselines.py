import datetime as dt

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from anna_core.baselines.aggregates import aggregate, top_codes
from anna_core.baselines.boosting import boosting_scores
from anna_core.baselines.constant import constant_scores
from anna_core.baselines.events import RowEvents, blocks
from anna_core.domains import Domain
from anna_core.errors import TrainingError
from anna_core.metrics.registry import METRICS, get_metric
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.tasks import Task, TaskType

DAY = 86_400_000_000


def make_sequences(rows=30, events=400, seed=0):
    """Rows at two dates whose windows overlap in the events table; some are empty, some numbers missing."""
    draws = np.random.default_rng(seed)
    as_of = np.where(np.arange(rows) % 2, np.datetime64("2024-03-01"), np.datetime64("2024-02-01"))
    limit = as_of.astype("datetime64[us]").astype(np.int64)
    time = np.sort(draws.integers(0, 120 * DAY, events)) + np.datetime64("2023-10-01", "us").astype(np.int64)
    start = draws.integers(0, events // 2, rows)
    length = np.where(np.arange(rows) % 5 == 0, 0, draws.integers(1, events // 2, rows))
    length = np.minimum(length, np.searchsorted(time, limit) - start).clip(0).astype(np.int32)
    amount = draws.normal(0, 100, events).astype(np.float32)
    amount[draws.random(events) < 0.1] = np.nan
    domain = Domain(
        name="cards",
        source={"path": "cards"},
        fields={"mcc": "categorical", "amount": "numeric", "online": "boolean"},
        lookback=dt.timedelta(days=365),
    )
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities={"mcc": 12, "online": 3}, data_version="test"),
        client_id=pa.array([f"c{i}" for i in range(rows)]),
        as_of=as_of,
        start=start,
        length=length,
        event_time=time,
        columns={
            "mcc": draws.integers(0, 12, events).astype(np.uint8),
            "amount": amount,
            "online": draws.integers(0, 3, events).astype(np.uint8),
        },
    )


def naive(sequences, i):
    """The same aggregates of one row, one event at a time."""
    events = range(int(sequences.start[i]), int(sequences.start[i] + sequences.length[i]))
    limit = sequences.as_of[i].astype("datetime64[us]").astype(np.int64)
    age = [(limit - sequences.event_time[e]) / DAY for e in events]
    mcc = [int(sequences.columns["mcc"][e]) for e in events]
    amounts = [float(sequences.columns["amount"][e]) for e in events]
    known = [a for a in amounts if not np.isnan(a)]
    week = [a for a, days in zip(amounts, age, strict=True) if days <= 7 and not np.isnan(a)]
    nan = float("nan")
    return {
        "cards__events": len(age),
        "cards__days_since_last": age[-1] if age else nan,
        "cards__days_since_first": age[0] if age else nan,
        "cards__span_days": age[0] - age[-1] if age else nan,
        "cards__active_days": len({sequences.event_time[e] // DAY for e in events}),
        "cards__days_since_last_but_1": age[-2] if len(age) > 1 else nan,
        "cards__events_30d": sum(days <= 30 for days in age),
        "cards__mcc__distinct": len(set(mcc)),
        "cards__mcc__last": mcc[-1] if mcc else nan,
        "cards__mcc__3__count": mcc.count(3),
        "cards__mcc__3__share": mcc.count(3) / len(mcc) if mcc else nan,
        "cards__mcc__3__count_90d": sum(m == 3 and days <= 90 for m, days in zip(mcc, age, strict=True)),
        "cards__online__1__count": sum(int(sequences.columns["online"][e]) == 1 for e in events),
        "cards__amount__missing": len(amounts) - len(known),
        "cards__amount__sum": sum(known),
        "cards__amount__sum_positive": sum(a for a in known if a > 0),
        "cards__amount__mean": np.mean(known) if known else nan,
        "cards__amount__std": np.std(known) if known else nan,
        "cards__amount__min": min(known) if known else nan,
        "cards__amount__max": max(known) if known else nan,
        "cards__amount__first": amounts[0] if amounts else nan,
        "cards__amount__last": amounts[-1] if amounts else nan,
        "cards__amount__sum_7d": sum(week),
        "cards__amount__mean_7d": np.mean(week) if week else nan,
        "cards__amount__max_7d": max(week) if week else nan,
    }


def test_aggregates_equal_a_loop_over_events():
    sequences = make_sequences()
    features = aggregate(sequences)
    for i in range(len(sequences)):
        expected = naive(sequences, i)
        assert features.row(i, named=True) | expected == pytest.approx(
            features.row(i, named=True), rel=1e-4, abs=1e-3, nan_ok=True
        )


def test_blocks_change_nothing():
    sequences = make_sequences()
    lengths = np.concatenate([block.length for block in blocks(sequences, events=100)])
    assert (lengths == sequences.length).all()
    assert len(list(blocks(sequences, events=100))) > 3
    assert sum(len(block.row) for block in blocks(sequences, events=1)) == sequences.length.sum()


def test_a_row_sees_only_its_own_events():
    sequences = make_sequences()
    codes = top_codes(sequences)
    before = aggregate(sequences, codes)
    first, last = int(sequences.start[1]), int(sequences.start[1] + sequences.length[1])
    outside = np.ones(len(sequences.event_time), dtype=bool)
    outside[first:last] = False
    for name in ("mcc", "online"):
        sequences.columns[name][outside] = 0
    sequences.columns["amount"][outside] = 1e6
    sequences.event_time[outside] = 0
    assert before[1].equals(aggregate(sequences, codes)[1], null_equal=True)


def test_top_codes_count_the_rows_asked_for():
    sequences = make_sequences()
    rows = np.zeros(len(sequences), dtype=bool)
    rows[1] = True
    seen = sequences.columns["mcc"][sequences.start[1] : sequences.start[1] + sequences.length[1]]
    codes = top_codes(sequences, rows)["mcc"]
    assert set(codes) == set(seen)
    counts = [int((seen == code).sum()) for code in codes]
    assert counts == sorted(counts, reverse=True)


def test_no_rows_and_no_events_have_the_same_columns():
    sequences = make_sequences()
    codes = top_codes(sequences)
    nothing = RowEvents.gather(sequences, 0, 0)
    assert nothing.n == 0
    empty = Sequences(
        sequences.meta,
        sequences.client_id,
        sequences.as_of,
        sequences.start * 0,
        sequences.length * 0,
        sequences.event_time[:0],
        {name: column[:0] for name, column in sequences.columns.items()},
    )
    features = aggregate(empty, codes)
    assert features.columns == aggregate(sequences, codes).columns
    assert features["cards__events"].sum() == 0
    assert features["cards__days_since_last"].is_nan().all()
    assert aggregate(empty).height == len(empty)


def problem(task_type, n=500, seed=0):
    """Features of which the first two decide the target."""
    draws = np.random.default_rng(seed)
    X = draws.normal(size=(n, 5))
    match task_type:
        case TaskType.BINARY:
            target = (X[:, :1] + draws.normal(0, 0.5, (n, 1)) > 0.8).astype(np.float32)
        case TaskType.MULTICLASS:
            target = np.digitize(X[:, 0], [-0.5, 0.5])
        case TaskType.MULTILABEL:
            target = (X[:, :2] + draws.normal(0, 0.5, (n, 2)) > 0).astype(np.float32)
        case _:
            target = np.exp(3 + X[:, :1] + draws.normal(0, 0.3, (n, 1))).astype(np.float32)
    features = pl.DataFrame({f"f{i}": X[:, i] for i in range(5)})
    split = np.array(["train", "train", "valid", "test"])[np.arange(n) % 4]
    return features, target, np.ones(n, dtype=np.float32), split


def task_of(task_type, metric):
    extra = {"classes": ("a", "b", "c")} if task_type is TaskType.MULTICLASS else {}
    targets = ("target_a", "target_b") if task_type is TaskType.MULTILABEL else ("target",)
    return Task(name="t", type=task_type, metric=metric, targets=targets, **extra)


@pytest.mark.parametrize(
    ("task_type", "metric"),
    [
        (TaskType.BINARY, "roc_auc"),
        (TaskType.MULTICLASS, "log_loss"),
        (TaskType.MULTILABEL, "mean_roc_auc"),
        (TaskType.REGRESSION, "r2_log1p"),
        (TaskType.REGRESSION, "mae"),
        (TaskType.REGRESSION, "r2"),
    ],
)
def test_boosting_beats_a_constant_and_repeats(task_type, metric):
    features, target, weight, split = problem(task_type)
    task = task_of(task_type, metric)
    boosted = boosting_scores(features, target, weight, split, task, threads=1)
    assert boosted.shape == (len(target), task.outputs)
    assert boosted.dtype == np.float32
    assert (boosted == boosting_scores(features, target, weight, split, task, threads=1)).all()
    test = split == "test"
    judge = get_metric(metric, task_type)
    constant = constant_scores(target, weight, split, task)
    assert judge.better(judge(target[test], boosted[test]), judge(target[test], constant[test]))
    if task_type is TaskType.MULTICLASS:
        assert boosted.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_boosting_learns_nothing_from_the_held_out_rows():
    features, target, weight, split = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    changed = np.where((split == "test")[:, None], 1 - target, target)
    first, second = (boosting_scores(features, y, weight, split, task, threads=1) for y in (target, changed))
    assert (first == second).all()


def test_boosting_gives_what_is_constant_its_constant():
    features, target, weight, split = problem(TaskType.MULTILABEL)
    target[:, 1] = 1
    scores = boosting_scores(features, target, weight, split, task_of(TaskType.MULTILABEL, "mean_roc_auc"), threads=1)
    assert (scores[:, 1] == 1).all()
    assert scores[:, 0].std() > 0.1


def test_boosting_manages_without_validation_rows_and_without_a_class():
    features, target, weight, split = problem(TaskType.MULTICLASS)
    target[split != "test"] %= 2  # the third class is in the held-out rows only
    split[split == "valid"] = "train"
    scores = boosting_scores(features, target, weight, split, task_of(TaskType.MULTICLASS, "log_loss"), threads=1)
    assert np.isfinite(scores).all()
    assert scores[:, 2].max() < 0.05


def test_boosting_without_features_is_the_constant():
    _, target, weight, split = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    scores = boosting_scores(pl.DataFrame(), target, weight, split, task, threads=1)
    assert (scores == constant_scores(target, weight, split, task)).all()


def test_constants_are_weighted_and_come_from_training_rows():
    split = np.array(["train", "train", "train", "test"])
    weight = np.array([1, 1, 2, 5], dtype=np.float32)
    y = np.array([[0], [1], [1], [0]], dtype=np.float32)
    assert constant_scores(y, weight, split, task_of(TaskType.BINARY, "roc_auc")) == pytest.approx(0.75)
    classes = np.array([0, 1, 1, 2])
    rate = constant_scores(classes, weight, split, task_of(TaskType.MULTICLASS, "log_loss"))
    assert rate[3] == pytest.approx([0.25, 0.75, 0])
    amounts = np.array([[0], [10], [30], [999]], dtype=np.float32)
    assert constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "rmse"))[0] == pytest.approx(17.5)
    assert constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "mae"))[0] == pytest.approx(10)
    log = constant_scores(amounts, weight, split, task_of(TaskType.REGRESSION, "r2_log1p"))
    assert METRICS["r2_log1p"](amounts[:3], log[:3], weight[:3]) == pytest.approx(0, abs=1e-6)
    assert log[0, 0] == pytest.approx(np.expm1((np.log1p(10) + 2 * np.log1p(30)) / 4), rel=1e-5)


def test_no_training_rows_is_an_error():
    with pytest.raises(TrainingError, match="no rows for training"):
        constant_scores(np.zeros((1, 1)), np.ones(1), np.array(["test"]), task_of(TaskType.BINARY, "roc_auc"))
