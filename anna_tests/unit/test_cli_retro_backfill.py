"""`anna retro`: months, and what is chosen for the backfill."""

import io

import pytest
from rich.console import Console

from anna_cli.backfills import BackfillError, follow_backfill
from anna_cli.commands import retro
from anna_cli.graphql import GraphQLClient, NotRunningError
from anna_cli.main import main
from anna_cli.retro_backfill import RetroError, Selection, backfill_params, launch, month_keys, runs_of_months, select
from anna_tests.unit.cli_stub import Stub, serving

KEY = "churn.2024q1"
KEPT = month_keys("2023-01", "2023-12")


def node(**fields):
    return {"data": {"assetNodeOrError": {"__typename": "AssetNode", **fields}}}


def stub(stale, trained=True):
    domains = {"label": "domains", "jsonString": '["card", "loan"]'}
    made = {"runId": "r", "timestamp": "1", "partition": KEY, "metadataEntries": [domains]}
    return Stub(
        Materializations=node(latestMaterializationByPartition=[made if trained else None]),
        PartitionKeys=node(partitionKeys=KEPT),
        StaleStatus=lambda variables: node(staleStatusByPartition=[stale[variables["key"]["path"][1]]] * 2),
        LaunchBackfill={"data": {"launchPartitionBackfill": {
            "__typename": "LaunchBackfillSuccess", "backfillId": "b1"}}},
    )  # fmt: skip


def chosen(stub, months=("2023-03-01", "2023-04-01"), **arguments):
    with serving(stub):
        return select(GraphQLClient(stub.url), KEY, months, **arguments)


def test_months_from_first_to_last():
    assert month_keys("2022-11", "2023-02-01") == ["2022-11-01", "2022-12-01", "2023-01-01", "2023-02-01"]
    assert month_keys("2023-01", "2023-01") == ["2023-01-01"]


@pytest.mark.parametrize(
    ("first", "last"), [("2023-13", "2024-01"), ("2023", "2024"), ("2023-05-02", "2023-06"), ("2023-01", "9999-12")]
)
def test_what_is_no_month_is_explained(first, last):
    with pytest.raises(RetroError, match="write months as 2023-01"):
        month_keys(first, last)


def test_months_in_the_wrong_order_are_explained():
    with pytest.raises(RetroError, match="swap them"):
        month_keys("2023-05", "2023-04")


def test_neighbouring_months_join():
    months = ["2023-01-01", "2022-11-01", "2022-12-01", "2023-03-01"]
    assert runs_of_months(months) == [("2022-11-01", "2023-01-01"), ("2023-03-01", "2023-03-01")]
    assert runs_of_months([]) == []


def test_fresh_histories_are_not_made_again():
    made = chosen(stub({"card": "FRESH", "loan": "MISSING"}))
    assert made.histories == {"card": [], "loan": ["2023-03-01", "2023-04-01"]}
    assert chosen(stub({"card": "STALE", "loan": "FRESH"})).histories["card"] == ["2023-03-01", "2023-04-01"]


def test_force_makes_all_histories():
    made = chosen(stub({"card": "FRESH", "loan": "FRESH"}), force=True)
    assert made.histories == {domain: ["2023-03-01", "2023-04-01"] for domain in ("card", "loan")}


def test_a_sample_without_a_model_is_explained():
    with pytest.raises(RetroError, match="no trained metamodel"):
        chosen(stub({}, trained=False))


def test_months_that_anna_does_not_keep_are_explained():
    with pytest.raises(RetroError, match="2024-01 is not among the months that ANNA keeps"):
        chosen(stub({}), months=("2023-12-01", "2024-01-01"))


def test_the_backfill_takes_ranges_of_months_and_of_pairs():
    selection = Selection(KEY, ["2023-03-01", "2023-04-01"], {"card": [], "loan": ["2023-04-01"]})
    params = backfill_params(selection)
    pairs = {"ranges": [{"start": f"2023-03-01|{KEY}", "end": f"2023-04-01|{KEY}"}]}
    assert params["partitionsByAssets"] == [
        {
            "assetKey": {"path": ["history", "loan"]},
            "partitions": {"ranges": [{"start": "2023-04-01", "end": "2023-04-01"}]},
        },
        {"assetKey": {"path": ["retro", "embedding", "card"]}, "partitions": pairs},
        {"assetKey": {"path": ["retro", "embedding", "loan"]}, "partitions": pairs},
        {"assetKey": {"path": ["retro", "scores"]}, "partitions": pairs},
    ]
    assert params["title"] == "retro-scores of churn.2024q1, 2023-03 to 2023-04"
    with serving(stub({})) as recorder:
        assert launch(GraphQLClient(recorder.url), selection) == "b1"
    assert recorder.calls == [("LaunchBackfill", {"params": params})]


