import numpy as np
import pytest

from anna_core.models.cross_validation import chances_to_be_best


def losses(*means, rows=400, noise=1.0):
    """Losses (C, n) of models of these mean losses, the same rows being hard for all."""
    draws = np.random.default_rng(0)
    hard = draws.exponential(size=rows)
    return np.stack([hard + noise * (one := draws.normal(size=rows)) - noise * one.mean() + mean for mean in means])


def test_a_model_that_is_surely_better_has_every_chance_and_equal_ones_share_it():
    rows = np.arange(400)
    assert chances_to_be_best(losses(0.0, 5.0), rows, 0).tolist() == [1, 0]
    assert chances_to_be_best(losses(0.0, 0.0), rows, 0) == pytest.approx([0.5, 0.5], abs=0.08)
    # by 0.07, with a standard error of root 2 / root 400: one of them
    assert chances_to_be_best(losses(0.0, 0.07), rows, 0) == pytest.approx([0.84, 0.16], abs=0.06)
    assert chances_to_be_best(losses(1.0), rows, 0).tolist() == [1]


def test_rows_of_one_client_are_not_taken_for_many():
    found = losses(0.0, 0.07)
    alone = chances_to_be_best(found, np.arange(400), 0)
    repeated = chances_to_be_best(found.repeat(25, axis=1), np.arange(400).repeat(25), 0)
    assert repeated == pytest.approx(alone, abs=0.01)
    naive = chances_to_be_best(found.repeat(25, axis=1), np.arange(10_000), 0)
    assert naive[0] > 0.99


def test_the_same_seed_gives_the_same_chances():
    found, rows = losses(0.0, 0.0, 0.05), np.arange(400)
    assert chances_to_be_best(found, rows, 3).tolist() == chances_to_be_best(found, rows, 3).tolist()
    assert chances_to_be_best(found, rows, 3).sum() == pytest.approx(1)
