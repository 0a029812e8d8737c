import json
import math
from dataclasses import replace

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from anna_core.aggregates.columns import aggregate_columns
from anna_core.analytics.constant import constant_scores
from anna_core.domains import FieldKind
from anna_core.errors import ArtifactError
from anna_core.metrics.registry import get_metric, metrics_of
from anna_core.models.outputs import Output
from anna_core.models.trees import features, model, training
from anna_core.models.trees.model import BoostingModel, predict_all
from anna_core.models.trees.stopping import Stopping
from anna_core.models.trees.training import fit_trees, train_boosting
from anna_core.tasks.task import Task, TaskType
from anna_tests.unit.nets_toy import make_sequences

FOLDS = 3


def problem(task_type, n=600, seed=0):
    """Sequences whose length decides the target, in folds 0 to 2; every fourth row is for the test."""
    draws = np.random.default_rng(seed)
    length = draws.integers(0, 40, n)
    noise = draws.normal(0, 4, (n, 2))
    match task_type:
        case TaskType.BINARY:
            target = (length[:, None] + noise[:, :1] > 25).astype(np.float32)
        case TaskType.MULTICLASS:
            target = np.digitize(length + noise[:, 0], [12, 26])
        case TaskType.MULTILABEL:
            target = (length[:, None] + noise > 20).astype(np.float32)
        case _:
            target = np.exp(3 + length[:, None] / 20 + noise[:, :1] / 20).astype(np.float32)
    fold = np.arange(n) % 4 - 1
    split = np.select([fold < 0, fold == 0], ["test", "valid"], "train").astype("<U5")
    return make_sequences(length), target, np.ones(n, dtype=np.float32), split, fold


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
def test_boosting_beats_a_constant_on_test_rows_and_out_of_fold_and_repeats(task_type, metric):
    sequences, target, weight, split, fold = problem(task_type)
    task = task_of(task_type, metric)
    model = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    assert model.spec.folds == FOLDS
    scores = model.predict([sequences], 1, fold)
    assert scores.shape == (len(target), task.outputs)
    assert scores.dtype == np.float32
    again = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    assert again.data_version == model.data_version
    judge = get_metric(metric, task_type)
    constant = constant_scores(target, weight, split, task)
    for rows in (split == "test", split != "test"):
        value, base = judge(target[rows], scores[rows]), judge(target[rows], constant[rows])
        assert value > base if judge.greater_is_better else value < base
    if task_type is TaskType.MULTICLASS:
        assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_trees_never_judge_a_row_that_they_were_fitted_on():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    changed = target.copy()
    mine = fold == 1
    changed[mine] = 1 - changed[mine]
    models = [train_boosting([sequences], y, weight, split, fold, task, threads=1) for y in (target, changed)]
    # The set of fold 1 stops on its rows, so it may have fewer trees; but none of its splits knows them.
    first, second = (model.boosters[1].dump_model()["tree_info"] for model in models)
    shared = min(len(first), len(second))
    assert shared > 0
    assert first[:shared] == second[:shared]


def test_test_rows_are_not_looked_at():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    changed = np.where((split == "test")[:, None], 1 - target, target)
    first, second = (train_boosting([sequences], y, weight, split, fold, task, threads=1) for y in (target, changed))
    assert first.data_version == second.data_version


def test_what_does_not_vary_gets_its_constant():
    sequences, target, weight, split, fold = problem(TaskType.MULTILABEL)
    target[:, 1] = 1
    task = task_of(TaskType.MULTILABEL, "mean_roc_auc")
    model = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    scores = model.predict([sequences], 1)
    assert model.spec.outputs == (0,)
    assert scores[:, 1] == pytest.approx(1, abs=0.5 / 300 + 1e-4)  # half a row of 300 is taken for the other
    assert scores[:, 0].std() > 0.1


def test_a_class_that_is_in_the_test_rows_only_gets_hardly_anything():
    sequences, target, weight, split, fold = problem(TaskType.MULTICLASS)
    target[split != "test"] %= 2
    task = task_of(TaskType.MULTICLASS, "log_loss")
    scores = train_boosting([sequences], target, weight, split, fold, task, threads=1).predict([sequences], 1)
    assert np.isfinite(scores).all()
    assert scores[:, 2].max() < 0.05


