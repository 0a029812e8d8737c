import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.errors import SampleError, TaskError
from anna_core.samples.target_values import class_names
from anna_core.samples.targets import encode_targets, resolve_task
from anna_core.tasks.task import Task, TaskRequest, TaskType


def resolved(values: list, **request) -> Task:
    return resolve_task("t", TaskRequest(**request), pl.DataFrame({"target": values}))


def encoded(values: list, **request) -> np.ndarray:
    return encode_targets(pl.DataFrame({"target": values}), resolved(values, **request))


HEAVY = [0.0] * 50 + [float(2**i) for i in range(20)]

GUESSES = {
    "0 and 1": ([0, 1, 1], "binary", "roc_auc", "the target has only yes and no"),
    "texts of yes and no": (["Yes", "no"], "binary", "roc_auc", "the target has only yes and no"),
    "booleans": ([True, False], "binary", "roc_auc", "the target has only yes and no"),
    "texts": (["low", "high", "mid"], "multiclass", "macro_roc_auc", "the target is one of 3 texts"),
    "two texts": (["good", "bad"], "multiclass", "macro_roc_auc", "the target is one of 2 texts"),
    "few whole numbers": ([1, 2, 3, 1], "multiclass", "macro_roc_auc", "the target is one of 3 whole numbers"),
    "ten whole numbers": (list(range(10)), "multiclass", "macro_roc_auc", "the target is one of 10 whole numbers"),
    "codes": (
        [f"{i:02}" for i in range(1, 21)],
        "multiclass",
        "macro_roc_auc",
        "the target is one of 20 codes, such as '01'",
    ),
    "codes, one of them with a letter": (
        [*(f"{i:02}" for i in range(1, 21)), "2A"],
        "multiclass",
        "macro_roc_auc",
        "the target is one of 21 codes, such as '01'",
    ),
    "amounts, one with a zero before it": (["007", "1.5"], "regression", "r2", "the target is a number"),
    "two codes": (["01", "02", "01"], "multiclass", "macro_roc_auc", "the target is one of 2 codes, such as '01'"),
    "amounts below 1": ([f"0.{i}5" for i in range(10)], "regression", "r2", "the target is a number"),
    "0 and 1 at length": (
        ["1.", "0.", "+1", "0E+0", "0E-10"],
        "binary",
        "roc_auc",
        "the target has only yes and no",
    ),
    "signs": (["+", "-", "+"], "multiclass", "macro_roc_auc", "the target is one of 2 texts"),
    "eleven whole numbers": (list(range(11)), "regression", "r2", "the target is a number"),
    "few fractions": ([0.5, 1.5], "regression", "r2", "the target is a number"),
    "numbers in texts": ([str(i / 4) for i in range(20)], "regression", "r2", "the target is a number"),
    "heavy tail": (HEAVY, "regression", "r2_log1p", "the target is a number"),
    "heavy tail below zero": ([-x for x in HEAVY], "regression", "spearman", "the target is a number"),
}


@pytest.mark.parametrize(("values", "kind", "metric", "why"), GUESSES.values(), ids=GUESSES)
def test_type_and_metric_are_guessed_from_the_target(values, kind, metric, why):
    task = resolved(values)
    assert (task.type, task.metric) == (kind, metric)
    assert task.guesses == (f"Type: {kind}, because {why}.", f"Metric: {metric}, the default for this target.")


def test_several_targets_are_multilabel():
    targets = pl.DataFrame({"target_a": [0, 1], "target_b": ["no", "yes"]})
    task = resolve_task("t", TaskRequest(), targets)
    assert (task.type, task.metric, task.outputs) == (TaskType.MULTILABEL, "mean_roc_auc", 2)
    assert encode_targets(targets, task).tolist() == [[0, 0], [1, 1]]
    assert encode_targets(targets, task).dtype == np.float32


def test_what_the_user_says_is_not_guessed():
    task = resolved([0, 1], type="binary", metric="gini", owner="team:risk", seed=3)
    assert (task.type, task.metric, task.owner, task.seed, task.guesses) == (
        TaskType.BINARY,
        "gini",
        "team:risk",
        3,
        (),
    )
    assert resolved([0, 1, 2], type="regression").metric == "r2"
    assert resolved([0, 1], type="multiclass").classes == ("0", "1")


def test_classes_are_positions_in_the_order_of_their_names():
    task = resolved(["mid", " low", "high", "low "])
    assert task.classes == ("high", "low", "mid")
    assert task.score_names == ("score_high", "score_low", "score_mid")
    assert encoded(["mid", " low", "high", "low "]).tolist() == [2, 1, 0, 1]
    with pytest.raises(SampleError, match=r"target values \['new'\] are not among \['high', 'low', 'mid'\]"):
        encode_targets(pl.DataFrame({"target": ["new", "low"]}), task)


