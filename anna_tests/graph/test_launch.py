import datetime as dt
import re

import dagster as dg
import polars as pl
import pytest

from anna_resources.ledger.ledger import Ledger
from anna_resources.places import place_meant
from anna_tests.graph.conftest import SMALL_TASK, TRAINED, Deployment, events, sample_rows, write_domain
from anna_tests.graph.results import metadata

pytestmark = pytest.mark.xdist_group("trained")  # one worker trains for all of them


def embed_clients(deployment: Deployment, key: str) -> dg.MultiPartitionKey:
    """Build March's histories and embed all clients of them; returns the partition of the scores."""
    month = dg.MultiPartitionKey({"month": "2024-03-01", "sample": key})
    for domain in deployment.domains:
        deployment.materialize(f"history/{domain}", partition="2024-03-01")
        deployment.materialize(f"retro/embedding/{domain}", partition=month)
    return month


@pytest.mark.all_plots
def test_a_launch_ends_with_a_report_and_its_retro_scores_have_one_row_a_client(deployment: Deployment) -> None:
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows())
    result = deployment.train(key)

    table = metadata(result, "report")["leaderboard"]
    titles = [column.name for column in table.schema.columns]
    assert titles == ["Model", "ROC AUC", "Metamodel's lead"]
    board = [record.data for record in table.records]
    assert all(row["metric"] == "roc_auc" and row["rows"] > 0 for row in board)  # which `anna report` reads
    assert sorted((row["kind"], row["model"]) for row in board) == [
        ("boosting", "accounts"),
        ("boosting", "all domains"),
        ("boosting", "cards"),
        ("constant", "constant"),
        ("mean", "mean"),
        ("metamodel", "metamodel"),
        ("net", "accounts"),
        ("net", "cards"),
    ]
    values = {(row["kind"], row["model"]): row["value"] for row in board}
    assert values["metamodel", "metamodel"] > values["constant", "constant"] == 0.5
    assert sorted(row["Model"] for row in board) == [
        "boosting of accounts", "boosting of all domains", "boosting of cards", "constant", "mean of the nets",
        "metamodel", "net of accounts", "net of cards",
    ]  # fmt: skip
    assert all(re.fullmatch(r"\d\.\d{3} \[\d\.\d{3},\xa0\d\.\d{3}\]", row["ROC AUC"]) for row in board)
    # The page's column has 445 pixels in a window of 1,500 (measured), a letter takes 8.4 and each column's margin 17.
    widest = [max(len(part) for row in board for part in re.split("[ \u200b]", row[title])) for title in titles]
    assert sum(widest) * 8.4 + 17 * len(titles) < 445
    # `anna retro` reads there which domains a launch has models of.
    assert sorted(metadata(result, "metamodel")["domains"].data) == ["accounts", "cards"]
    ledger = Ledger.of(deployment.settings)
    assert metadata(result, "report")["ledger"].value == metadata(result, "sample")["ledger"].value == key
    recorded, outcome = ledger.read(key), ledger.result(key)
    assert recorded.rows == deployment.warehouse.sample(key).read().version
    assert recorded.marts == {
        name: {month: observed[month] for month in recorded.marts[name]}
        for name in deployment.domains
        if (observed := deployment.warehouse.source(deployment.domain(name)).read().months)
    }
    assert all(recorded.marts.values())
    assert outcome is not None
    assert outcome["verdict"] == metadata(result, "report")["verdict"].value
    [useful] = [one for one in result.get_asset_check_evaluations() if one.check_name == "better_than_constant"]
    assert f"{outcome['better_than_constant']}." == useful.description
    told = ("kind", "model", "metric", "value", "low", "high", "rows")
    assert [{name: row[name] for name in told} for row in outcome["leaderboard"]] == [
        {name: row[name] for name in told} for row in board
    ]
    [ours] = [row for row in board if row["kind"] == "metamodel"]
    [subject] = ledger.repository.git.run("log", "-1", "--format=%s", "refs/heads/task/churn").splitlines()
    assert subject == f"Result of {key}: roc_auc {ours['value']:.3f} on {ours['rows']:,} held-out rows"
    html = place_meant(metadata(result, "report")["report_html"].value, deployment.home).read_text()
    assert "churn" in html
    drawn = [label for label in metadata(result, "report") if label.startswith("plot of ")]
    assert len(drawn) == 9
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks["sample_quality"]
    assert checks["point_in_time"]

    month = embed_clients(deployment, key)
    deployment.materialize("retro/scores", partition=month)
    scores = pl.read_parquet(deployment.settings.storage / f"retro/scores/{key}/month=2024-03/scores.parquet")
    assert scores.columns == ["client_id", "as_of", "score", "model_version"]
    assert sorted(scores["client_id"]) == sorted(str(client) for client in range(60))
    assert set(scores["as_of"]) == {dt.date(2024, 4, 1)}
    assert scores["score"].is_between(0, 1).all()
    odd = (
        scores.with_columns(odd=pl.col("client_id").cast(pl.Int64) % 2 == 1).group_by("odd").agg(pl.col("score").mean())
    )
    assert odd.filter("odd")["score"].item() > odd.filter(~pl.col("odd"))["score"].item()