def test_a_class_that_one_set_saw_nothing_of_keeps_its_base_rate_there():
    sequences, target, weight, split, fold = problem(TaskType.MULTICLASS)
    rare = np.flatnonzero(fold == 1)[:12]
    target = np.where(np.isin(np.arange(len(target)), rare), 2, target % 2)
    task = task_of(TaskType.MULTICLASS, "log_loss")
    trained = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    matrix = np.zeros((5, len(trained.spec.aggregates)), dtype=np.float32)
    base = trained.spec.output.base_logits[2]
    assert trained.logits(matrix, np.full(5, 1), 1)[:, 2] == pytest.approx(base, abs=1e-5)
    of_sets = [trained.logits(matrix, np.full(5, k), 1) for k in range(FOLDS)]
    assert trained.logits(matrix, np.full(5, -1), 1) == pytest.approx(np.mean(of_sets, axis=0), abs=1e-5)


def test_many_labels_are_told_apart_by_any_fold():
    """Samples keep their folds in a byte: 43 labels of three sets are more boosters than that can count."""
    sequences, target, weight, split, fold = problem(TaskType.MULTILABEL)
    many = np.concatenate([np.random.default_rng(0).integers(0, 2, (len(target), 41)), target], axis=1)
    task = task_of(TaskType.MULTILABEL, "mean_roc_auc")
    task = task.model_copy(update={"targets": tuple(f"target_{i}" for i in range(43))})
    trained = train_boosting([sequences], many, weight, split, fold, task, threads=1)
    assert len(trained.spec.outputs) * FOLDS > np.iinfo(np.int8).max
    small = trained.predict([sequences], 1, fold.astype(np.int8))
    assert (small == trained.predict([sequences], 1, fold)).all()


def test_flows_that_are_heavy_on_both_sides_are_told_apart_in_the_middle_too():
    sequences, _, weight, split, fold = problem(TaskType.REGRESSION)
    draws = np.random.default_rng(0)
    signal = np.asarray(sequences.length) / 5 - 4 + draws.normal(0, 0.5, len(sequences))
    target = np.sinh(3 * signal)[:, None].astype(np.float32)
    task = task_of(TaskType.REGRESSION, "spearman")
    scores = train_boosting([sequences], target, weight, split, fold, task, threads=1).predict([sequences], 1)
    middle = (split == "test") & (np.abs(signal) < 3)
    assert get_metric("spearman", TaskType.REGRESSION)(target[middle], scores[middle]) > 0.9


@pytest.mark.parametrize("task_type", [TaskType.BINARY, TaskType.MULTICLASS, TaskType.MULTILABEL])
def test_of_too_many_rows_the_rare_ones_are_kept_and_the_rates_stay(task_type, monkeypatch):
    monkeypatch.setattr(training, "MOST_ROWS", 500)
    draws = np.random.default_rng(0)
    rare = (draws.random(20_000) < 0.004).astype(np.float32)
    target = {
        TaskType.BINARY: rare[:, None],
        TaskType.MULTICLASS: np.where(rare > 0, 2, np.arange(20_000) % 2),
        TaskType.MULTILABEL: np.stack([np.arange(20_000) % 2, rare], axis=1),
    }[task_type]
    weight = draws.uniform(0.5, 2, 20_000).astype(np.float32)
    candidates = np.arange(1000, 20_000)
    rows, weights = training._drawn(candidates, target, weight, task_of(task_type, metrics_of(task_type)[0]))
    assert len(rows) == 500
    assert (np.diff(rows) > 0).all()
    assert rows[0] >= 1000
    assert rare[rows].sum() == rare[candidates].sum()
    rate = np.average(rare[candidates], weights=weight[candidates])
    assert np.average(rare[rows], weights=weights) == pytest.approx(rate)
    assert weights.mean() == pytest.approx(1)


def test_one_fold_is_a_set_of_trees_that_stops_on_the_validation_rows():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    held_out = np.where(fold == 0, 0, -1)
    task = task_of(TaskType.BINARY, "roc_auc")
    model = train_boosting([sequences], target, weight, split, held_out, task, threads=1)
    assert model.spec.folds == len(model.trees) == 1
    assert (model.predict([sequences], 1, held_out) == model.predict([sequences], 1)).all()


