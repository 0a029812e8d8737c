from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from anna_core.columns.shares import percent
from anna_core.errors import ArtifactError, TrainingError
from anna_core.metrics.calibration import calibration_line
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.blend.net import MetaNet, fitted_sharing, plain_sharing
from anna_core.models.outputs import Output
from anna_core.models.unseen import Unseen, unseen_rows
from anna_core.models.vectors import DomainVectors
from anna_core.samples.rows import HEAVIEST, LIGHTEST
from anna_tests.unit.nets_toy import make_task, split_of, train_blend

ROWS = 1000
ONES = np.ones(ROWS, dtype=np.float32)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def _domain(signal, present=None, seed=0, width=4):
    """Vectors whose scores know `signal`, and whose embedding holds noise beside it."""
    rng = np.random.default_rng(seed)
    present = np.ones(len(signal), dtype=bool) if present is None else present
    embedding = rng.normal(0, 1, (len(signal), width))
    embedding[:, 0] = signal
    scores = _sigmoid(np.where(present, signal, 0))[:, None]
    return DomainVectors(
        embedding=(embedding * present[:, None]).astype(np.float32), scores=scores.astype(np.float32), present=present
    )


def trained(members, target, weight, split, task, *listeners, judged=None):
    """A metamodel fitted on the validation rows, unless told otherwise."""
    judged = split == "valid" if judged is None else judged
    return train_blend(members, target, weight, split, judged, task, *listeners)


@pytest.fixture(scope="module")
def signals():
    rng = np.random.default_rng(1)
    left, right = rng.normal(0, 1.5, ROWS), rng.normal(0, 1.5, ROWS)
    target = (rng.random(ROWS) < _sigmoid(left + right)).astype(np.float32)[:, None]
    return left, right, target


def _auc(target, scores, rows):
    return roc_auc_score(target[rows, 0], np.ravel(scores)[rows])


def test_beats_each_domain_where_they_complement_each_other(signals):
    left, right, target = signals
    vectors = {"left": _domain(left, seed=1), "right": _domain(right, seed=2)}
    split = split_of(ROWS)
    model = trained(vectors, target, ONES, split, make_task())
    test = split == "test"
    single = max(_auc(target, domain.scores, test) for domain in vectors.values())
    assert _auc(target, model.predict(vectors), test) > single + 0.05


def test_uses_what_the_embeddings_know_beyond_the_scores(signals):
    left, right, target = signals
    domain = _domain(left)
    domain.embedding[:, 1] = right
    split = split_of(ROWS)
    model = trained({"left": domain}, target, ONES, split, make_task())
    test = split == "test"
    assert model.spec.correction_penalty is not None
    assert _auc(target, model.predict({"left": domain}), test) > _auc(target, domain.scores, test) + 0.05


def test_a_single_domain_is_not_made_worse(signals):
    left, _, target = signals
    vectors = {"left": _domain(left, width=64)}
    split = split_of(ROWS)
    model = trained(vectors, target, ONES, split, make_task())
    test = split == "test"
    assert _auc(target, model.predict(vectors), test) > _auc(target, vectors["left"].scores, test) - 0.01


def test_absent_domains_have_no_say_but_their_absence_has(signals):
    left, _, _ = signals
    rng = np.random.default_rng(3)
    present = rng.random(ROWS) < 0.5
    target = (rng.random(ROWS) < np.where(present, 0.7, 0.2)).astype(np.float32)[:, None]
    vectors = {"left": _domain(left, seed=1), "right": _domain(rng.normal(0, 1, ROWS), present, seed=2)}
    split = split_of(ROWS)
    model = trained(vectors, target, ONES, split, make_task())
    scores = model.predict(vectors)
    assert _auc(target, scores, split == "test") > 0.65
    other = DomainVectors(
        embedding=np.where(present[:, None], vectors["right"].embedding, 9).astype(np.float32),
        scores=np.where(present[:, None], vectors["right"].scores, 0.9).astype(np.float32),
        present=present,
    )
    np.testing.assert_array_equal(model.predict({**vectors, "right": other}), scores)