def test_numbers_keep_their_values_and_form_a_column():
    values = encoded([" 1.5", "2e3", "-7", *map(str, range(20))])
    assert values[:3].tolist() == [[1.5], [2000.0], [-7.0]]
    assert (values.dtype, values.shape) == (np.float32, (23, 1))


@pytest.mark.parametrize("metric", [None, "r2"])
@pytest.mark.parametrize("bad", ["abc", "inf", "nan"])
def test_a_regression_needs_numbers(metric, bad):
    with pytest.raises(
        SampleError, match=rf"task t: target holds '{bad}' in row 2 \(1 of 3 rows are so\); a regression needs"
    ):
        resolved(["1", bad, "3"], type="regression", metric=metric)


@pytest.mark.parametrize("metric", [None, "roc_auc"])
def test_a_binary_target_needs_yes_and_no(metric):
    with pytest.raises(SampleError, match=r"target holds 2 in row 3 \(1 of 3 .*\); write 1 and 0 \(or yes and no\)"):
        resolved([0, 1, 2], type="binary", metric=metric)


@pytest.mark.parametrize("request_", [{}, {"type": "regression"}, {"type": "multiclass"}, {"type": "binary"}])
def test_one_outcome_only_is_nothing_to_learn(request_):
    with pytest.raises(
        SampleError, match=r"every row has target = 1; there is nothing to learn. Bring rows with different"
    ):
        resolved([1, 1, 1], **request_)


def test_one_outcome_of_one_label_is_told_by_name():
    with pytest.raises(SampleError, match="every row has target_b = 0"):
        resolve_task("t", TaskRequest(), pl.DataFrame({"target_a": [0, 1], "target_b": [0, 0]}))


def test_classes_that_look_alike_are_told():
    values = ["Active", "active", "closed", "\u0439", "\u0438\u0306", "x\u200bz", "xz", "y"]
    told = "classes, as they are not written alike in all rows; where one is meant, write it in one way."
    assert resolved(values).guesses[1:4] == (
        f"'Active' and 'active' are 2 {told}", f"'xz' and 'x\\u200bz' are 2 {told}", f"'и\u0306' and 'й' are 2 {told}"
    )  # fmt: skip
    assert len(resolved(["active", "closed"]).guesses) == 2


def test_an_id_in_place_of_a_target_is_told():
    with pytest.raises(
        SampleError, match=r"target has 101 different values; multiclass takes up to 100. Is this the right"
    ):
        resolved([f"id{i}" for i in range(101)])
    assert len(resolved([f"id{i}" for i in range(100)]).classes) == 100


def test_only_multilabel_takes_several_targets():
    with pytest.raises(
        TaskError, match=r"a binary task has one target column; found \['target_a', 'target_b'\]\. Rename"
    ):
        resolve_task("t", TaskRequest(type="binary"), pl.DataFrame({"target_a": [0, 1], "target_b": [1, 0]}))


@pytest.mark.parametrize(("kind", "metric"), [("binary", "r2"), ("regression", "roc_auc"), ("multiclass", "gini")])
def test_a_metric_that_does_not_go_with_the_type_is_told(kind, metric):
    with pytest.raises(TaskError, match=f"metric '{metric}' is not defined for a {kind} task; choose one of: "):
        resolved([0, 1], type=kind, metric=metric)
    with pytest.raises(TaskError, match="metric 'auc' is not defined"):
        resolved([0, 1], metric="auc")


@pytest.mark.parametrize("yes_no", [["t", "f", "T"], ["1.00", "0.00"], ["1", "0"]])
def test_yes_and_no_of_databases(yes_no):
    decimals = pl.Series(yes_no).str.to_decimal(scale=2) if "1" in yes_no[0] else pl.Series(yes_no)
    task = resolve_task("t", TaskRequest(), pl.DataFrame({"target": decimals}))
    assert task.type is TaskType.BINARY
    assert encode_targets(pl.DataFrame({"target": decimals}), task)[:2, 0].tolist() == [1, 0]


def test_a_slip_among_numbers_does_not_make_classes_of_them():
    amounts = [str(i / 4) for i in range(40)]
    for slip in ("1000,5", "missing"):
        with pytest.raises(SampleError, match=f"most values of the target are numbers, but '{slip}' in row 41 is none"):
            resolved([*amounts, slip])
    with pytest.raises(SampleError, match=r"most values .* but '0,25' in row 1 is none; the decimal sign is a point"):
        resolved([f"{i},25" for i in range(40)])
    assert resolved([*amounts, "missing"], type="multiclass").type is TaskType.MULTICLASS
    assert resolved(["1", "2", "other"]).type is TaskType.MULTICLASS


def test_none_beside_yes_and_no_is_a_value_that_is_missing():
    with pytest.raises(SampleError, match="has None beside yes and no, first in row 3; remove these rows"):
        resolved(["0", "1", "None"])
    assert resolved(["none", "card", "loan"]).type is TaskType.MULTICLASS


