"""Cross-fitting: several nets a domain, none of which judges a row that it was fitted on."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from anna_core.models.device import choose_device
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.rows import usable_folds
from anna_core.models.trees.training import train_boosting
from anna_tests.unit.nets_toy import make_sequences, make_task, train_nets

ROWS = 400
FOLDS = 3


@pytest.fixture(scope="module")
def toy():
    """Rows whose target is whether they have a few events or many, with noise; a fifth of them for the test."""
    draws = np.random.default_rng(5)
    length = draws.integers(0, 30, ROWS)
    target = (length + draws.normal(0, 5, ROWS) > 15).astype(np.float32)[:, None]
    fold = np.where(np.arange(ROWS) % 5 == 4, -1, np.arange(ROWS) % FOLDS).astype(np.int8)
    split = np.select([fold < 0, fold == 0], ["test", "valid"], "train").astype("<U5")
    return make_sequences(length), target, np.ones(ROWS, dtype=np.float32), split, fold


def train(toy, target=None, seeds=1, **settings):
    sequences, truth, weight, split, fold = toy
    task = make_task(training={"epochs": 3, "seeds": seeds, **settings})
    return train_nets(sequences, truth if target is None else target, weight, split, task, fold=fold)


def test_each_row_is_scored_by_nets_that_were_not_fitted_on_it(toy):
    sequences, target, _, split, fold = toy
    model = train(toy)
    assert model.spec.folds == len(model.net.nets) == FOLDS
    scores = model.predict(sequences, fold=fold).scores[:, 0]
    for k in range(FOLDS):
        alone = model.predict(sequences, fold=np.full(ROWS, k)).scores[:, 0]
        close = 1e-6 if choose_device().type == "cpu" else 1e-3  # cuDNN's TF32 depends on a batch's other rows
        assert scores[fold == k] == pytest.approx(alone[fold == k], abs=close)
        assert np.abs(alone - model.predict(sequences).scores[:, 0]).max() > 1e-3
    for rows in (split == "test", split != "test"):
        assert roc_auc_score(target[rows, 0], scores[rows]) > 0.8


def test_a_fold_changes_no_weight_of_its_own_net_in_the_first_epoch(toy):
    _, target, _, _, fold = toy
    changed = target.copy()
    changed[fold == 2] = target[fold == 2][::-1]  # as many of each class, for all nets start from the base rate
    assert (changed != target).any()
    first, second = (train(toy, y, epochs=1).net.nets[2].state_dict() for y in (target, changed))
    assert all((first[name] == second[name]).all() for name in first)


def test_the_same_seed_gives_the_same_nets_and_a_bundle_gives_them_back(toy, tmp_path):
    sequences, *_, fold = toy
    model = train(toy, seeds=2)
    assert len(model.net.nets) == 2 * FOLDS
    assert model.data_version == train(toy, seeds=2).data_version
    model.save(tmp_path, {})
    loaded = DomainModel.load(tmp_path)
    ours, theirs = model.predict(sequences, fold=fold), loaded.predict(sequences, fold=fold)
    assert (ours.scores == theirs.scores).all()
    assert (ours.embedding == theirs.embedding).all()
    assert [report.net for report in loaded.best] == [1, 2, 3, 4, 5, 6]


def test_embeddings_of_different_nets_lie_in_the_same_coordinates(toy):
    sequences, *_ = toy
    model = train(toy)
    rows = sequences.length > 0
    first, second = (model.predict(sequences, fold=np.full(ROWS, k)).embedding[rows] for k in (0, 1))
    apart = ((first - second) ** 2).sum() / ((first - first.mean(axis=0)) ** 2).sum()
    assert apart < 0.3
    shuffled = ((first - np.roll(second, 1, axis=0)) ** 2).sum() / ((first - first.mean(axis=0)) ** 2).sum()
    assert shuffled > 1


def test_progress_counts_all_nets(toy):
    seen = []
    sequences, target, weight, split, fold = toy
    train_nets(sequences, target, weight, split, make_task(training={"epochs": 2}), on_epoch=seen.append, fold=fold)
    assert [(report.net, report.epoch) for report in seen] == [(net, epoch) for net in (1, 2, 3) for epoch in (1, 2)]
    assert {report.nets for report in seen} == {FOLDS}
    assert seen[-1].seconds_left == 0
    assert seen[0].seconds_left > 0


def test_a_domain_whose_rows_are_too_few_for_the_folds_of_the_sample_is_left_out(toy):
    sequences, target, weight, split, fold = toy
    length = np.where((fold == 1) & (split != "test"), 0, sequences.length)
    thin = replace(sequences, length=length.astype(sequences.length.dtype))
    model = train_nets(thin, target, weight, split, make_task(), fold=fold)
    assert model.is_empty
    assert "too few to be divided into 3 folds" in model.spec.empty_reason
    assert model.spec.folds == FOLDS  # the other members keep theirs


def test_folds_that_will_not_do_leave_the_first_alone():
    target = np.array([[0], [1], [0], [1]], dtype=np.float32)
    assert usable_folds(np.array([0, 0, 1, 1]), target) == 2
    assert usable_folds(np.array([0, 0, 1, 2]), target) == 3
    assert usable_folds(np.array([0, 0, 2, 2]), target) == 1  # nobody is in fold 1
    assert usable_folds(np.array([0, 1, 1, 1]), np.array([[1], [0], [0], [1]])) == 1  # one row outside fold 1
    assert usable_folds(np.array([0, 1, 0, 1]), np.array([[1], [0], [1], [0]])) == 0  # one class outside either fold
    assert usable_folds(np.array([-1, -1, 0, 0]), target) == 1
    assert usable_folds(np.array([-1, -1]), target[:2]) == 0


def test_a_hundred_thousand_categories_and_a_constant_number_make_a_sane_model():
    draws = np.random.default_rng(0)
    length = draws.integers(1, 30, ROWS)
    kinds = draws.integers(1, 60_000, length.sum())  # uint16 in the toy
    sequences = make_sequences(length, kinds, np.full(length.sum(), 7.0), cardinality=100_000)
    target = (length > 15).astype(np.float32)[:, None]
    fold = np.arange(ROWS) % FOLDS
    split = np.where(fold == 0, "valid", "train")
    weight = np.ones(ROWS, dtype=np.float32)
    task = make_task()
    net = train_nets(sequences, target, weight, split, task, fold=fold)
    assert sum(parameter.numel() for parameter in net.net.nets[0].parameters()) < 500_000
    trees = train_boosting([sequences], target, weight, split, fold, task, threads=1)
    for scores in (net.predict(sequences, fold=fold).scores, trees.predict([sequences], 1, fold)):
        assert roc_auc_score(target[:, 0], scores[:, 0]) > 0.8