def test_few_rows_give_the_plain_mean_of_logits():
    logits = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 3.0], [2.0, -2.0]] * 5)
    present = np.arange(20) % 4 != 2
    target = (np.arange(20) % 2).astype(np.float32)[:, None]
    vectors = {"a": _domain(logits[:, 0]), "b": _domain(logits[:, 1], present)}
    model = trained(vectors, target, ONES[:20], split_of(20), make_task())
    assert model.spec.plain_reason == "Only 4 rows to weigh the models on; 50 are needed to learn more than the mean."
    assert model.spec.summary == f"The metamodel is the mean of its models. {model.spec.plain_reason}"
    assert model.curves == []
    mean = np.where(present, logits.mean(axis=1), logits[:, 0])
    np.testing.assert_allclose(model.predict(vectors)[:, 0], _sigmoid(mean), atol=1e-6)


def test_validation_rows_of_one_class_give_the_plain_mean(signals):
    left, _, target = signals
    split = split_of(ROWS)
    split[(split == "valid") & (target[:, 0] == 1)] = "test"
    model = trained({"left": _domain(left)}, target, ONES, split, make_task())
    assert model.spec.plain_reason == "The target is the same for all rows that the models could be weighed on."


def test_domains_without_a_net_are_harmless(signals):
    left, _, target = signals
    empty = DomainVectors(np.zeros((ROWS, 4), np.float32), np.full((ROWS, 1), 0.5, np.float32), np.zeros(ROWS, bool))
    split = split_of(ROWS)
    vectors = {"left": _domain(left), "empty": empty}
    scores = trained(vectors, target, ONES, split, make_task()).predict(vectors)
    assert _auc(target, scores, split == "test") > _auc(target, vectors["left"].scores, split == "test") - 0.01
    all_empty = trained({"empty": empty}, target, ONES, split, make_task())
    assert np.unique(all_empty.predict({"empty": empty})).tolist() == pytest.approx([0.5], abs=0.05)


@pytest.mark.parametrize(
    ("task_type", "metric", "settings"),
    [
        ("multiclass", "macro_roc_auc", {"classes": ("a", "b", "c")}),
        ("multilabel", "mean_roc_auc", {"targets": ("a", "b")}),
        ("regression", "r2", {}),
        ("regression", "r2_log1p", {}),
    ],
)
def test_every_type_of_task(task_type, metric, settings):
    rng = np.random.default_rng(5)
    value = rng.normal(0, 1, ROWS)
    task = make_task(task_type, metric, **settings)
    match task_type:
        case "multiclass":
            target = np.digitize(value, [-0.5, 0.5]).astype(np.int64)
        case "multilabel":
            target = np.stack([value > 0, value > 1], axis=1).astype(np.float32)
        case _:
            target = (np.expm1(value + 5) if metric == "r2_log1p" else value)[:, None].astype(np.float32)
    output = Output.fit(task, target, ONES)
    embedding = np.stack([value, rng.normal(0, 1, ROWS)], axis=1).astype(np.float32)
    constant = output.scores(np.tile(np.float32(output.base_logits), (ROWS, 1)))
    vectors = {"one": DomainVectors(embedding, constant, np.ones(ROWS, dtype=bool))}
    seen = []
    model = trained(vectors, target, ONES, split_of(ROWS), task, seen.append)
    assert model.predict(vectors).shape == (ROWS, task.outputs)
    assert seen == model.curves
    assert seen[-1].seconds_left == 0
    assert max(report.valid_metric for report in seen) > 0.9


@pytest.mark.parametrize("extreme", [(LIGHTEST, HEAVIEST), (LIGHTEST, LIGHTEST), (HEAVIEST, HEAVIEST)])
def test_whatever_weights_the_door_lets_through_make_a_model_that_can_be_read_back(signals, tmp_path, extreme):
    left, right, target = signals
    vectors = {"left": _domain(left, seed=1), "right": _domain(right, seed=2)}
    weight = np.where(np.arange(ROWS) % 2, *extreme).astype(np.float32)
    trained(vectors, target, weight, split_of(ROWS), make_task()).save(tmp_path, {})
    loaded = Metamodel.load(tmp_path)
    assert sum(loaded.spec.shares.values()) == pytest.approx(1)
    assert np.isfinite(loaded.predict(vectors)).all()


