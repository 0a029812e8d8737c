import numpy as np
import pytest
import torch

from anna_core.metrics.registry import get_metric
from anna_core.models.training.epoch_choice import EpochChoice


def _choice(target, metric="roc_auc", weight=None, client=None):
    weight = np.ones(len(target)) if weight is None else weight
    client = np.arange(len(target)) if client is None else client
    target = np.asarray(target, dtype=np.float32)[:, None]
    return EpochChoice(get_metric(metric, "binary"), target, weight, seed=0, client=client)


def _offers(choice, *epochs):
    """Offer scores (n,), each with its log loss, or (scores, losses); gives the epochs that were kept."""
    net, kept = torch.nn.Linear(1, 1), []
    for number, epoch in enumerate(epochs, start=1):
        scores, losses = epoch if isinstance(epoch, tuple) else (epoch, _log_losses(choice, epoch))
        with torch.no_grad():
            net.weight.fill_(number)
        if choice.offer(number, np.asarray(scores, dtype=np.float32)[:, None], losses, net)[1]:
            kept.append(number)
    assert float(choice.weights["weight"]) == choice.epoch == kept[-1]
    return kept


def _log_losses(choice, scores):
    return -np.log(np.where(choice._target[:, 0] == 1, scores, 1 - scores))


def _noisy(target, noise, seed):
    logits = np.where(target == 1, 1.0, -1.0) + np.random.default_rng(seed).normal(0, noise, len(target))
    return 1 / (1 + np.exp(-logits))


def test_a_clearly_better_epoch_stays_kept():
    target = np.arange(2000) % 2
    good, bad = _noisy(target, 1, seed=1), _noisy(target, 6, seed=2)
    assert _offers(_choice(target), bad, good, bad, bad) == [1, 2]


def test_of_epochs_that_differ_by_chance_the_latest_is_kept():
    target = np.arange(2000) % 2
    base = _noisy(target, 2, seed=1)
    nearly = base + np.random.default_rng(2).normal(0, 1e-3, len(base))
    value = [get_metric("roc_auc", "binary")(target[:, None].astype(float), x[:, None]) for x in (base, nearly)]
    first, second = (base, nearly) if value[0] > value[1] else (nearly, base)
    assert _offers(_choice(target), first, second) == [1, 2]


def test_a_lucky_epoch_of_few_positives_does_not_stop_the_training():
    # Four positives of 4,000 rows: one that comes to lie a little lower moves the AUC, and is no reason to go back.
    target = np.zeros(4000)
    target[:4] = 1
    scores = np.full(4000, 1e-3) + np.linspace(0, 1e-4, 4000)
    lucky, later = scores.copy(), scores.copy()
    lucky[:4] += [5e-5, 6e-5, 5e-5, 9e-5]
    later[:4] += [8e-5, 6e-5, 1e-5, 9e-5]
    metric = get_metric("roc_auc", "binary")
    assert metric(target[:, None], lucky[:, None]) > metric(target[:, None], later[:, None])
    assert _offers(_choice(target), lucky, later) == [1, 2]


def test_loss_decides_between_epochs_of_like_metric():
    target = np.arange(1000) % 2
    scores = _noisy(target, 1, seed=1)
    losses = _log_losses(_choice(target), scores)
    more = losses * 1.2
    assert _offers(_choice(target), (scores, losses), (scores, more), (scores, losses)) == [1, 3]


def test_a_metric_of_which_less_is_better():
    target = np.arange(2000) % 2
    good, bad = _noisy(target, 1, seed=1), _noisy(target, 6, seed=2)
    assert _offers(_choice(target, "log_loss"), good, bad) == [1]


def test_rows_of_one_class_are_judged_by_the_loss():
    target = np.zeros(500)
    spread = np.random.default_rng(0).uniform(0.5, 1.5, 500)
    assert _offers(_choice(target), 0.2 * spread, 0.1 * spread, 0.3 * spread) == [1, 2]


def test_weights_are_respected():
    target = np.arange(2000) % 2
    weighed = np.arange(2000) < 1000
    good, bad = _noisy(target, 1, seed=1), _noisy(target, 6, seed=2)
    first, second = np.where(weighed, good, bad), np.where(weighed, bad, good)
    for weight, kept in ((np.where(weighed, 100, 1), [1]), (np.where(weighed, 1, 100), [1, 2])):
        assert _offers(_choice(target, weight=weight), first, second) == kept


def test_the_value_is_the_metric():
    target = np.arange(100) % 2
    scores = _noisy(target, 2, seed=0)[:, None]
    choice = _choice(target)
    value, kept = choice.offer(1, scores, _log_losses(choice, scores[:, 0]), torch.nn.Linear(1, 1))
    assert kept
    assert value == pytest.approx(get_metric("roc_auc", "binary")(target[:, None], scores))


def test_rows_of_one_client_are_one_witness():
    target = np.arange(100) % 2
    good, slightly_worse = _noisy(target, 1, seed=2), _noisy(target, 1.2, seed=12)
    rows = [np.repeat(values, 20) for values in (target, good, slightly_worse)]
    assert _offers(_choice(rows[0]), rows[1], rows[2]) == [1]
    assert _offers(_choice(rows[0], client=np.repeat(np.arange(100), 20)), rows[1], rows[2]) == [1, 2]
