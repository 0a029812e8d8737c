"""What the mean of the folds says, calibrated without a target: held against regressions that know the targets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.metrics.logistic import logistic_line
from anna_core.models.blend.averaging import Averaging
from anna_core.models.blend.calibration.lines import temperature
from anna_core.models.outputs import Output
from anna_core.tasks.task import TaskType
from anna_tests.unit.nets_toy import make_task

FOLDS = 5


def output_of(task_type, outputs=1):
    match task_type:
        case TaskType.REGRESSION:
            return Output.fit(make_task("regression", "r2"), np.array([[0.0], [2.0]]), np.ones(2))
        case _:
            return Output(task_type=task_type, outputs=outputs, base_logits=(0.0,) * outputs)


def folds_around(truth, noise, seed):
    """Logits (F, n, K) of folds: of the truth, what all of them get wrong alike, and what each does by itself."""
    draws = np.random.default_rng(seed)
    return truth + draws.normal(0, noise / 2, truth.shape) + draws.normal(0, noise, (FOLDS, *truth.shape))


def fitted(task_type, by_fold):
    return Averaging.fit(
        output_of(task_type, by_fold.shape[2]), by_fold.mean(axis=0), by_fold, np.ones(by_fold.shape[1])
    )


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_a_logit_becomes_calibrated_with_no_target(noise):
    draws = np.random.default_rng(0)
    truth = draws.normal(-2, 1.5, (200_000, 2))
    label = draws.random(truth.shape) < 1 / (1 + np.exp(-truth))
    raw = folds_around(truth, noise, 1)
    lines = [logistic_line(raw[0, :, i], label[:, i], np.ones(len(truth))) for i in (0, 1)]
    by_fold = np.stack([slope * raw[:, :, i] + offset for i, (slope, offset) in enumerate(lines)], axis=2)
    mean = fitted(TaskType.MULTILABEL, by_fold).apply(by_fold.mean(axis=0))
    for i in (0, 1):
        assert logistic_line(by_fold[:, :, i].mean(axis=0), label[:, i], np.ones(len(truth)))[0] > 1 + noise / 15
        slope, offset = logistic_line(mean[:, i], label[:, i], np.ones(len(truth)))
        assert (slope, offset) == pytest.approx((1, 0), abs=0.02)


def test_classes_become_calibrated_with_no_target():
    draws = np.random.default_rng(0)
    truth = draws.normal(0, 1.5, (100_000, 4)) - np.arange(4)
    label = (truth + draws.gumbel(size=truth.shape)).argmax(axis=1)
    raw = folds_around(truth, 0.8, 1)

    def factor(logits):
        return temperature(logits - logits.max(axis=1, keepdims=True), label, np.ones(len(label))).slope

    by_fold = raw * factor(raw[0])
    averaging = fitted(TaskType.MULTICLASS, by_fold)
    assert factor(by_fold.mean(axis=0)) > 1.05
    assert factor(averaging.apply(by_fold.mean(axis=0))) == pytest.approx(1, abs=0.02)
    shifted = by_fold + draws.normal(0, 5, (1, len(label), 1))  # means the same
    assert fitted(TaskType.MULTICLASS, shifted).slopes == pytest.approx(averaging.slopes)


def test_numbers_are_corrected_for_attenuation():
    """Reliability of one fold 1 / (1 + 1), of the mean of five 1 / (1 + 1 / 5): the slope is 2 / 1.2."""
    draws = np.random.default_rng(0)
    truth = draws.normal(3, 1, (200_000, 1))
    by_fold = truth + draws.normal(0, 1, (FOLDS, *truth.shape))
    averaging = fitted(TaskType.REGRESSION, by_fold)
    assert averaging.slopes == pytest.approx((2 / 1.2,), rel=0.01)
    assert averaging.apply(by_fold.mean(axis=0)).mean() == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("task_type", list(TaskType))
def test_folds_that_agree_are_left_as_they_are(task_type):
    outputs = 1 if task_type in (TaskType.BINARY, TaskType.REGRESSION) else 3
    same = np.tile(np.random.default_rng(0).normal(0, 2, (1, 50, outputs)), (FOLDS, 1, 1))
    averaging = fitted(task_type, same)
    assert averaging.slopes == pytest.approx((1,) * outputs)
    assert averaging.offsets == pytest.approx((0,) * outputs, abs=1e-6)


def test_rows_count_by_their_weight():
    draws = np.random.default_rng(0)
    by_fold = draws.normal(-1, 1, (FOLDS, 400, 1)) + draws.normal(0, 2, (1, 400, 1))
    times = draws.integers(1, 4, 400)
    output = output_of(TaskType.BINARY)
    weighed = Averaging.fit(output, by_fold.mean(axis=0), by_fold, times)
    repeated = np.repeat(by_fold, times, axis=1)
    again = Averaging.fit(output, repeated.mean(axis=0), repeated, np.ones(times.sum()))
    assert (*weighed.slopes, *weighed.offsets) == pytest.approx((*again.slopes, *again.offsets))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(TaskType)), st.integers(1, 12), st.integers(2, 6), st.floats(0, 40), st.floats(0, 40),
    st.integers(0, 10**6),
)  # fmt: skip
def test_order_stays_and_all_is_finite(task_type, rows, folds, spread, noise, seed):
    draws = np.random.default_rng(seed)
    outputs = 1 if task_type in (TaskType.BINARY, TaskType.REGRESSION) else 3
    by_fold = draws.normal(0, spread, (1, rows, outputs)) + draws.normal(0, noise, (folds, rows, outputs))
    averaging = fitted(task_type, by_fold)
    assert all(slope > 0 for slope in averaging.slopes)
    given = np.sort(by_fold.mean(axis=0), axis=0)
    made = averaging.apply(given)
    assert np.isfinite(made).all()
    assert (np.diff(made, axis=0) >= 0).all()


@pytest.mark.parametrize(("rows", "most"), [(2, 1.7), (5, 2.4), (1000, 1.4)])
def test_of_a_few_rows_numbers_are_hardly_stretched(rows, most):
    """The right factor is 1.36; of two rows a ratio of variances may be a hundred thousand."""
    random, slopes = np.random.default_rng(0), []
    for _ in range(200 if rows < 1000 else 5):
        by_fold = random.normal(size=(1, rows, 1)) + random.normal(size=(5, rows, 1)) * 0.7
        output = Output(task_type=TaskType.REGRESSION, outputs=1, base_logits=(0.0,))
        slopes.append(Averaging.fit(output, by_fold.mean(axis=0), by_fold, np.ones(rows)).slopes[0])
    assert max(slopes) < most