def test_a_model_that_could_not_be_read_back_is_not_written(signals, tmp_path):
    left, _, target = signals
    model = trained({"left": _domain(left)}, target, ONES, split_of(ROWS), make_task())
    broken = replace(model, spec=model.spec.model_copy(update={"shares": {"left": float("nan")}}))
    with pytest.raises(TrainingError, match=r"numbers that are not finite, .*spec\.shares\.left: .*Look for extreme"):
        broken.save(tmp_path / "bundle", {})
    assert not (tmp_path / "bundle").exists()


def test_save_and_load_bit_for_bit(signals, tmp_path):
    left, right, target = signals
    vectors = {"left": _domain(left, seed=1), "right": _domain(right, seed=2)}
    model = trained(vectors, target, ONES, split_of(ROWS), make_task())
    model.save(tmp_path, {"sample": "churn.1"})
    loaded = Metamodel.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(vectors), model.predict(vectors))
    assert loaded.data_version == model.data_version
    assert loaded.members == ("left", "right")
    assert loaded.curves == model.curves
    again = trained(vectors, target, ONES, split_of(ROWS), make_task())
    assert again.data_version == model.data_version


def test_problems_are_told(signals):
    left, right, target = signals
    vectors = {"left": _domain(left), "right": _domain(right)}
    model = trained(vectors, target, ONES, split_of(ROWS), make_task())
    with pytest.raises(ArtifactError, match="needs what 'right' says of the rows; given: left"):
        model.predict({"left": vectors["left"]})
    with pytest.raises(ArtifactError, match="width 4, found 5"):
        model.predict({**vectors, "right": _domain(right, width=5)})
    with pytest.raises(ArtifactError, match="different numbers of rows"):
        model.predict({**vectors, "right": vectors["right"].take(np.arange(5))})
    with pytest.raises(TrainingError, match="at least one model"):
        trained({}, target, ONES, split_of(ROWS), make_task())
    with pytest.raises(TrainingError, match="vectors of 5 rows for 1000 rows"):
        trained({"left": vectors["left"].take(np.arange(5))}, target, ONES, split_of(ROWS), make_task())


@pytest.mark.parametrize("sharing", [plain_sharing, fitted_sharing])
def test_net_begins_as_the_mean(sharing):
    output = Output.fit(make_task(), np.array([[0.0], [1.0]], dtype=np.float32), ONES[:2])
    widths = {"a": 4, "b": 4, "boosting": 0}
    net = MetaNet(widths, output, sharing(widths))
    logits = np.array([1.0, -2.0])
    vectors = {"a": _domain(logits), "b": _domain(logits * 3), "boosting": _trees(logits * 2)}
    np.testing.assert_allclose(net(net.read(vectors, output, np.arange(2))).detach()[:, 0], logits * 2, atol=1e-4)


def test_what_trees_of_all_domains_say_counts_the_same_whoever_else_has_a_say():
    output = Output.fit(make_task(), np.array([[0.0], [1.0]], dtype=np.float32), ONES[:2])
    widths = {"a": 4, "b": 4, "boosting": 0}
    logits = np.array([1.0, 1.0])
    present = np.array([True, False])
    silent = {name: replace(_domain(logits * 0), present=present) for name in ("a", "b")}
    vectors = {**silent, "boosting": _trees(logits)}
    plain = MetaNet(widths, output)
    read = plain.read(vectors, output, np.arange(2))
    assert plain(read).detach()[:, 0].tolist() == pytest.approx([1 / 3, 1], abs=1e-4)  # the mean of those present
    fitted = MetaNet(widths, output, fitted_sharing(widths))
    assert fitted(read).detach()[:, 0].tolist() == pytest.approx([1 / 3, 1 / 3], abs=1e-4)
    alone = {name: replace(_domain(logits), present=~present) for name in ("a", "b")}
    alone["a"] = replace(alone["a"], present=np.array([True, True]))
    read = fitted.read({**alone, "boosting": replace(_trees(logits), present=~present)}, output, np.arange(2))
    given = fitted(read).detach()[:, 0].tolist()  # of one domain: shared with those that are there
    assert given == pytest.approx([3**-0.5, 2 / 3 + 1 / 3], abs=1e-4)


