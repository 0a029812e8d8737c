import dataclasses
import datetime as dt
import re

import dagster as dg
import numpy as np
import polars as pl
import pytest

from anna_core.domains import Domain
from anna_core.sequences.build import write_history, write_sequences
from anna_tests.graph.conftest import MONTHS, SMALL_TASK, Deployment, events, sample_rows

CLIENTS = 600


def random_target() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2, CLIENTS)


def fill(deployment: Deployment, leak: np.ndarray | None = None) -> str:
    """Marts of many clients, and a sample whose target no event tells but, where asked for, the cards' amounts."""
    for seed, domain in enumerate(deployment.domains):
        for month in MONTHS:
            frame = events(seed, month, CLIENTS, per_client=3)
            if leak is not None and domain == "cards":
                told = pl.Series(leak[frame["client_id"].to_numpy()])
                frame = frame.with_columns(amount=1000 * told + pl.col("amount") % 10)
            deployment.rewrite_month(domain, month, frame)
    deployment.refresh()
    return deployment.drop("churn", "q1", sample_rows(CLIENTS).with_columns(target=pl.Series(random_target())))


def checks(result, name: str) -> dict[str, dg.AssetCheckEvaluation]:
    found = [check for check in result.get_asset_check_evaluations() if check.check_name == name]
    return {check.asset_key.to_user_string(): check for check in found}


def test_a_leaking_column_stops_the_launch_before_its_model_is_trained(deployment: Deployment) -> None:
    key = fill(deployment, leak=random_target())
    result = deployment.train(key, check=False)
    assert not result.success
    leakage = checks(result, "leakage")
    leak = leakage["sequences/cards"]
    assert not leak.passed
    assert leak.severity is dg.AssetCheckSeverity.ERROR
    assert leak.description.startswith("The target can be predicted from cards.amount alone, mostly from the ")
    assert re.search(r": Gini [01]\.\d{3} \(95% interval from 0\.\d{3}\)\. Is it known on as_of", leak.description)
    assert "domains/cards.yaml" in leak.description
    assert "`guards: {allow: [cards.amount]}`" in leak.description
    assert leakage["sequences/accounts"].passed
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert {name for name in made if "/" not in name} == {"sample"}
    assert made.isdisjoint({"model/cards", "embedding/cards", "boosting/cards"})
    for step in ("model__accounts", "boosting__accounts"):
        assert made.isdisjoint({step.replace("__", "/")})
        [failure] = [event for event in result.all_events if event.step_key == step and event.is_step_failure]
        told = str(failure.step_failure_data.user_failure_data.description)
        assert told.startswith("not trained, as the launch cannot be used: sequences/cards has a leak. The target")

    for asset in ("model/cards", "boosting/cards", "boosting"):
        with pytest.raises(dg.Failure, match=r"cannot be used. The target can be predicted from cards.amount"):
            deployment.materialize(asset, partition=key)

    settings = deployment.home / "inbox" / "churn" / "task.yaml"
    settings.write_text(SMALL_TASK + "guards: {allow: [cards.amuont]}\n")
    with pytest.raises(dg.Failure, match=r"'cards.amuont', a field that no domain has.*as in cards.amount"):
        deployment.materialize("sample", partition=key)
    settings.write_text(SMALL_TASK + "guards: {allow: [cards.amount]}\n")
    deployment.materialize("sample", partition=key)
    allowed = checks(deployment.materialize("sequences/cards", partition=key), "leakage")["sequences/cards"]
    assert allowed.passed
    assert "The task allows it." in allowed.description
    deployment.materialize("boosting/cards", partition=key)