def backfill(status, made, failed=0):
    counts = {
        "__typename": "AssetPartitionsStatusCounts", "assetKey": {"path": ["retro", "scores"]},
        "numPartitionsTargeted": 6, "numPartitionsInProgress": 0,
        "numPartitionsMaterialized": made, "numPartitionsFailed": failed,
    }  # fmt: skip
    return {"data": {"partitionBackfillOrError": {
        "__typename": "PartitionBackfill", "id": "b1", "status": status, "error": None,
        "assetBackfillData": {"assetBackfillStatuses": [counts]}}}}  # fmt: skip


def followed(*answers):
    found, console = iter(answers), Console(file=io.StringIO(), width=400)
    failed = {"runId": "r", "jobName": "x", "status": "FAILURE", "creationTime": 1, "tags": []}
    event = {"__typename": "ExecutionStepFailureEvent", "stepKey": "history__card", "message": "",
             "error": {"message": "SourceError: no table", "className": "SourceError"}}  # fmt: skip
    stub = Stub(
        Backfill=lambda variables: next(found),
        RunStates={"data": {"runsOrError": {"__typename": "Runs", "results": [failed]}}},
        Events={"data": {"logsForRun": {
            "__typename": "EventConnection", "cursor": "c", "hasMore": False, "events": [event]}}},
    )  # fmt: skip
    with serving(stub):
        follow_backfill(GraphQLClient(stub.url), "b1", console, sleep=lambda seconds: None)
    return [line.split(" ", 1)[1] for line in console.file.getvalue().splitlines()]


def test_a_backfill_is_followed_to_its_end():
    answers = [backfill("REQUESTED", 0), backfill("REQUESTED", 3), backfill("COMPLETED_SUCCESS", 6)]
    assert followed(*answers) == ["retro/scores 3/6", "retro/scores 6/6"]


def test_a_failed_backfill_tells_what_failed_and_why():
    with pytest.raises(BackfillError, match=r"retro/scores 2.*no table"):
        followed(backfill("FAILING", 0), backfill("COMPLETED_FAILED", 4, failed=2))


def test_months_are_listed_with_their_scores_and_what_is_doubtful_of_them_all_is_told_once(monkeypatch, tmp_path):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))

    def scored(month, clients, doubts):
        entries = [
            {"label": "dagster/row_count", "intValue": clients}, {"label": "path", "path": f"storage/{month}.parquet"},
            *([{"label": "doubts", "text": doubts}] if doubts else []),
        ]  # fmt: skip
        return {"runId": "r", "timestamp": "1", "partition": f"{month}-01|{KEY}", "metadataEntries": entries}

    made = [
        scored("2023-03", 1198, "599 clients are written apart."),
        scored("2023-04", 1201, "601 clients are written apart."),
        scored("2023-05", 7, ""),
    ]
    console = Console(file=io.StringIO(), width=200)
    monkeypatch.setattr(retro, "CONSOLE", console)
    with serving(Stub(Materializations=node(latestMaterializationByPartition=made))) as served:
        retro.print_scores(GraphQLClient(served.url), Selection(KEY, month_keys("2023-03", "2023-05"), {}))
    assert console.file.getvalue().splitlines() == [
        f"  2023-03  1,198 clients  {tmp_path}/storage/2023-03.parquet",
        f"  2023-04  1,201 clients  {tmp_path}/storage/2023-04.parquet",
        f"  2023-05  7 clients  {tmp_path}/storage/2023-05.parquet",
        "  2023-03 to 2023-04 (2 months): 601 clients are written apart.",
    ]


def test_a_backfill_that_a_stop_of_the_platform_interrupts_did_not_fail(monkeypatch, tmp_path, capsys):
    def stopped(*_):
        raise NotRunningError("nothing answers")

    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    monkeypatch.setattr(retro, "connect", lambda _: None)
    monkeypatch.setattr(retro, "follow_backfill", stopped)
    monkeypatch.setattr(retro.retro_backfill, "select", lambda *_: Selection(KEY, ["2023-03-01"], {"cards": []}))
    monkeypatch.setattr(retro.retro_backfill, "launch", lambda *_: "b1")
    with pytest.raises(SystemExit) as left:
        main(["retro", KEY, "--from", "2023-03", "--to", "2023-03", "--wait"])
    assert left.value.code == 75
    told = capsys.readouterr().err
    assert told.startswith(
        "ANNA was stopped, so the backfill b1 is interrupted; it did not fail. After the next `anna up`"
    )
    assert told.endswith("its page is http://127.0.0.1:3000/runs/b/b1.\n")