def test_fitted_trees_of_all_domains_move_the_score_alike_where_domains_are_missing(signals):
    left, right, target = signals
    here = np.random.default_rng(5).random(ROWS) < 0.5
    noise = {f"noise {i}": replace(_domain(_noise(i) / 10), present=here) for i in range(4)}
    members = {**noise, "left": _domain(left, here), "boosting": _trees(right)}
    model = trained(members, target, ONES, split_of(ROWS), make_task())
    assert sum(model.spec.alone.values()) < 0.05
    moved = model.net(model.net.read({**members, "boosting": _trees(right + 1)}, model.spec.output, np.arange(ROWS)))
    still = model.net(model.net.read(members, model.spec.output, np.arange(ROWS)))
    given = (moved - still)[:, 0].numpy()
    assert given[here].mean() == pytest.approx(given[~here].mean(), rel=0.01)
    assert given.mean() > 0.5


def test_rows_of_the_test_are_never_fitted_on(signals):
    left, right, target = signals
    vectors = {"left": _domain(left, seed=1), "right": _domain(right, seed=2)}
    split = split_of(ROWS)
    everything = trained(vectors, target, ONES, split, make_task(), judged=np.ones(ROWS, dtype=bool))
    allowed = trained(vectors, target, ONES, split, make_task(), judged=split != "test")
    assert everything.data_version == allowed.data_version
    assert allowed.data_version != trained(vectors, target, ONES, split, make_task()).data_version


def test_trees_and_nets_are_weighed_and_their_shares_told(signals):
    left, right, target = signals
    noise = np.random.default_rng(3).normal(0, 1, ROWS)
    members = {
        "left": _domain(left, seed=1),
        "boosting/left": _trees(right),
        "boosting": _trees(noise * 0.05),
    }
    model = trained(members, target, ONES, split_of(ROWS), make_task())
    shares = model.spec.shares
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["boosting/left"] > 0.3
    assert shares["left"] > 0.3
    assert shares["boosting"] < 0.1
    assert model.spec.summary.startswith("What moves the metamodel's score: ")
    told = {"net of left": "left", "trees of left": "boosting/left", "trees of all domains": "boosting"}
    for name, member in told.items():
        assert f"{name} {percent(shares[member])}" in model.spec.summary


def test_what_an_embedding_corrects_counts_as_its_domains_share(signals):
    left, right, _ = signals
    silent = np.zeros(ROWS)
    vectors = {"left": _domain(left), "told by its embedding": replace(_domain(right), scores=_trees(silent).scores)}
    output = Output.fit(make_task(), np.array([[0.0], [1.0]], dtype=np.float32), ONES[:2])
    net = MetaNet({"left": 4, "told by its embedding": 4}, output)
    inputs = net.read(vectors, output, np.arange(ROWS))
    assert net.shares(inputs, ONES)["told by its embedding"] == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        net.correction[4] = 0.5  # the signal; a net's logit has half its weight in the mean of two
    assert net.shares(inputs, ONES)["told by its embedding"] == pytest.approx(0.5, abs=0.05)


def test_a_member_that_knows_all_is_taken_alone_if_no_blend_does_better(signals):
    left, right, target = signals
    members = {"truth": _trees(left + right), **{f"noise {i}": _trees(_noise(i)) for i in range(40)}}
    model = trained(members, target, ONES, split_of(ROWS), make_task())
    assert model.spec.alone == {"truth": 1.0}
    assert model.spec.summary == "The metamodel scores by the net of truth alone, as no blend did better."
    assert model.spec.shares["truth"] == pytest.approx(1)
    assert model.predict(members) == pytest.approx(members["truth"].scores, abs=1e-5)