def test_numbers_too_large_for_a_model_are_refused():
    with pytest.raises(SampleError, match="needs numbers below 3e38"):
        resolved([1.5, 2.5, 1e39], type="regression")


def test_a_share_of_the_target_is_refused_where_that_is_0():
    with pytest.raises(TaskError, match=r"'mape' is a share of the target, but 2 rows have a target of 0. Choose"):
        resolved([0.0, 0.0, 3.5], type="regression", metric="mape")


def test_a_metric_of_amounts_is_refused_for_negative_ones_before_anything_is_trained():
    with pytest.raises(TaskError, match="'r2_log1p' is for amounts of 0 and more, but 1 rows have a negative target"):
        resolved([-2.5, 0.0, 3.5], type="regression", metric="r2_log1p")


@pytest.mark.parametrize(("step", "is_told"), [(1e-3, True), (1.0, True), (50.0, True), (64.0, False), (1e3, False)])
def test_amounts_that_a_float32_cannot_tell_apart_are_refused_and_not_called_the_same(step, is_told):
    """Near 1e9 a float32's neighbours are 64 apart, so that it errs by 18 on average, but not of multiples of 64."""
    amounts = pl.DataFrame({"target": 1e9 + step * np.arange(100)})
    if is_told:
        with pytest.raises(SampleError, match=r"task t: target goes from 1000000000\.0 to .* Subtract the same amount"):
            resolve_task("t", TaskRequest(type="regression"), amounts)
    else:
        assert resolve_task("t", TaskRequest(type="regression"), amounts).type is TaskType.REGRESSION
    near = amounts.select(pl.col("target") - 1e9)
    assert resolve_task("t", TaskRequest(type="regression"), near).type is TaskType.REGRESSION


@pytest.mark.parametrize("forms", [["1.", "0.", "1"], ["+1", "0", "1.0"], ["1e0", "0E+00", "1"]])
def test_numbers_are_the_same_however_they_are_written(forms):
    assert encoded(forms)[:, 0].tolist() == [1, 0, 1]
    assert encoded(forms, type="multiclass").tolist() == [1, 0, 1]
    assert encoded(forms, type="regression")[:, 0].tolist() == [1, 0, 1]
    labels = pl.DataFrame({"target_a": forms, "target_b": [0, 0, 1]})
    assert encode_targets(labels, resolve_task("t", TaskRequest(), labels))[:, 0].tolist() == [1, 0, 1]


@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1), st.data())
def test_a_whole_number_names_one_class_in_all_ways_of_writing_it(numbers, data):
    forms = ("{}", "{}.", "{}.00", "{:+d}", "{}e0", "{}E+00")
    written = [data.draw(st.sampled_from(forms)).format(number) for number in numbers]
    assert class_names(pl.Series(written)).to_list() == [str(number) for number in numbers]


def test_classes_are_as_they_were_written_where_not_all_are_numbers_that_keep_their_digits():
    assert resolved(["1.", "2.", "+3", "1"], type="multiclass").classes == ("1", "2", "3")
    assert resolved(["1e3", "x", "1."], type="multiclass").classes == ("1.", "1e3", "x")
    assert resolved(["01", "1", "+2"]).classes == ("+2", "01", "1")
    large = ["9007199254740993", "9007199254740992", "+5"]
    assert resolved(large, type="multiclass").classes == ("5", "9007199254740992", "9007199254740993")


@pytest.mark.parametrize(("values", "row", "sign"), [
    (["yes", "no", "?"], 3, "?"), (["1", ".", "0"], 2, "."), (["-", "2", "3"], 1, "-"), (["a", "b", "?"], 3, "?"),
])  # fmt: skip
def test_a_sign_for_nothing_is_a_target_that_is_missing(values, row, sign):
    with pytest.raises(SampleError, match=rf"target is missing in row {row}, which has '\{sign}'; remove rows without"):
        resolved(values)
    assert sign in resolved(values, type="multiclass").classes


@pytest.mark.parametrize("kind", [pl.UInt64, pl.String, pl.Decimal(38, 0)])
def test_numbers_that_differ_beyond_what_a_float64_holds_are_not_called_the_same(kind):
    amounts = pl.DataFrame({"target": pl.Series([2**64 - 1 - i for i in range(20)], dtype=pl.UInt64).cast(kind)})
    with pytest.raises(
        SampleError, match="target goes from 18446744073709551596 to 18446744073709551615; ANNA holds 7"
    ):
        resolve_task("t", TaskRequest(type="regression"), amounts)
    with pytest.raises(SampleError, match="every row has target = True; there is nothing to learn"):
        resolve_task("t", TaskRequest(type="regression"), pl.DataFrame({"target": [True, True]}))
