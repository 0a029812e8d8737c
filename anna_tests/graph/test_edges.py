"""Launches at the edge of what can be learnt from: they end with a report, or say why not."""

import dagster as dg
import polars as pl
import pytest

from anna_core.marts.mart import built_months
from anna_core.months import parse_month
from anna_resources.names import DOUBTS
from anna_tests.graph.conftest import Deployment, events, sample_rows, write_domain
from anna_tests.graph.results import metadata

FIVE_FOLDS = "training: {folds: 5, epochs: 1}\nnet: {hidden: 8, embedding: 4}\n"
MONTH = "2024-03-01"


def score(deployment: Deployment, key: str) -> pl.DataFrame:
    month = dg.MultiPartitionKey({"month": MONTH, "sample": key})
    for domain in deployment.domains:
        deployment.materialize(f"history/{domain}", partition=MONTH)
        deployment.materialize(f"retro/embedding/{domain}", partition=month)
    deployment.materialize("retro/scores", partition=month)
    return deployment.warehouse.retro_scores(key, parse_month(MONTH)).read()


def test_one_domain_and_thirty_rows_have_no_trees_over_all_and_no_mean(deployment: Deployment) -> None:
    (deployment.settings.domains / "accounts.yaml").unlink()
    deployment.reload()
    assert not deployment.defs.resolve_asset_graph().has(dg.AssetKey("boosting"))
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows(30), FIVE_FOLDS)
    result = deployment.train(key)
    board = [record.data for record in metadata(result, "report")["leaderboard"].records]
    assert sorted((row["kind"], row["model"]) for row in board) == [
        ("boosting", "cards"), ("constant", "constant"), ("metamodel", "metamodel"), ("net", "cards"),
    ]  # fmt: skip
    assert metadata(result, "boosting/cards")["note"].value.startswith("nothing to learn from")
    model = deployment.warehouse.metamodel(key).read()
    assert model.members == ("cards", "boosting/cards")
    assert "50 are needed" in model.spec.plain_reason
    scores = score(deployment, key)
    assert len(scores) == 60
    assert scores["score"].is_between(0, 1).all()


def test_a_domain_without_events_has_no_say_until_it_has_some_and_other_clients_are_told(
    deployment: Deployment,
) -> None:
    write_domain(deployment.home, "deposits", seed=3)
    late = events(3, MONTH).with_columns(
        client_id=pl.col("client_id").cast(pl.String).str.zfill(5), event_time=pl.lit("2024-03-29").str.to_datetime()
    )
    for month in ("2024-01-01", "2024-02-01", MONTH):
        deployment.rewrite_month("deposits", month, late.clear() if month != MONTH else late)
    deployment.reload()
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows(), FIVE_FOLDS)
    result = deployment.train(key)
    assert metadata(result, "model/deposits")["note"].value == "No training row has an event in this domain."
    assert metadata(result, "boosting/deposits")["note"].value.startswith("nothing to learn from")
    shares = metadata(result, "metamodel")["share of each model"].value
    assert shares["deposits"] == shares["boosting/deposits"] == 0
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    scores = score(deployment, key)
    assert scores["score"].is_between(0, 1).all()
    assert len(scores) == 120  # its clients are written otherwise
    made = deployment.instance.get_latest_materialization_event(dg.AssetKey(["retro", "scores"]))
    facts = made.asset_materialization.metadata
    assert facts["clients by domain"].data == {"accounts": 40, "cards": 60, "deposits": 60}
    assert "deposits and cards write clients in different ways: leading zeros are lost" in facts[DOUBTS].value


def test_samples_without_models_do_not_take_the_scores_of_others_down(deployment: Deployment) -> None:
    (deployment.settings.domains / "accounts.yaml").unlink()
    deployment.reload()
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows(), FIVE_FOLDS)
    deployment.train(key)
    untrained = deployment.drop("churn", "q2", sample_rows())
    deployment.materialize("history/cards", partition=MONTH)
    alone = dg.MultiPartitionKey({"month": MONTH, "sample": untrained})
    with pytest.raises(dg.Failure, match=r"churn\.q2: no metamodel is trained, so nobody is scored"):
        deployment.materialize("retro/embedding/cards", partition=alone)
    for asset in ("retro/embedding/cards", "retro/scores"):
        both = (f"{MONTH}|{sample}" for sample in (key, untrained))
        assert deployment.materialize_range(asset, *both).success
    assert len(deployment.warehouse.retro_scores(key, parse_month(MONTH)).read()) == 60
    made = deployment.instance.fetch_materializations(dg.AssetKey(["retro", "scores"]), limit=2).records
    doubts = {
        record.partition_key.partition("|")[2]: record.asset_materialization.metadata.get(DOUBTS) for record in made
    }
    assert doubts[key] is None
    assert "no metamodel of the sample is trained" in doubts[untrained].value
    for month in built_months(deployment.home / "storage" / "mart" / "cards").values():
        if MONTH in str(month):
            month.unlink()  # as where the data end a month before
    deployment.rewrite_month("cards", MONTH, events(1, MONTH).clear())
    deployment.refresh()
    deployment.materialize("history/cards", partition=MONTH)
    for asset in ("retro/embedding/cards", "retro/scores"):
        deployment.materialize(asset, partition=dg.MultiPartitionKey({"month": MONTH, "sample": key}))
    made = deployment.instance.get_latest_materialization_event(dg.AssetKey(["retro", "scores"]))
    doubt = made.asset_materialization.metadata[DOUBTS].value
    assert doubt == "cards has no events after 2024-02, so scores of later months know nothing newer of it."
