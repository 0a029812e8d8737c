"""Odd samples and odd data: a clear refusal, or a sane result; whole launches through the graph."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from anna_tests.graph.conftest import FAST, MONTHS, Deployment, events, sample_rows, write_month
from anna_tests.graph.results import problem


def scores_of(deployment: Deployment, key: str) -> np.ndarray:
    _, scores = deployment.warehouse.metamodel(key).read_with_scores()
    return scores[:, 0]


def test_a_sample_of_one_class_is_refused_before_anything_is_trained(deployment: Deployment) -> None:
    deployment.refresh()
    rows = sample_rows().with_columns(target=pl.lit(1))
    result = deployment.train(deployment.drop("churn", "same", rows, "type: binary\n" + FAST), check=False)
    assert not result.success
    assert "nothing to learn" in problem(result)
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert not any(name.startswith(("model", "boosting")) for name in made)


@pytest.mark.parametrize("months", [1, 12])
def test_one_client_is_refused(deployment: Deployment, months: int) -> None:
    deployment.refresh()
    dates = [dt.date(2023 + month // 12, 1 + month % 12, 15) for month in range(months)]
    rows = pl.DataFrame({"client_id": 1, "as_of": dates, "target": [month % 2 for month in range(months)]})
    result = deployment.train(deployment.drop("churn", "one", rows, "type: binary\n" + FAST), check=False)
    assert not result.success
    told = problem(result)
    assert ("nothing to learn" if months == 1 else "no valid rows") in told
    assert "Bring" in told


@pytest.mark.parametrize("preset", ["fast", "standard"])
def test_thirty_rows_give_scores(deployment: Deployment, preset: str) -> None:
    deployment.refresh()
    options = FAST.replace("preset: fast", f"preset: {preset}")
    key = deployment.drop("churn", "few", sample_rows(30), options)
    assert deployment.train(key).success
    scores = scores_of(deployment, key)
    assert len(scores) == 30
    assert np.isfinite(scores).all()


def test_a_launch_of_strangers_stops_and_says_so(deployment: Deployment) -> None:
    deployment.refresh()
    rows = sample_rows().with_columns(client_id=pl.format("00{}", "client_id"))
    result = deployment.train(deployment.drop("churn", "strangers", rows, FAST), check=False)
    assert not result.success
    told = problem(result)
    assert "No row of churn.strangers sees an event in any domain, so there is nothing to train on." in told
    assert "cards knows none of these clients: the sample has 000, 001, 002, …, the source has 0, 1, 10, …." in told
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert not made & {"metamodel", "report"}


def test_a_launch_before_all_events_stops_and_says_so(deployment: Deployment) -> None:
    deployment.refresh()
    rows = sample_rows(as_of="2023-11-30")
    result = deployment.train(deployment.drop("churn", "early", rows, FAST), check=False)
    assert not result.success
    assert "cards has no events before 2024-01, and the rows are as of 2023-11-30: their as_of is too early" in problem(
        result
    )


def test_a_launch_in_months_that_the_deployment_does_not_keep_stops_and_says_so(deployment: Deployment) -> None:
    for domain in deployment.domains:
        deployment.rewrite_month(domain, "2023-11-01", events(7, "2023-11-01"))
    deployment.refresh()
    rows = sample_rows(as_of="2023-11-30")
    result = deployment.train(deployment.drop("churn", "outside", rows, FAST), check=False)
    assert not result.success
    assert "cards has events in 2023-11, which rows as of 2023-11-30 see, but these are no months of this" in problem(
        result
    )


def test_a_domain_without_events_leaves_the_others_to_decide(deployment: Deployment) -> None:
    for month in MONTHS:
        write_month(deployment.home, "accounts", month, events(2, month).head(0))
    deployment.refresh()
    key = deployment.drop("churn", "alone", sample_rows(), FAST)
    assert deployment.train(key).success
    model = deployment.warehouse.model(deployment.domain("accounts"), key).read()
    assert model.is_empty
    scores = scores_of(deployment, key)
    odd = np.arange(60) % 2 == 1
    assert scores[odd].mean() > scores[~odd].mean()


def test_a_constant_number_and_a_code_an_event_do_no_harm(deployment: Deployment) -> None:
    for month in MONTHS:
        frame = events(1, month).with_columns(amount=pl.lit(7.0))
        codes = pl.Series("kind", [f"{kind}-{i}" for i, kind in enumerate(frame["kind"])])
        write_month(deployment.home, "cards", month, frame.with_columns(codes))
    deployment.refresh()
    key = deployment.drop("churn", "codes", sample_rows(), FAST)
    assert deployment.train(key).success
    assert np.isfinite(scores_of(deployment, key)).all()


def test_a_hundred_thousand_categories_share_what_they_cannot_have_alone(deployment: Deployment) -> None:
    many = 100_000
    for place, month in enumerate(MONTHS):
        frame = events(1, month, per_client=-(-many // len(MONTHS) // 60))
        codes = pl.Series("kind", [f"code {place * len(frame) + i}" for i in range(len(frame))])
        write_month(deployment.home, "cards", month, frame.with_columns(codes))
    deployment.refresh()
    key = deployment.drop("churn", "many", sample_rows(), FAST)
    assert deployment.train(key).success
    assert np.isfinite(scores_of(deployment, key)).all()
    model = deployment.warehouse.model(deployment.domain("cards"), key).read()
    assert model.spec.inputs is not None
    vectors = model.net.net(0).state_dict()
    assert max(len(value) for value in vectors.values() if value.ndim == 2) <= 10_001