@pytest.mark.parametrize(
    ("task_type", "metric"),
    [(TaskType.MULTICLASS, "log_loss"), (TaskType.MULTILABEL, "mean_roc_auc"), (TaskType.REGRESSION, "r2_log1p")],
)
def test_new_clients_get_the_mean_of_all_sets(task_type, metric):
    sequences, target, weight, split, fold = problem(task_type)
    trained = train_boosting([sequences], target, weight, split, fold, task_of(task_type, metric), threads=1)
    everywhere = np.full(len(target), -1)
    matrix = np.random.default_rng(1).normal(20, 20, (len(target), len(trained.spec.aggregates))).astype(np.float32)
    of_sets = [trained.logits(matrix, np.full(len(target), k), 1) for k in range(FOLDS)]
    assert len({of_set.tobytes() for of_set in of_sets}) == FOLDS
    assert trained.logits(matrix, everywhere, 1) == pytest.approx(np.mean(of_sets, axis=0), abs=1e-6)


@pytest.mark.parametrize(
    ("task_type", "metric"), [(TaskType.MULTICLASS, "log_loss"), (TaskType.MULTILABEL, "mean_roc_auc")]
)
def test_what_each_set_says_is_told_apart_of_aggregates_that_are_made_once(task_type, metric, monkeypatch):
    sequences, target, weight, split, fold = problem(task_type)
    target = np.where(fold == 1, 2, target % 2) if task_type is TaskType.MULTICLASS else target  # a class set 1 lacks
    trained = train_boosting([sequences], target, weight, split, fold, task_of(task_type, metric), threads=1)
    made = []
    monkeypatch.setattr(features, "aggregate_columns", lambda *args: made.append(1) or aggregate_columns(*args))
    by_fold = trained.predict_by_fold([sequences], 1)
    assert len(made) == 1
    for k, scores in enumerate(by_fold):
        assert scores == pytest.approx(trained.predict([sequences], 1, np.full(len(target), k)), abs=1e-6)
    one = train_boosting([sequences], target, weight, split, np.minimum(fold, 0), task_of(task_type, metric), threads=1)
    assert one.predict_by_fold([sequences], 1) == []


@pytest.mark.parametrize(
    ("of", "other"), [("leaf_value=", "leaf_value=9"), ("threshold=", "threshold=9"), ("\nTree=1\n", "\nno tree\n")]
)
def test_trees_that_lightgbm_reads_otherwise_joined_than_apart_are_refused(of, other, monkeypatch):
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    trained = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    join = model._join
    monkeypatch.setattr(model, "_join", lambda texts: join(texts).replace(of, other, 1))
    assert np.isfinite(trained.predict([sequences], 1, np.zeros(len(target), dtype=int))).all()
    with pytest.raises(ArtifactError, match=r"does not read all folds' trees, joined in one text, as it reads them"):
        trained.predict([sequences], 1)


def test_without_aggregates_or_folds_there_are_no_trees():
    _, target, weight, _, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    output = Output.fit(task, target, weight)
    assert fit_trees(pl.DataFrame(), target, weight, fold, output, task, 1, math.inf).trees == ()
    one = pl.DataFrame({"f": np.arange(len(target))})
    assert fit_trees(one, target, weight, np.full(len(target), -1), output, task, 1, math.inf).trees == ()


def test_a_saved_booster_scores_bit_for_bit_and_refuses_to_be_changed(tmp_path):
    sequences, target, weight, split, fold = problem(TaskType.MULTILABEL)
    task = task_of(TaskType.MULTILABEL, "mean_roc_auc")
    model = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    model.save(tmp_path, {"sample": "t.s"})
    loaded = BoostingModel.load(tmp_path)
    assert loaded.data_version == model.data_version
    assert loaded.provenance == {"sample": "t.s"}
    assert (loaded.predict([sequences], 1, fold) == model.predict([sequences], 1, fold)).all()
    names = [name for name, _ in loaded.importance()]
    assert names[0].startswith(sequences.domain.name)
    (tmp_path / "trees-0.txt").write_text(model.trees[1])
    with pytest.raises(ArtifactError, match="changed by hand"):
        BoostingModel.load(tmp_path)
    (tmp_path / "trees-0.txt").unlink()
    with pytest.raises(ArtifactError, match="not a booster"):
        BoostingModel.load(tmp_path)
    content = json.loads((tmp_path / "bundle.json").read_text())
    (tmp_path / "bundle.json").write_text(json.dumps({"spec": {}, "code_version": content["code_version"]}))
    with pytest.raises(ArtifactError) as told:
        BoostingModel.load(tmp_path)
    made_by = f"an earlier version of ANNA ({content['code_version']})"
    assert str(told.value) == f"{tmp_path}: was trained by {made_by}; train the task again."