def test_rows_that_see_what_was_not_known_yet_stop_the_launch(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fill(deployment)

    def write_with_the_latest_day(domain: Domain, *others: object):
        made = write_sequences(domain.model_copy(update={"availability_lag": dt.timedelta(0)}), *others)
        return dataclasses.replace(made, meta=made.meta.model_copy(update={"domain": domain}))

    monkeypatch.setattr("anna_assets.layers.sequences_asset.write_sequences", write_with_the_latest_day)
    result = deployment.train(key, check=False)
    assert not result.success
    for check in checks(result, "point_in_time").values():
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert "rows see events outside their window. That is a fault of ANNA" in check.description
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {"sample", "sequences/cards", "sequences/accounts"}
    with pytest.raises(dg.Failure, match=r"sequences/cards has a leak and cannot be used. \d+ of 600 rows see events"):
        deployment.materialize("model/cards", partition=key)


def test_a_history_that_sees_too_much_is_not_scored(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    key = fill(deployment)
    deployment.train(key)

    def write_with_older_events(domain: Domain, *others: object):
        made = write_history(domain.model_copy(update={"lookback": dt.timedelta(days=90)}), *others)
        return dataclasses.replace(made, meta=made.meta.model_copy(update={"domain": domain}))

    monkeypatch.setattr("anna_assets.layers.history_asset.write_history", write_with_older_events)
    result = deployment.materialize("history/cards", partition="2024-03-01", check=False)
    assert not checks(result, "point_in_time")["history/cards"].passed
    month = dg.MultiPartitionKey({"month": "2024-03-01", "sample": key})
    with pytest.raises(dg.Failure, match=r"history/cards has a leak and cannot be used. \d+ of \d+ rows see events"):
        deployment.materialize("retro/embedding/cards", partition=month)


def test_a_leak_that_another_domain_shows_later_ends_a_training(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = fill(deployment)
    deployment.materialize("sample", "sequences/accounts", partition=key)
    epochs = []

    def tell_of_a_leak(context: dg.AssetExecutionContext, *_: object):
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["sequences", "cards"]),
            check_name="leakage",
            passed=False,
            metadata={},
            severity=dg.AssetCheckSeverity.ERROR,
            description="cards.amount tells it.",
            blocking=True,
        )
        event = dg.DagsterEvent("ASSET_CHECK_EVALUATION", context.job_name, event_specific_data=evaluation)

        def on_epoch(report: object) -> None:
            epochs.append(report)
            context.instance.report_dagster_event(event, context.run_id)

        return on_epoch

    monkeypatch.setattr("anna_assets.layers.model_assets.follow", tell_of_a_leak)
    with pytest.raises(dg.Failure, match=r"sequences/cards has a leak. cards.amount tells it."):
        deployment.materialize("model/accounts", partition=key)
    assert len(epochs) == 1


def test_a_shuffled_target_gives_a_model_that_says_it_is_no_better_than_the_constant(deployment: Deployment) -> None:
    result = deployment.train(fill(deployment))
    [check] = checks(result, "better_than_constant").values()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "No better than a constant" in check.description
    for name in ("leakage", "shift"):
        assert all(one.passed for one in checks(result, name).values())
        assert all("Not checked" not in one.description for one in checks(result, name).values())


def test_dates_that_tell_the_target_and_test_rows_of_another_kind_warn(deployment: Deployment) -> None:
    key = fill(deployment)
    target = random_target()
    later = np.where(target, "2024-03-28", "2024-02-10")
    rows = sample_rows(CLIENTS).with_columns(target=pl.Series(target), as_of=pl.Series(later))
    split = pl.when(pl.col("target") == 1).then(pl.lit("test")).otherwise(pl.lit("train"))
    mixed = pl.when(pl.col("client_id") % 10 == 0).then(pl.lit("train")).otherwise(split)
    some = pl.when(pl.col("client_id") % 10 == 1).then(pl.lit("test")).otherwise(mixed)
    key = deployment.drop("churn", "dates", rows.with_columns(split=some))
    dates = checks(deployment.materialize("sample", partition=key), "as_of_leak")["sample"]
    shift = checks(deployment.materialize("sequences/cards", partition=key), "shift")["sequences/cards"]
    assert (dates.passed, dates.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "The target can be predicted from as_of alone, mostly from the date itself: Gini" in dates.description
    assert (shift.passed, shift.severity) == (False, dg.AssetCheckSeverity.WARN)
    told = re.fullmatch(
        r"Test rows differ from the others \(ROC AUC [\d.]+\), most in (the .+): held-out figures may not hold later\. "
        r"Usual where .+; else see check `shift` of sequences/cards\.",
        shift.description or "",
    )
    assert told is not None
    assert len(f"Warning: cards: {told[0]}") <= 3 * 80  # lines of a terminal
    [first, *_] = shift.metadata["aggregates"].value.records
    assert first.data["aggregate"] == told[1]
    assert re.fullmatch("median .+ outside the test and .+ in it", str(first.data["difference"]))
    assert deployment.warehouse.sample(key).warnings() == {"as_of_leak": dates.description}
    assert deployment.warehouse.sequences(deployment.domain("cards"), key).warnings()["shift"] == shift.description


def test_clients_that_are_written_otherwise_are_told_as_the_launch_begins(deployment: Deployment) -> None:
    deployment.refresh()
    padded = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.col("client_id").cast(pl.String).str.zfill(6))
    rows = sample_rows().with_columns(client_id=padded.otherwise(pl.col("client_id").cast(pl.String)))
    key = deployment.drop("churn", "q1", rows)
    result = deployment.materialize("sample", partition=key)
    found = checks(result, "clients_known")["sample"]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.description.startswith("30 of 60 clients of the sample have no event in any domain")
    assert "cards knows 30 of 60 clients: leading zeros are lost in one of the two (30 of 30" in found.description
    page = result.asset_materializations_for_node("sample")[0].metadata
    assert page["clients met"].value == {"accounts": "33%", "cards": "50%"}  # accounts has 40 clients
    (warning,) = deployment.warehouse.sample(key).warnings().values()  # and so in the report, which MLflow has, too
    assert warning == found.description

    deployment.drop("churn", "q1", sample_rows())
    assert checks(deployment.materialize("sample", partition=key), "clients_known")["sample"].passed


def test_nothing_is_said_of_clients_before_the_marts_are_built(deployment: Deployment) -> None:
    key = deployment.drop("churn", "q1", sample_rows().with_columns(client_id=pl.col("client_id") + 10_000))
    found = checks(deployment.materialize("sample", partition=key), "clients_known")["sample"]
    assert found.passed
    assert found.description == "No mart is there to look into yet."