def test_of_two_members_as_good_as_each_other_none_is_taken_for_the_better(signals):
    left, right, target = signals
    truth = left + right
    members = {name: _trees(truth + _noise(seed) / 3) for seed, name in enumerate("ab")}
    members |= {f"noise {i}": _trees(_noise(10 + i)) for i in range(20)}
    model = trained(members, target, ONES, split_of(ROWS), make_task())
    test = split_of(ROWS) == "test"
    alone = [_auc(target, members[name].scores, test) for name in "ab"]
    assert all(0.05 < model.spec.alone[name] < 0.95 for name in "ab")
    assert sum(model.spec.alone.values()) <= 1
    assert _auc(target, model.predict(members), test) > max(alone) + 0.005
    assert all(f"net of {name} {percent(model.spec.alone[name])}" in model.spec.summary for name in "ab")
    assert "These also score outside the blend, as it did not surely better: " in model.spec.summary


def _noise(seed):
    return np.random.default_rng(100 + seed).normal(0, 3, ROWS)


def _trees(signal):
    """A member without an embedding."""
    return DomainVectors(
        embedding=np.zeros((len(signal), 0), dtype=np.float32),
        scores=_sigmoid(signal)[:, None].astype(np.float32),
        present=np.ones(len(signal), dtype=bool),
    )


def test_a_member_alone_scores_as_it_does_by_itself_and_the_base_rate_where_it_is_absent():
    output = Output.fit(make_task(), np.array([[0.0], [0.0], [0.0], [1.0]], dtype=np.float32), ONES[:4])
    net = MetaNet({"a": 4, "b": 0}, output, fitted_sharing("ab"))
    with torch.no_grad():
        net.bias.fill_(1.0)
        net.absent.fill_(1.0)
        net.correction.fill_(1.0)
    net.take_alone({"b": 1.0})
    logits = np.array([1.0, -2.0])
    members = {"a": _domain(logits * 5), "b": replace(_trees(logits), present=np.array([True, False]))}
    inputs = net.read(members, output, np.arange(2))
    assert net(inputs).detach()[:, 0].tolist() == pytest.approx([1.0, float(np.log(1 / 3))], abs=1e-4)
    assert net.shares(inputs, ONES[:2]) == {"a": 0.0, "b": 1.0}


def test_shares_are_parts_of_what_is_given_on_average():
    output = Output.fit(make_task(), np.array([[0.0], [1.0]], dtype=np.float32), ONES[:2])
    net = MetaNet({"a": 4, "b": 4}, output, fitted_sharing("ab"))
    with torch.no_grad():
        net.weight[:] = torch.tensor([[1.0], [-2.0]])
    members = {"a": _domain(np.array([3.0, 1.0])), "b": _domain(np.array([1.0, 9.0]), np.array([True, False]))}
    shares = net.shares(net.read(members, output, np.arange(2)), ONES[:2])
    given = (3 / 2**0.5 + 1) / 2, 2 / 2**0.5 / 2
    assert shares == pytest.approx({"a": given[0] / sum(given), "b": given[1] / sum(given)}, abs=1e-3)
    first = net.shares(net.read(members, output, np.arange(2)), np.array([1, 0], dtype=np.float32))
    assert first == pytest.approx({"a": 3 / 5, "b": 2 / 5}, abs=1e-3)  # rows count by their weight
    nobody = {name: replace(one, present=np.zeros(2, dtype=bool)) for name, one in members.items()}
    assert net.shares(net.read(nobody, output, np.arange(2)), ONES[:2]) == {"a": 0.0, "b": 0.0}