def test_boosters_of_one_domain_and_of_several_are_scored_together():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    other = make_sequences(np.roll(sequences.length, 7), name="other")
    task = task_of(TaskType.BINARY, "roc_auc")
    one = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    both = train_boosting([sequences, other], target, weight, split, fold, task, threads=1)
    given = {part.domain.name: part for part in (sequences, other)}
    alone, joint = predict_all([one, both], given, 1, fold)
    assert (alone == one.predict([sequences], 1, fold)).all()
    assert (joint == both.predict([sequences, other], 1, fold)).all()
    assert any(name.startswith("other__") for name, _ in both.importance())
    with pytest.raises(ArtifactError, match="other"):
        both.predict([sequences], 1)


def test_aggregates_that_boosters_share_are_made_once(monkeypatch):
    sequences, target, weight, split, fold = problem(TaskType.BINARY, n=200)
    other = make_sequences(np.roll(sequences.length, 7), name="other")
    task = task_of(TaskType.BINARY, "roc_auc")
    models = [
        train_boosting(parts, target, weight, split, fold, task, threads=1)
        for parts in ([sequences], [other], [sequences, other])
    ]
    made = []

    def counted(part, *given):
        made.append(part.domain.name)
        return aggregate_columns(part, *given)

    monkeypatch.setattr(features, "aggregate_columns", counted)
    monkeypatch.setattr(model, "_BLOCK_ROWS", 120)
    scores = predict_all(models, {part.domain.name: part for part in (sequences, other)}, 1, fold)
    assert sorted(made) == ["other", "other", "toy", "toy"]  # two blocks of rows
    monkeypatch.undo()
    assert (scores[2] == models[2].predict([other, sequences], 1, fold)).all()


def test_a_domain_without_events_has_no_trees_and_says_the_base_rate():
    _, target, weight, split, fold = problem(TaskType.BINARY, n=200)
    nothing = make_sequences([0] * 200)
    task = task_of(TaskType.BINARY, "roc_auc")
    trained = train_boosting([nothing], target, weight, split, fold, task, threads=1)
    assert trained.trees == ()
    scores = trained.predict([nothing], 1)
    assert scores[:, 0] == pytest.approx(target[split == "train"].mean(), abs=1e-4)
    later = make_sequences([3] * 200)  # the month after, events have come
    assert trained.predict([later], 1) == pytest.approx(scores, abs=1e-6)


def test_thirty_rows_are_too_few_for_a_tree():
    sequences, target, weight, split, fold = problem(TaskType.BINARY, n=30)
    trained = train_boosting([sequences], target, weight, split, fold, task_of(TaskType.BINARY, "roc_auc"), threads=1)
    assert trained.trees == ()
    assert trained.predict([sequences], 1, fold)[:, 0] == pytest.approx(target[split == "train"].mean(), abs=1e-4)


def test_a_field_that_a_domain_gained_changes_no_score_and_one_that_it_lost_is_named():
    sequences, target, weight, split, fold = problem(TaskType.BINARY, n=200)
    trained = train_boosting([sequences], target, weight, split, fold, task_of(TaskType.BINARY, "roc_auc"), threads=1)
    scores = trained.predict([sequences], 1)
    fields = {"channel": FieldKind.CATEGORICAL, **sequences.domain.fields, "fee": FieldKind.NUMERIC}
    events = len(sequences.event_time)
    more = {"channel": np.ones(events, dtype=np.uint8), "fee": np.ones(events, dtype=np.float32)}
    gained = with_fields(sequences, fields, {**sequences.columns, **more})
    assert (trained.predict([gained], 1) == scores).all()
    lost = with_fields(sequences, {"kind": FieldKind.CATEGORICAL}, sequences.columns)
    with pytest.raises(ArtifactError, match=r"fields missing \['amount', 'online'\]"):
        trained.predict([lost], 1)


def with_fields(sequences, fields, columns):
    domain = sequences.domain.model_copy(update={"fields": fields})
    return replace(sequences, meta=sequences.meta.model_copy(update={"domain": domain}), columns=columns)


def test_boosters_that_are_out_of_time_are_kept_as_they_are_and_say_so():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    hurried = task.model_copy(update={"training": task.training.model_copy(update={"budget": 1e-9})})
    model = train_boosting([sequences], target, weight, split, fold, hurried, threads=1)
    assert model.spec.out_of_time == FOLDS
    assert [booster.num_trees() for booster in model.boosters] == [1] * FOLDS
    unbound = task.model_copy(update={"training": task.training.model_copy(update={"budget": None})})
    model = train_boosting([sequences], target, weight, split, fold, unbound, threads=1)
    assert model.spec.out_of_time == 0
    assert min(booster.num_trees() for booster in model.boosters) > 1