def test_the_same_sample_and_data_give_the_same_models(trained: Deployment) -> None:
    key, made = TRAINED[0], []
    for again in (False, True):
        if again:
            trained.drop(*key.split("."), sample_rows(), f"{SMALL_TASK}seed: 0\n")
            trained.train(key)
        model, scores = trained.warehouse.metamodel(key).read_with_scores()
        made.append((model.provenance, model.data_version, scores.tobytes()))
    # The launches' tags in the ledger.
    assert [provenance.pop("launch") for provenance, *_ in made] == [key, f"{key}@2"]
    assert made[0] == made[1]  # the versions of all its models, its own, and the scores bit for bit
    provenance = made[0][0]
    assert provenance["task"]["training"]["epochs"] == 2
    assert set(provenance["models"]) == {"cards", "accounts", "boosting", "boosting/cards", "boosting/accounts"}
    assert {"anna", "torch", "lightgbm"} < set(provenance["versions"])


def test_a_sample_without_different_outcomes_in_a_part_stops_before_training(deployment: Deployment) -> None:
    deployment.refresh()
    rows = sample_rows().with_columns(
        split=pl.when(pl.col("target") == 1).then(pl.lit("train")).otherwise(pl.lit("test"))
    )
    key = deployment.drop("churn", "bad", rows)
    result = deployment.train(key, check=False)
    assert not result.success
    [check] = [c for c in result.get_asset_check_evaluations() if c.check_name == "sample_quality"]
    assert not check.passed
    assert "same outcome" in check.description
    assert not (deployment.settings.storage / "model").exists()


def test_sequences_refuse_marts_that_are_behind_their_source(deployment: Deployment) -> None:
    key = deployment.drop("churn", "q1", sample_rows())
    for domain in deployment.domains:
        deployment.defs.resolve_job_def(f"observe_{domain}").execute_in_process(instance=deployment.instance)
    with pytest.raises(dg.Failure, match=r"marts of 2024-01, 2024-02, 2024-03 are missing or older"):
        deployment.train(key)


def test_a_fourth_yaml_file_adds_a_column_of_assets_and_its_embedding_enters_the_metamodel(
    deployment: Deployment,
) -> None:
    write_domain(deployment.home, "app_events", seed=3)
    deployment.reload()
    graph = deployment.defs.resolve_asset_graph()
    layers = ("source", "mart", "dictionary", "sequences", "model", "embedding", "boosting", "history")
    for layer in layers:
        assert graph.has(dg.AssetKey([layer, "app_events"]))
    parents = graph.get(dg.AssetKey("metamodel")).parent_keys
    assert {dg.AssetKey(["embedding", "app_events"]), dg.AssetKey(["boosting", "app_events"])} <= parents
    deployment.refresh()
    key = deployment.drop("churn", "q1", sample_rows())
    deployment.train(key)
    model = deployment.warehouse.metamodel(key).read()
    domains = ("accounts", "app_events", "cards")
    assert model.members == (*domains, *(f"boosting/{name}" for name in domains), "boosting")


def test_vectors_of_another_generation_are_not_scored(trained: Deployment) -> None:
    key = TRAINED[0]
    (trained.home / "inbox" / "churn" / "task.yaml").write_text(SMALL_TASK + "seed: 7\n")
    trained.materialize("sample", partition=key)
    trained.materialize("model/cards", partition=key)  # alone: the metamodel knows the model before
    month = embed_clients(trained, key)
    refused = r"cards: the model is \w{32}, but the metamodel was fitted on \w{32}\. Materialize the metamodel again"
    with pytest.raises(dg.Failure, match=refused):
        trained.materialize("retro/scores", partition=month)