def test_clients_with_many_rows_are_not_known_again_by_their_embeddings():
    """Each of 100 clients has 20 rows, one target and an embedding that tells who it is, but nothing of others."""
    draws = np.random.default_rng(0)
    client = np.repeat(np.arange(100), 20)
    label = (draws.random(100) < 0.5).astype(np.float32)[client]
    embedding = draws.normal(0, 1, (100, 32))[client] + draws.normal(0, 0.3, (2000, 32))
    scores = _sigmoid(label - 0.5 + draws.normal(0, 1, 2000))[:, None].astype(np.float32)
    member = DomainVectors(embedding.astype(np.float32), scores, np.ones(2000, dtype=bool))
    split = np.select([client >= 60, client % 5 == 0], ["test", "valid"], "train").astype("<U5")
    arguments = (label[:, None], np.ones(2000, np.float32), split, split != "test", make_task())
    model = train_blend({"a": member}, *arguments, client=client)
    assert model.spec.correction_penalty is None
    test = split == "test"
    assert _auc(label[:, None], model.predict({"a": member}), test) > _auc(label[:, None], scores, test) - 0.01
    few = train_blend({"a": member}, *arguments, client=client % 40)
    assert few.spec.plain_reason.startswith("Only rows of 40 clients to weigh the models on; 50 are needed")


def test_a_handful_of_rare_outcomes_teaches_no_weights(signals):
    left, right, _ = signals
    members = {"left": _domain(left, seed=1), "boosting": _trees(right)}
    split = split_of(ROWS)
    rare = np.zeros((ROWS, 1), dtype=np.float32)
    rare[np.flatnonzero(split == "train")[:30]] = 1
    rare[np.flatnonzero(split == "valid")[:19]] = 1
    model = trained(members, rare, ONES, split, make_task())
    assert (
        model.spec.plain_reason == "Only 19 clients differ in outcome from the others; 20 are needed to learn weights."
    )
    rare[np.flatnonzero(split == "valid")[19]] = 1
    assert trained(members, rare, ONES, split, make_task()).spec.plain_reason is None
    of_two = np.where(rare[:, 0] > 0, np.arange(ROWS) % 2, np.arange(ROWS))  # twenty rows of two clients
    model = train_blend(members, rare, ONES, split, split == "valid", make_task(), client=of_two)
    assert model.spec.plain_reason.startswith("Only 2 clients differ")


@pytest.mark.parametrize("heavy", [0, 1])
def test_rows_count_by_their_weight(heavy, signals):
    left, _, _ = signals
    kind = np.arange(ROWS) // 5 % 2
    target = ((left > 0) == (kind == 0)).astype(np.float32)[:, None]  # of the other kind, the opposite is true
    weight = np.where(kind == heavy, 20, 1).astype(np.float32)
    split = split_of(ROWS)
    vectors = {"left": _domain(left)}
    scores = trained(vectors, target, weight, split, make_task()).predict(vectors)[:, 0]
    assert (np.corrcoef(scores, left)[0, 1] > 0.5) == (heavy == 0)
    assert scores[weight > 1] @ target[weight > 1, 0] > scores[weight == 1] @ target[weight == 1, 0]


def test_what_counts_by_itself_is_beside_the_blend():
    output = Output.fit(make_task(), np.array([[0.0], [1.0]], dtype=np.float32), ONES[:2])
    net = MetaNet({"a": 4, "b": 0}, output, fitted_sharing("ab"))
    logits = np.array([1.0, -2.0])
    members = {"a": _domain(logits), "b": _trees(logits * 5)}
    inputs = net.read(members, output, np.arange(2))
    blend = net(inputs).detach()[:, 0].numpy()
    net.take_alone({"b": 0.25})
    assert net(inputs).detach()[:, 0].numpy() == pytest.approx(0.75 * blend + 0.25 * logits * 5, abs=1e-4)


FOLDS = 5


def folds_of(signal, noise, split, seed=0):
    """What five folds say of a signal, each with noise of its own, as member and fold by fold of the test rows."""
    draws = np.random.default_rng(seed)
    logits = signal + draws.normal(0, noise, (FOLDS, len(signal)))
    own = logits[np.arange(len(signal)) % FOLDS, np.arange(len(signal))]
    rows = unseen_rows(split, 0)
    return _trees(np.where(split == "test", logits.mean(axis=0), own)), [_trees(part[rows]) for part in logits]