@pytest.mark.parametrize(("rounds", "patience"), [(300, 10), (12, 10)])
def test_without_a_deadline_boosters_stop_where_lightgbm_itself_would(rounds, patience):
    draws = np.random.default_rng(0)
    x = draws.normal(size=(400, 5))
    y = (x[:, 0] + draws.normal(size=400) > 0).astype(np.float32)
    trained = []
    for stop in (Stopping(patience, np.inf), lgb.early_stopping(patience, verbose=False)):
        data = lgb.Dataset(x[:200], y[:200])
        check = lgb.Dataset(x[200:], y[200:], reference=data)
        settings = {"objective": "binary", "verbose": -1, "num_threads": 1}
        booster = lgb.train(settings, data, rounds, valid_sets=[check], callbacks=[stop])
        trained.append((booster.best_iteration, booster.current_iteration(), booster.model_to_string()))
    assert trained[0] == trained[1]


def test_aggregates_that_came_after_the_training_change_no_score_and_those_that_went_are_named(monkeypatch):
    sequences, target, weight, split, fold = problem(TaskType.BINARY, n=200)
    trained = train_boosting([sequences], target, weight, split, fold, task_of(TaskType.BINARY, "roc_auc"), threads=1)
    scores = trained.predict([sequences], 1)

    def newer(*given):
        made = aggregate_columns(*given)
        return {"toy__novelty": np.ones_like(made["toy__events"]), **made}

    def older(*given):
        return {name: column for name, column in aggregate_columns(*given).items() if name != "toy__events"}

    monkeypatch.setattr(features, "aggregate_columns", newer)
    assert (trained.predict([sequences], 1) == scores).all()
    monkeypatch.setattr(features, "aggregate_columns", older)
    with pytest.raises(ArtifactError, match=r"does not make \(toy__events\)\. Train"):
        trained.predict([sequences], 1)


def test_trees_read_the_order_of_codes_unless_they_are_told_not_to():
    """The target is whether code 1 comes after code 2 mostly; how often either comes says nothing."""
    draws = np.random.default_rng(0)
    n, pairs = 400, 8
    target = (draws.random(n) < 0.5).astype(np.float32)[:, None]
    kinds = np.where(np.repeat(target > 0, pairs, axis=1)[:, :, None], [1, 2], [2, 1]).reshape(n, 2 * pairs)
    ends = np.tile([3, 4, 3], (n, 1))  # so that the latest events tell nothing
    sequences = make_sequences([2 * pairs + 3] * n, np.hstack([kinds, ends]).ravel())
    fold = np.arange(n) % 4 - 1
    split = np.select([fold < 0, fold == 0], ["test", "valid"], "train").astype("<U5")
    task, weight = task_of(TaskType.BINARY, "roc_auc"), np.ones(n, dtype=np.float32)

    def auc(order):
        trained = train_boosting([sequences], target, weight, split, fold, task, threads=1, order=order)
        return get_metric("roc_auc", "binary")(target[fold < 0], trained.predict([sequences], 1)[fold < 0])

    assert auc(order=True) > 0.99
    assert auc(order=False) < 0.8


def test_the_scale_of_the_weights_means_nothing():
    sequences, target, weight, split, fold = problem(TaskType.BINARY)
    task = task_of(TaskType.BINARY, "roc_auc")
    weight = (weight * np.linspace(0.5, 2, len(weight))).astype(np.float32)

    def scores(factor):
        trained = train_boosting([sequences], target, weight * factor, split, fold, task, threads=1)
        return trained.predict([sequences], 1, fold)

    assert scores(np.float32(2**-12)) == pytest.approx(scores(1), abs=1e-6)


@pytest.mark.parametrize("heavy", [0, 1])
def test_rows_count_by_their_weight(heavy):
    sequences, _, _, split, fold = problem(TaskType.BINARY)
    row = np.arange(len(split))
    target = ((sequences.length > 20) == (row // 4 % 2 == 0)).astype(np.float32)[:, None]  # long ones, or short ones
    weight = np.where(row // 4 % 2 == heavy, 20, 1).astype(np.float32)
    trained = train_boosting([sequences], target, weight, split, fold, task_of(TaskType.BINARY, "roc_auc"), threads=1)
    scores = trained.predict([sequences], 1)[:, 0]
    assert (scores[sequences.length > 25].min() > scores[sequences.length < 15].max()) == (heavy == 0)