def test_trees_of_another_generation_and_domains_that_are_gone_are_not_scored(trained: Deployment) -> None:
    key = TRAINED[0]
    month = embed_clients(trained, key)
    (trained.settings.domains / "accounts.yaml").rename(trained.home / "accounts.yaml")
    trained.reload()
    with pytest.raises(dg.Failure, match="accounts: the metamodel was fitted on it, but this deployment has no such"):
        trained.materialize("retro/scores", partition=month)
    trained.materialize("report", partition=key)  # a launch keeps the domains that it was planned with
    (trained.home / "accounts.yaml").rename(trained.settings.domains / "accounts.yaml")
    trained.reload()
    rows = sample_rows().with_columns(target=pl.col("client_id") % 4 == 1)
    trained.drop("churn", "q1", rows)
    trained.materialize("sample", partition=key)
    trained.materialize("boosting", partition=key)
    with pytest.raises(dg.Failure, match=r"^.*boosting: the model is \w{32}, but the metamodel was fitted on"):
        trained.materialize("retro/scores", partition=month)


def test_scores_of_other_folds_or_events_than_there_are_now_are_not_blended(trained: Deployment) -> None:
    key = TRAINED[0]
    (trained.home / "inbox" / "churn" / "task.yaml").write_text(SMALL_TASK + "split: {seed: 5}\n")
    trained.materialize("sample", partition=key)
    with pytest.raises(dg.Failure, match=r"embedding/\w+ of churn.q1 was made of other rows, splits, folds or events"):
        trained.materialize("metamodel", partition=key)
    with pytest.raises(dg.Failure, match=r"model/cards of churn.q1 was trained on other rows, splits or folds"):
        trained.materialize("embedding/cards", partition=key)
    for domain in trained.domains:
        trained.materialize(f"model/{domain}", partition=key)
        trained.materialize(f"embedding/{domain}", partition=key)
    with pytest.raises(dg.Failure, match=r"boosting/\w+ of churn.q1 was made of other rows, splits, folds or events"):
        trained.materialize("metamodel", partition=key)
    for trees in ("boosting", *(f"boosting/{domain}" for domain in trained.domains)):
        trained.materialize(trees, partition=key)
    assert trained.materialize("metamodel", partition=key).success


def test_clients_embedded_from_an_earlier_history_are_not_scored(trained: Deployment) -> None:
    key = TRAINED[0]
    month = embed_clients(trained, key)
    trained.rewrite_month("cards", "2024-03-01", events(99, "2024-03-01"))
    trained.refresh()
    trained.materialize("history/cards", partition="2024-03-01")
    with pytest.raises(dg.Failure, match="domain cards: its history was built anew after these clients were embedded"):
        trained.materialize("retro/scores", partition=month)


def test_a_month_with_many_rows_without_a_client_leaves_the_mart_as_it_was(deployment: Deployment) -> None:
    deployment.refresh()
    mart = deployment.settings.storage / "mart/cards/month=2024-02/events.parquet"
    before = mart.read_bytes()
    broken = events(1, "2024-02-01").with_columns(
        client_id=pl.when(pl.col("client_id") > 10).then(None).otherwise(pl.col("client_id"))
    )
    deployment.rewrite_month("cards", "2024-02-01", broken)
    deployment.defs.resolve_job_def("observe_cards").execute_in_process(instance=deployment.instance)
    with pytest.raises(dg.Failure, match="client_id is missing in"):
        deployment.materialize("mart/cards", partition="2024-02-01")
    assert mart.read_bytes() == before


def test_a_model_does_not_score_sequences_that_were_cut_by_other_rules(trained: Deployment) -> None:
    key = TRAINED[0]
    domain = trained.settings.domains / "cards.yaml"
    domain.write_text(domain.read_text().replace("availability_lag: 1d", "availability_lag: 3d"))
    trained.reload()
    trained.materialize("history/cards", partition="2024-03-01")
    month = dg.MultiPartitionKey({"month": "2024-03-01", "sample": key})
    with pytest.raises(dg.Failure, match="trained on sequences of lag, lookback and length '1d 60d 50'"):
        trained.materialize("retro/embedding/cards", partition=month)