@pytest.fixture(scope="module")
def many():
    """Rows whose outcome follows a signal, all but the test rows judged."""
    rows = 20_000
    signal = np.random.default_rng(1).normal(-1, 1.2, rows)
    target = (np.random.default_rng(2).random(rows) < _sigmoid(signal)).astype(np.float32)[:, None]
    return signal, target, np.ones(rows, dtype=np.float32), np.where(np.arange(rows) % 3, "test", "train").astype("<U5")


def slope_of(target, scores, rows):
    return calibration_line(target[rows, 0], scores[rows, 0], np.ones(rows.sum()))[0]


def test_what_the_mean_of_noisy_folds_says_is_as_sure_as_it_may_be(many):
    signal, target, weight, split = many
    split = np.where((split == "train") & (np.arange(len(split)) % 5 == 0), "valid", split)
    member, by_fold = folds_of(signal, 1.0, split)
    unseen = Unseen.of({"boosting": member}, {"boosting": by_fold}, unseen_rows(split, 0))
    arguments = ({"boosting": member}, target, weight, split, split != "test", make_task())
    timid, sure = train_blend(*arguments), train_blend(*arguments, unseen=unseen)
    test = split == "test"
    assert slope_of(target, timid.predict({"boosting": member}), test) > 1.25
    scores = sure.predict({"boosting": member})
    assert slope_of(target, scores, test) == pytest.approx(1, abs=0.05)
    assert scores[test].mean() == pytest.approx(target[test].mean(), abs=0.01)
    own = sure.predict({"boosting": member}, fold=np.where(test, -1, 0))
    assert slope_of(target, own, ~test) == pytest.approx(
        1, abs=0.05
    )  # of one fold each, which calibration was fitted on
    np.testing.assert_array_equal(own[test], scores[test])
    np.testing.assert_array_equal(own[~test], timid.predict({"boosting": member})[~test])


def test_targets_of_unseen_rows_play_no_part(many, tmp_path):
    signal, target, weight, split = many
    split = np.where((split == "train") & (np.arange(len(split)) % 5 == 0), "valid", split)
    member, by_fold = folds_of(signal, 1.0, split)
    unseen = Unseen.of({"boosting": member}, {"boosting": by_fold}, unseen_rows(split, 0))
    other = np.where((split == "test")[:, None], 1 - target, target)
    first, second = (
        train_blend({"boosting": member}, y, weight, split, split != "test", make_task(), unseen=unseen)
        for y in (target, other)
    )
    assert first.data_version == second.data_version
    first.save(tmp_path, {})
    loaded = Metamodel.load(tmp_path)
    assert loaded.spec.averaging == first.spec.averaging
    np.testing.assert_array_equal(loaded.predict({"boosting": member}), first.predict({"boosting": member}))


def test_unseen_rows_are_some_of_the_test_and_the_same_again():
    split = np.where(np.arange(30_000) % 2, "test", "train")
    rows = unseen_rows(split, 3)
    assert len(rows) == len(np.unique(rows)) == 5000
    assert (split[rows] == "test").all()
    np.testing.assert_array_equal(rows, unseen_rows(split, 3))
    np.testing.assert_array_equal(unseen_rows(split[:100], 3), np.arange(1, 100, 2))


def test_a_member_of_one_fold_says_the_same_in_all():
    a, b = _trees(np.arange(4.0)), _trees(np.arange(4.0) * 2)
    rows = np.array([1, 3])
    unseen = Unseen.of({"a": a, "b": b}, {"a": [a.take(rows), b.take(rows)], "b": []}, rows)
    assert [part["b"].scores.tolist() for part in unseen.by_fold] == [b.scores[rows].tolist()] * 2
    assert unseen.by_fold[1]["a"].scores.tolist() == b.scores[rows].tolist()
    assert Unseen.of({"a": a}, {"a": []}, rows) is None
    assert Unseen.of({"a": a}, {"a": [a, a]}, rows[:0]) is None
