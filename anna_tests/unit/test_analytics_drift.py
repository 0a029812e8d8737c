"""Drift of events and scores: each client counts alike, and what did not move is not said to have."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from anna_core.analytics.drift import drift_by_chance, field_drift, shares_of
from anna_core.analytics.monitoring import Monitoring, Moves, moves
from anna_core.analytics.trend_plot import trend_plot
from anna_core.metrics.stability import psi
from anna_core.periods import Period
from anna_core.scoring.published import published
from anna_resources.artifacts.monitoring import PeriodMonitoring
from anna_tests.unit.nets_toy import make_sequences

MARCH = dt.date(2024, 3, 1)


def test_shares_are_of_a_client_s_events_and_their_mean_over_the_clients():
    # Two windows that overlap: events 0 to 3 and 2 to 5; then a client without events.
    whole = make_sequences([4, 4, 0], kinds=[1, 1, 1, 2, 2, 2, 2, 2], amounts=[1, 2, np.nan, 4, 5, 6, 7, 8])
    overlapping = replace(whole, start=np.array([0, 2, 0]), length=np.array([4, 4, 0], dtype=np.int32))
    found = shares_of(overlapping)
    assert (found.rows, found.covered, found.events) == (3, pytest.approx(2 / 3), 4)
    kind = found.fields["kind"]
    assert dict(zip(kind.codes, kind.shares[:-1], strict=True)) == {
        2: pytest.approx((1 / 4 + 3 / 4) / 2),
        1: pytest.approx((3 / 4 + 1 / 4) / 2),
    }
    assert kind.shares[-1] == pytest.approx(0)
    assert found.fields["amount"].shares[-1] == pytest.approx((1 / 4 + 1 / 4) / 2)  # missing
    for field in found.fields.values():
        assert sum(field.shares) == pytest.approx(1)


def test_what_is_drawn_alike_has_not_moved_and_what_is_not_has_by_its_field():
    reference = shares_of(make_sequences(np.full(2_000, 8), seed=0))
    alike = make_sequences(np.full(2_000, 8), seed=1)
    still = field_drift(reference, shares_of(alike, reference))
    assert set(still) == {"kind", "online", "amount"}
    assert max(still.values()) < 0.01
    total = len(alike.event_time)
    richer = {**alike.columns, "amount": alike.columns["amount"] + 150}
    coded = {**alike.columns, "kind": np.full(total, 9, dtype=np.uint16)}  # a code that nobody had
    assert field_drift(reference, shares_of(replace(alike, columns=richer), reference))["amount"] > 0.5
    moved = field_drift(reference, shares_of(replace(alike, columns=coded), reference))
    assert moved["kind"] > 1
    assert moved["amount"] == still["amount"]
    assert np.isfinite(list(moved.values())).all()


def test_what_falls_below_the_smallest_value_that_most_have_is_seen():
    assert psi(np.full(500, 0.5), np.full(500, 0.1)) > 1
    assert psi(np.full(500, 0.5), np.full(500, 0.5)) == 0
    most = np.concatenate([np.zeros(450), np.linspace(1, 100, 50)])
    assert psi(most, np.where(most == 0, -1.0, most)) > 1
    assert psi(most, np.repeat(most, 1_000)) == pytest.approx(0, abs=1e-9)
    lengths = np.full(200, 4)
    free = make_sequences(lengths, amounts=np.zeros(lengths.sum()))
    charged = make_sequences(lengths, amounts=np.full(lengths.sum(), -1.0))
    reference = shares_of(free)
    assert field_drift(reference, shares_of(free, reference))["amount"] == 0
    assert field_drift(reference, shares_of(charged, reference))["amount"] > 1


def test_of_fields_of_many_codes_and_few_clients_few_move_by_chance():
    random, codes, moved = np.random.default_rng(0), 1 / np.arange(1, 61), []
    lengths = np.concatenate([np.ones(200, dtype=int), np.zeros(1_800, dtype=int)])  # a tenth has an event

    def month():
        return make_sequences(lengths, kinds=random.choice(60, 200, p=codes / codes.sum()), amounts=np.ones(200))

    for _ in range(100):
        reference = shares_of(month())
        found = shares_of(month(), reference)
        moved.append(field_drift(reference, found)["kind"] > drift_by_chance(reference, found)["kind"])
    assert sum(moved) <= 20  # as few clients are far from the law of large numbers; by the limit of ten bins all move


def test_a_domain_that_nobody_is_in_any_more_is_told_by_its_coverage():
    reference = shares_of(make_sequences([3, 0, 2, 1]))
    gone = shares_of(make_sequences([0, 0]), reference)
    assert (reference.covered, gone.covered, gone.fields) == (0.75, 0, {})
    assert field_drift(reference, gone) == {}
    assert shares_of(make_sequences([3, 1]), gone).fields == {}  # nothing to hold it against


def frame(score, history, tag="churn.q1"):
    count = len(score)
    scores = pl.DataFrame(
        {
            "client_id": pl.Series([str(client) for client in range(count)], dtype=pl.String),
            "as_of": [dt.date(2024, 4, 1)] * count,
            "score": np.asarray(score, dtype=np.float32),
            "model_version": ["v"] * count,
        }
    )
    return published(scores, {"toy": history}, tag)


def watched(found: Moves, metric: str = "roc_auc", expected: float | None = None) -> Monitoring:
    at = dt.datetime(2024, 4, 4, tzinfo=dt.UTC)
    return Monitoring(
        **dict(found), model="churn.q1", scored_at=at, metric=metric, expected=expected, performance=None, outcomes="",
        along=None,
    )  # fmt: skip


def test_a_month_is_held_against_the_launch_and_against_the_month_before():
    random, count = np.random.default_rng(0), 1_000
    history = make_sequences(np.full(count, 5))
    reference = {"toy": shares_of(history)}
    judged, score = random.random((3_000, 1)), random.random(count)
    calm = moves(Period(MARCH), frame(score, history), judged, reference, {"toy": history}, None)
    assert calm.clients_before is None
    assert calm.volume_change is None
    assert calm.score_drift_before == calm.moved == {}
    assert calm.score_drift["score"] < 0.1
    assert calm.covered == calm.covered_then == {"toy": 1.0}
    before = frame(score[:800] ** 3, history)
    found = moves(Period(MARCH), frame(score**3, history), judged, reference, {"toy": history}, before)
    assert found.volume_change == pytest.approx(0.25)
    assert found.score_drift["score"] > 0.25 > found.score_drift_before["score"]
    assert 0 < found.moved["score"] < 0.3  # the deciles of 800 clients are not those of 1,000
    other = moves(
        Period(MARCH), frame(score, history), judged, reference, {"toy": history}, frame(score, history, "churn.q0")
    )
    assert other.moved == {}
    assert other.clients_before == count
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_deciles_of_equal_scores_are_equal_and_all_domains_are_counted():
    history = make_sequences([2, 0, 3, 1])
    found = frame([0.5, 0.5, 0.1, 0.9], history)
    assert found["decile"].to_list() == [3, 3, 8, 1]
    assert found["events_toy"].to_list() == [2, 0, 3, 1]


def test_a_month_without_any_client_is_told_and_can_be_read_again(tmp_path):
    history = make_sequences([3, 2, 4])
    nobody = make_sequences([])
    empty = frame(np.empty(0, dtype=np.float32), nobody)
    before = frame(np.array([0.2, 0.5, 0.8], dtype=np.float32), history)
    reference = {"toy": shares_of(history)}
    found = moves(Period(MARCH), empty, np.array([[0.1], [0.9]]), reference, {"toy": nobody}, before)
    assert (found.clients, found.volume_change, found.covered["toy"]) == (0, -1.0, 0.0)
    assert (found.score_drift, found.by_chance) == ({}, 0.0)
    stored = PeriodMonitoring(tmp_path / "month=2024-03")
    stored.write(watched(found))
    assert stored.read() == watched(found)


def test_months_of_another_metric_are_not_drawn_on_the_scale_of_this_one():
    history = make_sequences([3, 2, 4])
    month = moves(Period(MARCH), frame([0.2, 0.5, 0.8], history), np.array([[0.1], [0.9]]), {}, {}, None)
    others = {"log_loss": 1.5, "roc_auc": 0.7}
    shown = [watched(month, metric, value) for metric, value in others.items()]
    axes = trend_plot(shown, 0.1, 0.25).figure.axes[3]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [np.nan, 0.7])
