from dataclasses import replace
from types import SimpleNamespace

import dagster as dg
import pytest

from anna_assets.epoch_listener import follow
from anna_core.models.progress import EpochReport

KEY = dg.AssetKey(["model", "cards"])
REPORT = EpochReport(
    3, 12, 0.51, 0.52, "roc_auc", 0.61234, 12345.6, 95.4, best=True, net=2, nets=5, learning_rate=0.0015
)


@pytest.fixture
def told():
    """What a listener told: log lines, observations and reports to MLflow."""
    lines, observed, kept = [], [], []
    context = SimpleNamespace(
        log=SimpleNamespace(info=lines.append), log_event=observed.append, partition_key="churn.2024q1"
    )
    listener = follow(context, KEY, SimpleNamespace(log_epoch=kept.append))
    return listener, lines, observed, kept


def test_an_epoch_is_a_line_an_observation_and_a_point(told):
    listener, lines, observed, kept = told
    listener(REPORT)
    line = (
        "net 2/5  epoch 3/12  roc_auc 0.6123 (kept)  loss 0.5100/0.5200  learning rate 0.0015  12,346 events/s  "
        "at most 0:01:35 left"
    )
    assert lines == [line]
    [observation] = observed
    assert (observation.asset_key, observation.partition, observation.description) == (KEY, "churn.2024q1", line)
    assert {name: observation.metadata[name].value for name in ("net", "nets", "epoch", "valid_metric")} == {
        "net": 2, "nets": 5, "epoch": 3, "valid_metric": 0.61234,
    }  # fmt: skip
    assert kept == [REPORT]


def test_a_single_net_is_not_counted_a_shortened_training_says_so_and_nan_is_left_out(told):
    listener, lines, observed, _ = told
    listener(replace(REPORT, net=1, nets=1, best=False, bound=True, valid_metric=float("nan")))
    assert lines[0].startswith("epoch 3/12  roc_auc nan  loss")
    assert lines[0].endswith("left  shortened to fit the budget")
    assert "valid_metric" not in observed[0].metadata
