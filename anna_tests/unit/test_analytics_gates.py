"""The gates, each with what passes and what does not."""

import numpy as np
import pytest

from anna_core.analytics import gates
from anna_core.analytics.gates import Rows
from anna_core.analytics.held_out import HeldOut
from anna_core.domains import Domain
from anna_core.metrics.stability import chance, psi
from anna_core.tasks.task import Task, TaskType

BINARY = Task(name="churn", type=TaskType.BINARY, metric="roc_auc")
NUMBER = Task(name="spend", type=TaskType.REGRESSION, metric="r2")


def held_out(target: np.ndarray) -> HeldOut:
    count = len(target)
    return HeldOut(np.ones(count, dtype=bool), target[:, None].astype(np.float32), np.ones(count), np.arange(count))


def drawn(count: int = 4_000, seed: int = 0) -> tuple[HeldOut, np.ndarray, np.ndarray]:
    """Held-out rows, their true logits (n,) and probabilities (n, 1)."""
    random = np.random.default_rng(seed)
    logit = random.normal(-1, 1.2, count)
    p = 1 / (1 + np.exp(-logit))
    return held_out((random.random(count) < p).astype(float)), logit, p[:, None]


def test_a_calibrated_model_passes_and_one_that_is_too_sure_does_not():
    rows, logit, p = drawn()
    assert gates.calibrated(BINARY, rows, p).passed
    sure = 1 / (1 + np.exp(-2 * logit))[:, None]
    refused = gates.calibrated(BINARY, rows, sure)
    assert not refused.passed
    assert "far from 1: 0.5" in refused.told


def test_few_rows_are_seldom_refused_by_chance_and_too_few_always():
    found = [gates.calibrated(BINARY, rows, p).passed for rows, _, p in (drawn(120, seed) for seed in range(30))]
    assert np.mean(found) >= 0.9
    rows, _, p = drawn(12, seed=1)
    none = gates.calibrated(BINARY, rows, p)
    assert not none.passed
    assert none.told.startswith("It cannot be told")


@pytest.mark.parametrize(("shift", "passed"), [(0.0, True), (0.05, True), (0.5, False)])
def test_a_number_is_right_on_the_mean(shift, passed):
    random = np.random.default_rng(0)
    target = random.normal(size=4_000)
    scores = (target + random.normal(size=4_000) + shift)[:, None]
    assert gates.calibrated(NUMBER, held_out(target), scores).passed is passed


def test_a_champion_that_is_better_beyond_chance_stops_a_candidate_and_a_like_one_does_not():
    rows, logit, p = drawn()
    noise = np.random.default_rng(5).normal(size=(len(logit), 1))
    worse = 1 / (1 + np.exp(-(logit[:, None] + 1.5 * noise)))
    assert gates.not_worse(BINARY, None, "").passed
    assert gates.not_worse(BINARY, Rows(rows, p, p), "churn.q1").passed
    assert gates.not_worse(BINARY, Rows(rows, p, worse), "churn.q1").passed
    refused = gates.not_worse(BINARY, Rows(rows, worse, p), "churn.q1")
    assert not refused.passed
    assert "Beside the champion churn.q1, on 4,000 held-out rows" in refused.told
    few = HeldOut(rows.rows[:12], rows.target[:12], rows.weight[:12], rows.client[:12])
    assert not gates.not_worse(BINARY, Rows(few, p[:12], p[:12]), "churn.q1").passed


def test_the_stability_index_is_that_of_the_textbook_and_seldom_large_by_chance():
    reference = np.arange(1_000) / 1_000
    assert psi(reference, reference) == 0
    half = np.concatenate([reference[reference < 0.5]] * 2)  # the upper five bins have half a row each
    shares = np.array([0.2] * 5 + [0.0005] * 5)
    shares /= shares.sum()
    expected = ((shares - 0.1) * np.log(shares / 0.1)).sum()
    assert psi(reference, half) == pytest.approx(expected, rel=0.02)
    random = np.random.default_rng(0)
    above = [psi(*(random.normal(size=size) for size in (400, 300))) > chance(400, 300) for _ in range(400)]
    assert 0.02 < np.mean(above) < 0.09


def test_scores_that_moved_are_not_stable_and_equal_ones_are():
    random = np.random.default_rng(0)
    rest, same, moved = (random.normal(mean, size=(3_000, 1)) for mean in (0, 0, 0.8))
    assert gates.stable(rest, same).passed
    assert not gates.stable(rest, moved).passed
    assert gates.stable(np.zeros((50, 1)), np.zeros((9, 1))).passed
    assert not gates.stable(rest, rest[:0]).passed


def test_code_that_nobody_can_install_again_does_not_pass():
    assert gates.code_known("0.1.0+5f0c1a2b", "0.1.0+5f0c1a2b").passed
    assert not gates.code_known("unknown+5f0c1a2b", "unknown+5f0c1a2b").passed
    assert not gates.code_known("0.1.0+5f0c1a2b", "0.1.0+00000000").passed


def test_domains_must_be_there_as_they_were():
    cards = Domain.model_validate(
        {"name": "cards", "source": {"path": "x"}, "fields": {"mcc": "categorical"}, "lookback": "60d", "max_length": 9}
    )
    more = cards.model_copy(update={"fields": {**cards.fields, "amount": "numeric"}})
    other = cards.model_copy(update={"max_length": 10})
    assert gates.domains_there([cards], {"cards": more}).passed
    assert "no domain cards any more" in gates.domains_there([cards], {}).told
    assert not gates.domains_there([cards], {"cards": other}).passed
    assert not gates.domains_there([more], {"cards": cards}).passed
