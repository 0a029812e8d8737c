"""The search for a learning rate."""

from math import log2

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from anna_core.errors import TrainingError
from anna_core.models.training.learning_rate import Trial, find_rate
from anna_core.models.training.trainer import Trainer
from anna_core.tasks.training import USUAL_RATE, TrainingSpec
from anna_tests.unit.nets_toy import make_sequences, make_task, order_signal, split_of, train_nets

ROWS = 400


def losses_around(best, noise=0.01, depth=1.0):
    """Losses of 300 rows whose mean is least at a rate, rows differing by the same noise at every rate."""

    def train(rate):
        tried.append(rate)
        mean = depth * abs(log2(rate / best))
        values = 1 + mean + noise * np.random.default_rng(len(tried)).standard_normal(300)
        return Trial(rate, values, np.arange(300))

    tried = []
    return train, tried


@pytest.mark.parametrize(
    ("best", "steps", "trials"),
    [
        (USUAL_RATE, 0, 3),
        (USUAL_RATE / 2, -1, 3),
        (USUAL_RATE / 16, -4, 6),
        (2 * USUAL_RATE, 1, 4),
        (16 * USUAL_RATE, 4, 7),
    ],
)
def test_the_rate_is_halved_or_doubled_for_as_long_as_that_helps(best, steps, trials):
    train, tried = losses_around(best)
    assert find_rate(train) == USUAL_RATE * 2.0**steps
    assert len(tried) == trials
    assert tried[:2] == [USUAL_RATE, USUAL_RATE / 2]


@pytest.mark.parametrize(("gain", "found"), [(0.02, USUAL_RATE), (0.04, USUAL_RATE / 2)])
def test_another_rate_has_to_be_better_by_a_standard_error(gain, found):
    rows = np.arange(300)
    differs = np.where(rows % 2, 0.5, -0.5)  # the standard error of their mean is 0.029
    losses = {USUAL_RATE: 0 * differs, USUAL_RATE / 2: differs - gain}
    assert find_rate(lambda rate: Trial(rate, 5 + losses.get(rate, 1 + differs), rows)) == found


def test_rows_of_a_client_are_one_when_rates_are_compared():
    better = np.repeat([-1.0, 1.0, -1.0], 100)  # two clients gain what one loses
    many, few = np.arange(300), np.repeat(np.arange(3), 100)
    losses = {USUAL_RATE: 0 * better, USUAL_RATE / 2: better}
    assert find_rate(lambda rate: Trial(rate, 5 + losses.get(rate, 1 + better), many)) == USUAL_RATE / 2
    assert find_rate(lambda rate: Trial(rate, 5 + losses.get(rate, 1 + better), few)) == USUAL_RATE


def test_a_model_of_the_found_rate_is_that_of_the_same_fixed_rate():
    sequences, target = order_signal(ROWS)
    told = []

    def train(rate, on_epoch=lambda report: None):
        task = make_task(net={"numbers": "log"}, training={"folds": 1, "seeds": 2, "learning_rate": rate})
        return train_nets(sequences, target, np.ones(ROWS, np.float32), split_of(ROWS), task, on_epoch, threads=1)

    found = train("auto", told.append)
    [rate] = {report.learning_rate for report in found.curves}
    assert rate > USUAL_RATE  # four epochs of few rows leave a net at the usual rate where it began
    fixed = train(rate)
    assert found.data_version == fixed.data_version
    assert [(one.net, one.nets, one.epoch, one.valid_loss) for one in found.curves] == [
        (one.net, one.nets, one.epoch, one.valid_loss) for one in fixed.curves
    ]
    trials = [report.learning_rate for report in told if report.epoch == 1]
    assert trials[:3] == [USUAL_RATE, USUAL_RATE / 2, 2 * USUAL_RATE]
    assert sorted({report.net for report in told}) == list(range(1, len(trials) + 1))
    assert told[-1].net == told[-1].nets == len(trials)
    assert told[-1].seconds_left == 0


def diverging_unless(good, monkeypatch):
    """Make every training's weights NaN after its first epoch, but at rates that are good; gives the rates tried."""
    rates = []

    class Diverging(Trainer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            rates.append(self.rate)

        def _epoch(self, epoch):
            found = super()._epoch(epoch)
            if not good(self.rate):
                for parameter in self.net.parameters():
                    parameter.data.fill_(torch.nan)
            return found

    monkeypatch.setattr("anna_core.models.training.domain.Trainer", Diverging)
    return rates


@pytest.mark.parametrize(
    ("good", "tried", "taken"),
    [
        (lambda rate: rate == USUAL_RATE, [1, 0.5, 2], 1),
        (lambda rate: rate < USUAL_RATE, [1, 0.5, 0.25], 0.5),
    ],
)
def test_rates_at_which_the_training_diverges_are_passed_over(good, tried, taken, monkeypatch):
    rates = diverging_unless(good, monkeypatch)
    sequences, target = order_signal(ROWS)
    task = make_task(training={"folds": 1, "learning_rate": "auto"})
    model = train_nets(sequences, target, np.ones(ROWS, np.float32), split_of(ROWS), task, threads=1)
    assert rates == [USUAL_RATE * step for step in tried]
    assert {report.learning_rate for report in model.curves} == {USUAL_RATE * taken}
    assert all(torch.isfinite(value).all() for value in model.net.state_dict().values())


def test_a_training_that_diverges_at_all_rates_says_so(monkeypatch):
    rates = diverging_unless(lambda rate: False, monkeypatch)
    sequences, target = order_signal(ROWS)
    task = make_task(training={"folds": 1, "learning_rate": "auto"})
    with pytest.raises(TrainingError, match=r"diverged.*now 0.003"):
        train_nets(sequences, target, np.ones(ROWS, np.float32), split_of(ROWS), task, threads=1)
    assert rates == [USUAL_RATE, USUAL_RATE / 2, USUAL_RATE * 2]


def test_trials_share_the_budget_with_the_nets(monkeypatch):
    shares = []

    class Counted(Trainer):
        def run(self, on_epoch, budget=None):
            shares.append(budget)
            return super().run(on_epoch, None)

    monkeypatch.setattr("anna_core.models.training.domain.Trainer", Counted)
    sequences = make_sequences([5] * ROWS)
    target = (np.random.default_rng(0).random((ROWS, 1)) < 0.5).astype(np.float32)
    task = make_task(training={"folds": 1, "seeds": 2, "epochs": 1, "learning_rate": "auto", "budget": 4000})
    train_nets(sequences, target, np.ones(ROWS, np.float32), split_of(ROWS), task, threads=1)
    assert max(shares[:-1]) == pytest.approx(1000, rel=0.01)  # three trials and the second net
    assert shares[-1] == pytest.approx(4000, rel=0.05)  # a second's work is done, all the rest is the last net's


def test_another_word_than_auto_is_refused():
    assert TrainingSpec(learning_rate="auto").learning_rate == "auto"
    with pytest.raises(ValidationError, match="learning_rate"):
        TrainingSpec(learning_rate="found")
