import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from anna_core.errors import ArtifactError, TrainingError
from anna_core.metrics.calibration import calibration_line
from anna_core.metrics.ranking import Ranking
from anna_core.models.blend.calibration.curve import Curve
from anna_core.models.blend.calibration.fit import fit_calibration
from anna_core.models.blend.calibration.isotonic import isotonic, pool
from anna_core.models.blend.calibration.lines import class_losses, log_losses, platt, sigmoid
from anna_core.models.blend.calibration.model import Calibration
from anna_core.models.outputs import Output
from anna_core.models.target_transform import TargetTransform
from anna_core.tasks.task import TaskType

BINARY = Output(task_type=TaskType.BINARY, outputs=1, base_logits=(0.0,))
LABELS = Output(task_type=TaskType.MULTILABEL, outputs=2, base_logits=(0.0, 0.0))
CLASSES = Output(task_type=TaskType.MULTICLASS, outputs=3, base_logits=(0.0, 0.0, 0.0))


def number(loss="squared"):
    scale = TargetTransform(scale="identity", loss=loss, mean=0.0, std=1.0, low=-100.0, high=100.0)
    return Output(task_type=TaskType.REGRESSION, outputs=1, base_logits=(0.0,), transform=scale)


def sample(n, seed=0, shift=0.0):
    """True logits (n, 1) and labels (n, 1) drawn by them."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(shift, 1.5, (n, 1))
    return logits, (rng.random((n, 1)) < sigmoid(logits)).astype(np.float32)


def kink(logits):
    """A distortion that no line mends: far too sure below 0, too timid above."""
    return np.where(logits < 0, 3 * logits, 0.4 * logits)


def expected_loss(logits, truth):
    """Log loss over all labels that logits could meet, so without the noise of drawing them."""
    return float(log_losses(logits, sigmoid(truth)).mean())


def auc(logits, label, weight=None):
    ranking = Ranking.of(label[:, 0] > 0, logits[:, 0])
    return ranking.roc_auc(np.ones(len(label)) if weight is None else weight)


@pytest.mark.parametrize(
    "distort", [lambda z: 3 * z, lambda z: 0.4 * z, lambda z: z - 1.0], ids=["over", "under", "off"]
)
def test_a_line_is_found_where_a_line_is_wrong(distort):
    truth, label = sample(3000)
    calibration = fit_calibration(BINARY, distort(truth), label, np.ones(3000))
    column = calibration.columns[0]
    assert column.method == "platt"
    assert column.losses["platt"] < column.losses["identity"] - 0.01
    new, _ = sample(5000, seed=1)
    assert expected_loss(calibration.apply(distort(new)), new) < expected_loss(new, new) + 0.002
    assert expected_loss(distort(new), new) > expected_loss(new, new) + 0.04


def test_a_curve_is_found_where_a_line_does_not_do():
    truth, label = sample(4000)
    calibration = fit_calibration(BINARY, kink(truth), label, np.ones(4000))
    assert calibration.columns[0].method == "isotonic"
    new, _ = sample(5000, seed=1)
    best_line = expected_loss(platt(kink(truth)[:, 0], label[:, 0], np.ones(4000))(kink(new)), new)
    ideal = expected_loss(new, new)
    assert expected_loss(calibration.apply(kink(new)), new) - ideal < 0.6 * (best_line - ideal)


def test_calibrated_scores_are_left_alone():
    methods = []
    for seed in range(30):
        truth, label = sample(500, seed)
        methods.append(fit_calibration(BINARY, truth, label, np.ones(500), seed=seed).columns[0].method)
    assert methods.count("identity") >= 25


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(200, 700),
    step=st.sampled_from([0.0, 0.25, 2.0]),
    scale=st.sampled_from([0.01, 0.5, 3.0, 50.0]),
    sign=st.sampled_from([1, -1]),
)
def test_the_ranking_is_untouched(seed, n, step, scale, sign):
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 2, (n, 1))
    truth = np.round(truth / step) * step if step else truth  # with ties
    label = (rng.random((n, 1)) < sigmoid(kink(sign * truth))).astype(np.float32)
    logits, weight = (truth * scale).astype(np.float32), rng.integers(1, 4, n).astype(np.float64)
    flat = logits[:, 0].astype(np.float64)
    curves = [fit(flat, label[:, 0], weight) for fit in (platt, isotonic)]
    curves.append(fit_calibration(BINARY, logits, label, weight, seed=0).columns[0].curve)
    for curve in curves:
        calibrated = curve(flat)
        assert auc(calibrated[:, None], label, weight) == auc(logits, label, weight)
        order = np.argsort(flat, kind="stable")
        gap, rise = np.diff(flat[order]), np.diff(calibrated[order])
        assert ((gap == 0) == (rise == 0)).all()
        assert (rise >= 0).all()


@settings(deadline=None)
@given(st.lists(st.floats(-749, 749), min_size=2, max_size=40), st.booleans())
def test_any_logits_keep_their_order(values, curved):
    truth, label = sample(1500, seed=3)
    fit = isotonic if curved else platt
    curve = fit(kink(truth)[:, 0], label[:, 0], np.ones(1500))
    logits = np.sort(np.array([*values, *curve.x]))
    calibrated = Calibration.model_validate(
        {"task_type": "binary", "columns": [{"method": "isotonic", "curve": curve}]}
    ).apply(logits[:, None])[:, 0]
    assert (np.diff(calibrated) >= 0).all()
    assert (np.diff(calibrated)[np.diff(logits) > 1e-9] > 0).all()


def test_extremes_stay_finite_and_in_order():
    logits = np.array([[-np.inf], [-3e38], [-800.0], [-90.0], [0.0], [30.0], [1e20], [np.inf]])
    truth, label = sample(4000)
    for distort in (kink, lambda z: 3 * z):
        calibration = fit_calibration(BINARY, distort(truth), label, np.ones(4000))
        assert not calibration.is_identity
        calibrated = calibration.apply(logits)
        assert np.isfinite(calibrated).all()
        assert (np.diff(calibrated[:, 0]) >= 0).all()
        assert (np.diff(calibrated[2:7, 0]) > 0).all()
        scores = BINARY.scores(calibrated)
        assert scores[0, 0] < 1e-6
        assert scores[-1, 0] > 1 - 1e-4


def test_extreme_logits_can_be_fitted():
    label = np.tile([[0.0], [1.0]], (200, 1)).astype(np.float32)
    logits = np.tile([[-np.inf], [np.inf], [np.inf], [-1e30]], (100, 1))  # half of them surely wrong
    calibration = fit_calibration(BINARY, logits, label, np.ones(400))
    assert calibration.columns[0].method != "identity"
    assert calibration.columns[0].losses["platt"] < 0.1 * calibration.columns[0].losses["identity"]
    assert np.isfinite(calibration.apply(logits)).all()
    apart = fit_calibration(BINARY, np.where(label > 0, 2.0, -2.0), label, np.ones(400))
    assert 0.95 < BINARY.scores(apart.apply(np.array([[2.0]])))[0, 0] < 1


def test_scores_that_rank_the_wrong_way_are_flattened_but_keep_their_order():
    truth, label = sample(2000)
    calibration = fit_calibration(BINARY, -truth, label, np.ones(2000))
    calibrated = BINARY.scores(calibration.apply(-truth))
    assert np.ptp(calibrated) < 0.2
    assert calibrated.mean() == pytest.approx(label.mean(), abs=0.01)
    assert auc(calibration.apply(-truth), label) == auc(-truth, label)


def test_a_weight_of_two_is_the_row_twice():
    truth, label = sample(1000)
    count = np.random.default_rng(1).integers(1, 4, 1000)
    row = np.arange(1000)
    weighted = fit_calibration(BINARY, kink(truth), label, count, group=row, seed=5)
    again = np.repeat(row, count)
    repeated = fit_calibration(BINARY, kink(truth)[again], label[again], np.ones(len(again)), group=again, seed=5)
    assert weighted.columns[0].method == repeated.columns[0].method == "isotonic"
    np.testing.assert_allclose(weighted.apply(kink(truth)), repeated.apply(kink(truth)), atol=1e-6)
    unweighted = fit_calibration(BINARY, kink(truth), label, np.ones(1000), group=row, seed=5)
    assert np.abs(unweighted.apply(kink(truth)) - weighted.apply(kink(truth))).max() > 1e-3


def test_rows_of_one_group_count_once():
    truth, label = sample(60)
    again = np.repeat(np.arange(60), 10)
    fitted = fit_calibration(BINARY, truth[again], label[again], np.ones(600), group=again)
    assert "Only 60 independent rows" in fitted.columns[0].limit
    assert "isotonic" in fit_calibration(BINARY, truth[again], label[again], np.ones(600)).columns[0].losses


@pytest.mark.parametrize(
    ("n", "positives", "tried", "reason"),
    [
        (40, 20, (), "Only 40 independent rows; 50"),
        (300, 0, (), "Only 0 independent rows of the rarer class; 20"),
        (300, 300, (), "Only 0 independent rows of the rarer class; 20"),
        (150, 60, ("identity", "platt"), "Only 150 independent rows; 200"),
        (400, 30, ("identity", "platt"), "Only 30 independent rows of the rarer class; 50"),
        (400, 80, ("identity", "platt", "isotonic"), None),
    ],
)
def test_few_rows_allow_little(n, positives, tried, reason):
    label = (np.arange(n) < positives).astype(np.float32)[:, None]
    logits = np.random.default_rng(0).normal(size=(n, 1)) + label
    column = fit_calibration(BINARY, logits, label, np.ones(n)).columns[0]
    assert tuple(column.losses) == tried
    assert (column.limit is None) == (reason is None)
    assert reason is None or column.limit.startswith(reason)


def test_rare_positives():
    truth, label = sample(100_000, seed=2, shift=-8.0)
    assert 50 < label.sum() < 250
    calibration = fit_calibration(BINARY, 0.5 * truth, label, np.ones(len(label)))
    new, _ = sample(100_000, seed=3, shift=-8.0)
    scores = sigmoid(calibration.apply(0.5 * new))
    assert scores.mean() == pytest.approx(label.mean(), rel=0.15)
    assert expected_loss(calibration.apply(0.5 * new), new) < 1.02 * expected_loss(new, new)
    alone = isotonic(0.5 * truth[:, 0], label[:, 0], np.ones(len(label)))
    assert expected_loss(alone(0.5 * new), new) < 1.1 * expected_loss(new, new)


def test_labels_are_calibrated_each_by_itself():
    (first, first_label), (second, second_label) = sample(2000, 0), sample(2000, 1)
    both = fit_calibration(
        LABELS, np.hstack([3 * first, second]), np.hstack([first_label, second_label]), np.ones(2000), seed=4
    )
    assert [column.method for column in both.columns] == ["platt", "identity"]
    alone = fit_calibration(BINARY, 3 * first, first_label, np.ones(2000), seed=4)
    assert both.columns[0] == alone.columns[0]
    np.testing.assert_array_equal(both.apply(np.hstack([first, second]))[:, :1], alone.apply(first))


def test_a_temperature_for_classes_keeps_their_order():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, (3000, 3))
    label = (truth + rng.gumbel(size=truth.shape)).argmax(axis=1)
    calibration = fit_calibration(CLASSES, 2.5 * truth + 7, label, np.ones(3000))
    assert [column.method for column in calibration.columns] == ["temperature"]
    assert calibration.columns[0].curve.slope == pytest.approx(0.4, abs=0.03)
    calibrated = calibration.apply(2.5 * truth + 7)
    np.testing.assert_array_equal(np.argsort(calibrated, axis=1), np.argsort(truth, axis=1))
    assert class_losses(calibrated, label).mean() < 1.0
    assert fit_calibration(CLASSES, truth, label, np.ones(3000)).is_identity
    extreme = calibration.apply(np.array([[np.inf, 0.0, -np.inf], [2000.0, 1990.0, 0.0]]))
    assert np.isfinite(extreme).all()
    assert extreme[1, 0] - extreme[1, 1] == pytest.approx(10 * calibration.columns[0].curve.slope)


def test_numbers_get_a_line_only_where_their_loss_is_squared():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 1, (800, 1))
    target = truth + rng.normal(0, 1, truth.shape)
    calibration = fit_calibration(number(), 2 * truth + 1, target, np.ones(800))
    assert calibration.columns[0].method == "line"
    np.testing.assert_allclose(calibration.apply(2 * truth + 1), truth, atol=0.2)
    assert fit_calibration(number(), truth, target, np.ones(800)).is_identity
    huber = fit_calibration(number("huber"), 2 * truth + 1, target, np.ones(800))
    assert huber.is_identity
    assert "middle of the target" in huber.columns[0].limit
    constant = fit_calibration(number(), np.zeros((800, 1)), target + 5, np.ones(800))
    np.testing.assert_allclose(constant.apply(np.zeros((1, 1))), [[target.mean() + 5]], atol=1e-5)


def test_json_gives_it_back():
    truth, label = sample(3000)
    for output, logits, target in (
        (BINARY, kink(truth), label),
        (BINARY, 3 * truth, label),
        (LABELS, np.hstack([truth, 2 * truth]), np.hstack([label, label])),
    ):
        calibration = fit_calibration(output, logits, target, np.ones(3000))
        again = Calibration.model_validate_json(calibration.model_dump_json())
        assert again == calibration
        np.testing.assert_array_equal(again.apply(logits), calibration.apply(logits))


def test_the_same_seed_gives_the_same_and_what_does_not_fit_is_refused():
    truth, label = sample(600)
    first = fit_calibration(BINARY, kink(truth), label, np.ones(600), seed=1)
    assert fit_calibration(BINARY, kink(truth), label, np.ones(600), seed=1) == first
    other = fit_calibration(BINARY, kink(truth), label, np.ones(600), seed=2).columns[0].losses
    assert other["platt"] != first.columns[0].losses["platt"]
    with pytest.raises(TrainingError, match="must be of the same rows"):
        fit_calibration(BINARY, truth[:-1], label, np.ones(600))
    with pytest.raises(TrainingError, match="not a number"):
        fit_calibration(BINARY, np.where(truth > 2, np.nan, truth), label, np.ones(600))
    with pytest.raises(ArtifactError, match="1 columns of logits, found 2"):
        first.apply(np.zeros((3, 2)))
    assert np.isnan(first.apply(np.array([[np.nan]]))).all()


def test_the_identity_changes_nothing_and_says_why():
    none = Calibration.identity(TaskType.MULTILABEL, 2, "It was not fitted.")
    logits = np.array([[1.0, -900.0]])
    np.testing.assert_array_equal(none.apply(logits), logits)
    assert none.is_identity
    assert [column.limit for column in none.columns] == ["It was not fitted."] * 2
    empty = fit_calibration(BINARY, np.zeros((0, 1)), np.zeros((0, 1)), np.zeros(0))
    assert empty.columns[0].limit == "There are no rows to calibrate on."


@pytest.mark.parametrize("wrong", [{"slope": 0.0}, {"x": (1, 0), "y": (0, 1)}, {"x": (0, 1), "y": (1, 1)}, {"x": ()}])
def test_a_curve_that_does_not_increase_is_refused(wrong):
    with pytest.raises(ValueError, match="increasing"):
        Curve(**wrong)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=30))
def test_pooling_equals_sklearn(pairs):
    values, weight = np.array(pairs, dtype=np.float64).T
    steps = pool(values, weight)
    means = np.bincount(steps, weights=values * weight) / np.bincount(steps, weights=weight)
    peer = IsotonicRegression().fit_transform(np.arange(len(values)), values, sample_weight=weight)
    np.testing.assert_allclose(means[steps], peer, atol=1e-9)
    assert (np.diff(means) > -1e-9).all()  # neighbours that are equal may differ by rounding


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(60, 90)), min_size=2, max_size=12))
def test_the_curve_rises_however_many_rates_are_equal(counts):
    logits = np.repeat(np.arange(len(counts)) / 4.0, 2)
    label, weight = np.tile([1.0, 0.0], len(counts)), np.array([[k, n - k] for k, n in counts], dtype=float).ravel()
    curve = isotonic(logits, label, weight)
    assert (np.diff(curve(np.unique(logits))) > 0).all()


def test_platt_equals_sklearn_but_for_the_prior():
    truth, label = sample(20_000)
    weight = np.random.default_rng(0).uniform(0.5, 1.5, 20_000)
    peer = LogisticRegression(C=np.inf).fit(2 * truth + 1, label[:, 0], sample_weight=weight)
    curve = platt(2 * truth[:, 0] + 1, label[:, 0], weight)
    assert curve.slope == pytest.approx(peer.coef_[0, 0], abs=1e-3)
    assert curve.y[0] == pytest.approx(peer.intercept_[0], abs=1e-3)


def test_the_calibration_line_of_scores_that_are_too_sure():
    truth, label = sample(50_000)
    slope, intercept = calibration_line(label[:, 0], sigmoid(2 * truth[:, 0] + 1), np.ones(50_000))
    assert slope == pytest.approx(0.5, abs=0.02)
    assert intercept == pytest.approx(-0.5, abs=0.04)
    assert calibration_line(label[:, 0], sigmoid(truth[:, 0]), np.ones(50_000)) == pytest.approx((1, 0), abs=0.04)
