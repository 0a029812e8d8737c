"""Incremental refresh: what the automation requests when a source changes, and what it leaves alone."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from anna_tests.graph.automation import Automation, observe
from anna_tests.graph.conftest import MONTHS, Deployment, events
from anna_tests.graph.results import metadata, problem


def test_missing_marts_are_built_once(deployment: Deployment) -> None:
    automation = Automation(deployment)
    assert automation.run() == {"mart/cards": set(MONTHS), "mart/accounts": set(MONTHS)}
    assert automation.run() == {}


def test_a_changed_month_rebuilds_its_mart_and_the_histories_that_hold_it(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    for month in MONTHS:
        deployment.materialize("history/cards", partition=month)
    assert automation.run() == {}

    late = events(1, "2024-02-01").with_columns(amount=pl.col("amount") + 1)
    deployment.rewrite_month("cards", "2024-02-01", late)
    assert automation.run() == {"mart/cards": {"2024-02-01"}, "history/cards": {"2024-02-01", "2024-03-01"}}
    assert automation.run() == {}


def test_a_change_that_is_observed_while_its_month_is_being_built_is_built_afterwards(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    observe = deployment.defs.resolve_job_def("observe_cards")
    for number in (1, 2):  # the second one comes before the run of the first has read it, or after: nobody knows
        changed = events(1, "2024-02-01").with_columns(amount=pl.col("amount") + number)
        deployment.rewrite_month("cards", "2024-02-01", changed)
        observe.execute_in_process(instance=deployment.instance)
        assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    deployment.materialize("mart/cards", partition="2024-02-01")
    assert automation.run() == {}


def test_the_same_rows_in_another_order_and_file_rebuild_nothing(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    deployment.materialize("history/cards", partition="2024-03-01")
    automation.run()
    folder = deployment.home / "warehouse" / "cards"
    rows = pl.read_parquet(folder / "2024-02.parquet").reverse()
    (folder / "2024-02.parquet").unlink()
    rows.head(100).write_parquet(folder / "a.parquet")
    rows.tail(-100).write_parquet(folder / "b.parquet")
    assert automation.run() == {}


def test_a_late_row_in_a_new_file_rebuilds_its_own_month(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    late = events(1, "2024-01-01").head(1).with_columns(event_id=pl.lit(5, dtype=pl.Int64))
    late.write_parquet(deployment.home / "warehouse" / "cards" / "late.parquet")
    assert automation.run() == {"mart/cards": {"2024-01-01"}}


def test_histories_that_nobody_asked_for_are_not_built(deployment: Deployment) -> None:
    built = Automation(deployment).run()
    assert not any(key.startswith(("history", "retro")) for key in built)


def test_a_month_that_fails_is_not_tried_in_a_loop(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").with_columns(event_time=pl.lit("soon")))
    result = deployment.defs.resolve_job_def("observe_cards").execute_in_process(
        instance=deployment.instance, raise_on_error=False
    )
    assert not result.success
    assert automation.tick() == {}


def test_a_month_whose_file_is_being_written_waits_for_its_observation(deployment: Deployment) -> None:
    automation = Automation(deployment)
    automation.run()
    folder = deployment.home / "warehouse" / "cards"
    for month in MONTHS[:2]:
        late = events(1, month).head(1).with_columns(event_id=pl.lit(5, dtype=pl.Int64))
        late.write_parquet(folder / f"late{month}.parquet")
    deployment.defs.resolve_job_def("observe_cards").execute_in_process(instance=deployment.instance)
    assert automation.tick() == {"mart/cards": set(MONTHS[:2])}
    whole = (folder / "2024-02.parquet").read_bytes()
    (folder / "2024-02.parquet").write_bytes(whole[: len(whole) // 2])
    deployment.materialize("mart/cards", partition="2024-01-01")  # none of its rows lie in that file
    refused = deployment.materialize("mart/cards", partition="2024-02-01", check=False)
    assert "2024-02.parquet is being written" in problem(refused)
    assert automation.tick() == {}
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").head(50))
    assert automation.run() == {"mart/cards": {"2024-02-01"}}


def test_a_month_that_was_refused_as_its_file_was_being_written_is_built_although_the_rows_are_the_same(
    deployment: Deployment,
) -> None:
    automation = Automation(deployment)
    automation.run()
    folder = deployment.home / "warehouse" / "cards"
    late = events(1, "2024-02-01").head(1).with_columns(event_id=pl.lit(5, dtype=pl.Int64))
    late.write_parquet(folder / "late.parquet")
    observe(deployment)
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    whole = (folder / "2024-02.parquet").read_bytes()
    (folder / "2024-02.parquet").write_bytes(whole[: len(whole) // 2])
    refused = deployment.materialize("mart/cards", partition="2024-02-01", check=False)
    assert not refused.success
    assert not any(event.is_step_up_for_retry for event in refused.all_events)  # seconds later it is no other file
    assert automation.tick() == {}
    (folder / "2024-02.parquet").write_bytes(whole)
    assert automation.run() == {"mart/cards": {"2024-02-01"}}
    assert automation.run() == {}  # its data version stays as it is from then on
    assert not deployment.warehouse.mart(deployment.domain("cards")).stale_months([dt.date(2024, 2, 1)])


def test_a_month_that_cannot_be_built_is_tried_once_with_each_observation(deployment: Deployment) -> None:
    automation = Automation(deployment)
    nobody = events(1, "2024-02-01").with_columns(client_id=pl.lit(None, dtype=pl.Int64))
    deployment.rewrite_month("cards", "2024-02-01", nobody)
    observe(deployment)
    assert automation.tick()["mart/cards"] == set(MONTHS)
    for month in MONTHS:
        deployment.materialize("mart/cards", partition=month, check=False)
    for _ in range(3):
        assert automation.tick() == {}
        observe(deployment)
        assert automation.tick() == {"mart/cards": {"2024-02-01"}}
        assert not deployment.materialize("mart/cards", partition="2024-02-01", check=False).success
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01"))
    observe(deployment)
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}


@pytest.mark.parametrize("replaced", [True, False])
def test_a_build_that_is_under_way_is_asked_for_again_only_if_its_files_were_replaced(
    deployment: Deployment, replaced: bool
) -> None:
    automation = Automation(deployment)
    automation.run()
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").head(100))
    observe(deployment)
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    job = deployment.defs.resolve_implicit_global_asset_job_def()
    under_way = deployment.instance.create_run_for_job(
        job.get_subset(asset_selection={dg.AssetKey(["mart", "cards"])}),
        asset_selection=frozenset({dg.AssetKey(["mart", "cards"])}),
        tags={"dagster/partition": "2024-02-01"},
    )
    changed = "2024-02-01" if replaced else "2024-03-01"
    deployment.rewrite_month(
        "cards", changed, pl.read_parquet(deployment.home / f"warehouse/cards/{changed[:7]}.parquet")
    )
    observe(deployment)
    assert automation.tick() == {}
    deployment.instance.report_run_failed(under_way)
    assert automation.tick() == ({"mart/cards": {"2024-02-01"}} if replaced else {})


def test_a_commit_to_a_lake_during_the_first_build_asks_for_the_months_it_changed_alone(deployment: Deployment) -> None:
    domain = deployment.settings.domains / "cards.yaml"
    domain.write_text(domain.read_text().replace("{path: warehouse/cards}", "{path: warehouse/lake, format: delta}"))
    lake = str(deployment.home / "warehouse/lake")
    for month in MONTHS:
        events(1, month).write_delta(lake, mode="append")
    deployment.reload()
    automation, key = Automation(deployment), dg.AssetKey(["mart", "cards"])
    observe(deployment)
    assert automation.tick()["mart/cards"] == set(MONTHS)
    job = deployment.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    for month in MONTHS:  # queued
        deployment.instance.create_run_for_job(job, asset_selection=frozenset({key}), tags={"dagster/partition": month})
    late = events(1, "2024-03-01").head(1).with_columns(event_id=pl.lit(9, dtype=pl.Int64))
    late.write_delta(lake, mode="append")
    observe(deployment)
    assert automation.tick() == {}
    for month in MONTHS:
        deployment.materialize("mart/cards", partition=month)
    for run in deployment.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.NOT_STARTED])):
        deployment.instance.report_run_canceled(run)
    assert automation.tick() == {"mart/cards": {"2024-03-01"}}


def test_the_good_months_of_a_run_stay_made_when_one_fails(deployment: Deployment) -> None:
    automation = Automation(deployment)
    nobody = events(1, "2024-02-01").with_columns(client_id=pl.lit(None, dtype=pl.Int64))
    deployment.rewrite_month("cards", "2024-02-01", nobody)
    deployment.defs.resolve_job_def("observe_cards").execute_in_process(instance=deployment.instance)
    assert automation.tick()["mart/cards"] == set(MONTHS)
    result = deployment.materialize_range("mart/cards", MONTHS[0], MONTHS[-1])
    assert not result.success
    made = deployment.instance.get_materialized_partitions(dg.AssetKey(["mart", "cards"]))
    assert made == {"2024-01-01", "2024-03-01"}
    told = next(event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert "1 of 3 months (2024-02-01)" in told.error.message
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01"))
    assert automation.run()["mart/cards"] == {"2024-02-01"}


def test_files_that_write_the_same_clients_otherwise_are_told_on_the_source_s_page(deployment: Deployment) -> None:
    frame = events(1, "2024-02-01")
    padded = pl.col("client_id").cast(pl.String).str.zfill(9)
    deployment.rewrite_month("cards", "2024-02-01", frame.with_columns(padded))
    deployment.refresh_by_runs()
    records = deployment.instance.fetch_observations(dg.AssetKey(["source", "cards"]), limit=10).records
    whole = next(record.asset_observation for record in records if record.partition_key is None).metadata
    told = whole["clients of files"].value
    assert "2024-02.parquet and " in told
    assert "write clients in different ways: leading zeros are lost in one of the two" in told


def test_what_is_left_aside_stands_on_the_pages_of_source_and_mart(deployment: Deployment) -> None:
    odd = pl.int_range(pl.len())
    frame = events(1, "2024-02-01").with_columns(
        client_id=pl.when(odd == 3).then(None).otherwise(pl.col("client_id")),
        event_time=pl.when(odd == 5).then(pl.lit("soon")).otherwise(pl.col("event_time").dt.to_string("iso")),
    )
    deployment.rewrite_month("cards", "2024-02-01", frame)
    (deployment.home / "warehouse/cards/notes.xlsx").touch()
    deployment.refresh_by_runs()
    key = dg.AssetKey(["source", "cards"])
    records = deployment.instance.fetch_observations(key, limit=10).records
    whole = next(record.asset_observation for record in records if record.partition_key is None).metadata
    february = next(record.asset_observation for record in records if record.partition_key == "2024-02-01").metadata
    mart = deployment.instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(["mart", "cards"]), asset_partitions=["2024-02-01"]), limit=1
    ).records[0].asset_materialization.metadata  # fmt: skip
    assert whole["rows without a usable time"].value == whole["rows: event_time is no time"].value == 1
    assert whole["first: event_time is no time"].value == "2024-02.parquet, row 6: 'soon'"
    assert whole["files not read"].value.startswith("1 file is not read: notes.xlsx does not end in .parquet")
    assert whole["differences between files"].value.startswith("column 'event_time' differs between files: Datetime")
    assert whole["clients of files"].value == "written in one way, as far as their first rows tell"
    assert february["rows: client_id is missing"].value == mart["rows: client_id is missing"].value == 1
    assert february["dagster/row_count"].value == len(frame) - 1
    assert mart["rows left aside"].value == 1
    assert (mart["month"].value, mart["events"].value) == ("2024-02", len(frame) - 2)
    assert mart["missing values"].value == "kind 0%, amount 0%, online 0%"
    assert mart["categories so far"].value == "kind 2"
    assert mart["dagster/row_count"].value == len(frame) - 2


def test_a_field_that_is_not_filled_any_more_is_told_by_its_month(deployment: Deployment) -> None:
    february = events(1, "2024-02-01").with_columns(kind=None)
    deployment.rewrite_month("cards", "2024-02-01", february)
    deployment.refresh()
    january = metadata(deployment.materialize("mart/cards", partition="2024-01-01"), "mart/cards")
    result = deployment.materialize("mart/cards", partition="2024-02-01")
    assert january["missing values"].value == "kind 0%, amount 0%, online 0%"
    assert metadata(result, "mart/cards")["missing values"].value == "kind 100%, amount 0%, online 0%"
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.description == "2024-02-01: kind is always missing, although the month before has values of it"
