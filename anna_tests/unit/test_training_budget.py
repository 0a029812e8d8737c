"""The trainer's budget, by a clock that goes on only when rows are read."""

import numpy as np
import pytest
import torch

from anna_core.models.outputs import Output
from anna_core.models.training.pace import Pace, Work
from anna_core.models.training.trainer import Trainer
from anna_tests.unit.nets_toy import make_sequences, make_task, split_of, train_nets

ROWS = 500  # 300 to train, 100 to validate
EPOCH = 350.0  # seconds of an epoch where a row takes one to train on and half of one to validate on


class Clock:
    """Seconds of which each row trained on takes one, and any other a half, times `slowness` of the seconds so far."""

    def __init__(self, slowness=lambda seconds: 1.0):
        self.seconds, self.slowness = 0.0, slowness

    def __call__(self):
        return self.seconds

    def read(self, rows):
        self.seconds += rows * self.slowness(self.seconds)


@pytest.fixture
def train(monkeypatch):
    """Trains on noise with a budget; gives the weights, the reports, the clock and the trainer."""
    sequences = make_sequences([5] * ROWS)
    target = (np.random.default_rng(0).random((ROWS, 1)) < 0.5).astype(np.float32)
    plain_loss = Output.loss

    def run(budget, epochs=6, clock=None):
        clock = clock or Clock()
        trainers = []

        def loss(self, logits, target):
            clock.read(len(target) if logits.requires_grad else len(target) / 2)
            return plain_loss(self, logits, target)

        class Timed(Trainer):
            def __init__(self, *arguments):
                super().__init__(*arguments, clock=clock)
                trainers.append(self)

            def run(self, on_epoch, limit=None):
                return super().run(on_epoch, budget)

        monkeypatch.setattr(Output, "loss", loss)
        monkeypatch.setattr("anna_core.models.training.domain.Trainer", Timed)
        task = make_task(net={"dropout": 0.2}, training={"epochs": epochs, "patience": 100, "folds": 1})
        weight = np.ones(ROWS, dtype=np.float32)
        model = train_nets(sequences, target, weight, split_of(ROWS), task, threads=1)
        weights = torch.cat([value.ravel().float() for value in model.net.state_dict().values()])
        return weights, model.curves, clock, trainers[-1]

    return run


def test_a_budget_that_does_not_bind_changes_nothing(train):
    free, reports, _, _ = train(None)
    bound, with_budget, _, _ = train(100 * EPOCH)
    assert torch.equal(free, bound)
    assert [r.valid_metric for r in reports] == [r.valid_metric for r in with_budget]
    assert not any(r.bound for r in with_budget)


def test_a_binding_budget_gives_what_fewer_epochs_give(train):
    weights, reports, clock, _ = train(3.8 * EPOCH)
    assert [(r.epoch, r.epochs, r.bound) for r in reports] == [(1, 3, True), (2, 3, True), (3, 3, True)]
    assert clock.seconds <= 3.8 * EPOCH
    assert reports[-1].seconds_left == 0
    fewer, _, _, _ = train(None, epochs=3)
    assert torch.equal(weights, fewer)


@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_where_no_epoch_fits_the_training_ends_within_one(train, share):
    _, reports, clock, trainer = train(share * EPOCH)
    (report,) = reports
    assert report.bound
    assert (report.epoch, report.epochs) == (1, 1)
    assert 0 < report.passed < 1
    assert clock.seconds <= 1.1 * share * EPOCH
    assert trainer.schedule.finished
    assert trainer.optimiser.param_groups[0]["lr"] < 0.25 * trainer.task.training.learning_rate  # of two steps: 0.22


def test_a_budget_that_is_nothing_still_gives_a_net(train):
    _, reports, _, trainer = train(1e-6)
    assert len(reports) == 1
    assert trainer.schedule.step == 1


@pytest.mark.parametrize("slow_after", [0.5, 1.2, 2.5, 4.1])
def test_a_training_that_slows_down_gives_up_epochs(train, slow_after):
    clock = Clock(lambda seconds: 3.0 if seconds > slow_after * EPOCH else 1.0)
    _, reports, clock, trainer = train(7 * EPOCH, clock=clock)
    assert clock.seconds <= 1.1 * 7 * EPOCH
    assert clock.seconds >= 0.6 * 7 * EPOCH
    assert reports[-1].epochs < 6
    assert reports[-1].epoch == reports[-1].epochs
    assert reports[-1].bound
    assert trainer.schedule.finished
    assert trainer.optimiser.param_groups[0]["lr"] < 0.15 * trainer.task.training.learning_rate


def test_a_pause_ends_the_epoch_under_way(train):
    clock = Clock(lambda seconds: 30.0 if 2.3 * EPOCH < seconds < 2.4 * EPOCH else 1.0)
    _, reports, clock, _ = train(7 * EPOCH, clock=clock)
    assert len(reports) < 6
    assert reports[-1].bound


def _pace(budget):
    pace = Pace(Work(steps=10, events=1000, valid_events=200), budget)
    pace.trained(seconds=10.0, steps=10, events=1000)
    pace.validated(2.0)
    return pace


def test_plan_by_hand():
    pace = _pace(budget=100.0)  # of which 95 seconds are planned with; an epoch takes 12
    assert pace.seconds_left(epochs=2, epoch_left=0.5) == pytest.approx(2 * 12 + 5 + 2)
    assert pace.plan(spent=0.0, epochs=20, epoch_left=0.0) == (7, 0.0)
    assert pace.plan(spent=0.0, epochs=3, epoch_left=0.0) == (3, 0.0)
    assert pace.plan(spent=10.0, epochs=20, epoch_left=0.5) == (6, 0.5)  # 95 - 10 - 7 = 78 seconds for whole epochs
    whole, share = pace.plan(spent=90.0, epochs=20, epoch_left=0.5)
    assert (whole, share) == (0, pytest.approx(0.3))  # 3 of 10 seconds, and 2 to validate
    assert pace.plan(spent=99.0, epochs=20, epoch_left=0.5) == (0, 0.0)
    assert pace.fits(spent=99.0 - 11, epochs=1, epoch_left=0.0)
    assert not pace.fits(spent=101.0 - 12, epochs=1, epoch_left=0.0)


def test_the_speed_is_that_of_late():
    pace = _pace(budget=100.0)
    for _ in range(100):
        pace.trained(seconds=3.0, steps=1, events=100)
    assert pace.seconds_left(epochs=1, epoch_left=0.0) == pytest.approx(30 + 2, rel=0.01)
