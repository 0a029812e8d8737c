"""The sensor `sources`: when it asks for an observation, what it says, and when the graph follows the data."""

import datetime as dt
import os
import sqlite3
import time

import dagster as dg
import polars as pl
import pytest

from anna_assets.definitions import build_defs
from anna_assets.layers import source_asset
from anna_assets.past_runs import UNDER_WAY
from anna_assets.refresh import first_month, sources_sensor
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import parse_month
from anna_core.sequences import readiness
from anna_core.sources import digests
from anna_core.sources.source import Source
from anna_core.sources.source_state import read_state
from anna_resources.artifacts import events as artifacts_events
from anna_resources.blueprint import Blueprint
from anna_resources.code_location import ReloadError
from anna_resources.names import WILL_RETRY_TAG
from anna_tests.graph.automation import Automation, observe
from anna_tests.graph.conftest import MONTHS, Deployment, events, write_domain
from anna_tests.graph.intake import Intake


def tick(deployment: Deployment, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=deployment.instance, cursor=cursor, resources=deployment.defs.resources, definitions=deployment.defs
    )
    with context:
        return deployment.defs.get_sensor_def("sources")(context)


def asked(deployment: Deployment) -> list[dg.RunRequest]:
    return tick(deployment).run_requests or []


def said(deployment: Deployment) -> str:
    found = tick(deployment)
    assert found.skip_reason is not None
    return found.skip_reason.skip_message


def run(deployment: Deployment, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    job = deployment.defs.resolve_job_def(request.job_name)
    return job.execute_in_process(instance=deployment.instance, tags=request.tags, raise_on_error=False)


def build(deployment: Deployment, *domains: str) -> None:
    """Build the marts of all months, as the automation asks for once their sources were observed."""
    for domain in domains:
        for month in MONTHS:
            deployment.warehouse.mart(deployment.domain(domain)).build(parse_month(month), DEFAULT_MEMORY)


def test_each_new_state_of_a_source_is_observed_once(deployment: Deployment) -> None:
    requests = asked(deployment)
    assert [request.job_name for request in requests] == ["observe_accounts", "observe_cards"]
    assert all(run(deployment, request).success for request in requests)
    assert said(deployment) == "No source changed."
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    assert [request.job_name for request in asked(deployment)] == ["observe_cards"]


@pytest.mark.parametrize("event", ["PIPELINE_STARTING", "PIPELINE_START", "PIPELINE_CANCELING"])
def test_an_observation_that_is_under_way_is_waited_for_however_long(deployment: Deployment, event: str) -> None:
    job = deployment.defs.resolve_job_def("observe_cards")
    started = deployment.instance.create_run_for_job(job)
    deployment.instance.report_dagster_event(dg.DagsterEvent(event, job.name), started.run_id)
    for _ in range(3):
        assert [request.job_name for request in asked(deployment)] == ["observe_accounts"]
    assert dg.DagsterRunStatus.QUEUED in UNDER_WAY


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The sensor's clock: seconds that have passed beside the real ones."""
    passed, real = {"seconds": 0.0}, time.time
    monkeypatch.setattr(sources_sensor.time, "time", lambda: real() + passed["seconds"])
    return passed


def refused(deployment: Deployment) -> None:
    """An observation that is asked for and fails."""
    [request] = asked(deployment)
    assert not run(deployment, request).success


def test_what_cannot_be_observed_is_tried_again_with_growing_pauses_and_told_in_the_run_s_own_words(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    run(deployment, asked(deployment)[0])
    build(deployment, "accounts")
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").drop("client_id"))
    for failures, pause in enumerate([30, 120, 480, 1920, 3600, 3600], start=1):
        refused(deployment)
        again = dt.datetime.fromtimestamp(time.time() + pause, dt.UTC)
        told = said(deployment)
        times = f"{failures} times" if failures > 1 else "once"
        assert told.startswith(f"observe_cards failed {times} with these files, and is tried again at {again:%Y-%m-%d}")
        assert told.count("client_id") >= 1
        clock["seconds"] += pause - 20
        assert said(deployment) == told
        clock["seconds"] += 21
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01"))
    assert run(deployment, asked(deployment)[0]).success
    build(deployment, "cards")
    assert said(deployment) == "No source changed."


def test_the_page_of_a_source_tells_what_is_wrong_with_it_once_and_that_it_was_mended(deployment: Deployment) -> None:
    checks, cursor = [], None

    def look() -> list[dg.RunRequest]:
        nonlocal cursor
        found = tick(deployment, cursor)
        cursor = found.cursor
        for event in found.asset_events:
            assert isinstance(event, dg.AssetCheckEvaluation)
            deployment.instance.report_runless_asset_event(event)
            checks.append((event.asset_key.to_user_string(), event.check_name, event.passed, event.description))
        return found.run_requests or []

    for request in look():
        assert run(deployment, request).success
    assert checks == []  # nothing was known yet
    build(deployment, "accounts", "cards")
    assert look() == []
    well = [(f"source/{name}", "readable", True, "The source can be read.") for name in ("accounts", "cards")]
    assert checks == well
    good = (deployment.home / "warehouse" / "cards" / "2024-01.parquet").read_bytes()
    odd = deployment.home / "warehouse" / "cards" / "odd.parquet"
    odd.write_bytes(b"no parquet")
    [request] = look()
    assert not run(deployment, request).success
    for _ in range(3):
        assert look() == []
    [told] = checks[2:]
    assert told[:3] == ("source/cards", "readable", False)
    assert told[3].startswith(f"domain cards: {odd}")
    odd.unlink()
    [request] = look()
    assert (request.job_name, checks[3:]) == ("observe_cards", well[1:])
    assert run(deployment, request).success  # `anna status` and `anna doctor` go by the latest observation
    assert look() == []
    odd.write_bytes(b"no parquet")
    [request] = look()
    assert not run(deployment, request).success
    assert look() == []
    odd.write_bytes(good)  # mended by its owner: the observation of the new file says so
    [request] = look()
    assert run(deployment, request).success
    build(deployment, "cards")
    assert look() == look() == []
    assert [passed for _, _, passed, _ in checks[4:]] == [False, True]
    del checks[4:]
    (deployment.home / "warehouse" / "cards").rename(deployment.home / "away")
    look()
    look()
    assert [(name, passed) for name, _, passed, _ in checks[4:]] == [("source/cards", False)]


@pytest.mark.parametrize("ends", ["it is tried again", "the disk is full"])
def test_a_sound_source_is_not_told_as_unreadable_where_its_observation_ends_otherwise(
    deployment: Deployment, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for request in asked(deployment):
        assert run(deployment, request).success
    cursor = tick(deployment).cursor
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    [request] = tick(deployment, cursor).run_requests or []
    if ends == "the disk is full":

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("anna_core.sources.observing.write_text", full)
        assert not run(deployment, request).success
    else:
        job = deployment.defs.resolve_job_def(request.job_name)
        ended = deployment.instance.create_run_for_job(job, tags={**request.tags, WILL_RETRY_TAG: "true"})
        failed = dg.DagsterEvent("PIPELINE_FAILURE", job.name, message="its process was ended from without")
        deployment.instance.report_dagster_event(failed, ended.run_id)
    assert tick(deployment, cursor).asset_events == []


def test_other_files_are_observed_at_once_and_failures_before_a_success_do_not_count(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    run(deployment, asked(deployment)[0])
    build(deployment, "accounts")
    good, bad = events(1, "2024-02-01"), events(1, "2024-02-01").drop("client_id")
    february = deployment.home / "warehouse" / "cards" / "2024-02.parquet"

    def bring_bad() -> None:
        deployment.rewrite_month("cards", "2024-02-01", bad)
        os.utime(february, (1e9, 1e9))  # so that it is the very same file each time

    bring_bad()
    for _ in range(3):
        refused(deployment)
        clock["seconds"] += 3600
    deployment.rewrite_month("cards", "2024-02-01", bad.head(20))
    refused(deployment)
    assert "failed once with these files" in said(deployment)
    deployment.rewrite_month("cards", "2024-02-01", good)
    assert run(deployment, asked(deployment)[0]).success
    bring_bad()
    refused(deployment)
    assert "failed once with these files" in said(deployment)
    clock["seconds"] = -7200.0  # a clock that was put back holds nothing up
    refused(deployment)


def test_a_bad_file_among_many_that_come_is_not_met_at_each_look(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    run(deployment, asked(deployment)[0])
    build(deployment, "accounts")
    bad = events(1, "2024-02-01").drop("client_id")
    for rows in (60, 50, 40, 30):
        deployment.rewrite_month("cards", "2024-02-01", bad.head(rows))
        refused(deployment)
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01"))
    assert "observe_cards failed with 4 states of its files in a row, and is tried" in said(deployment)
    clock["seconds"] += 31
    assert run(deployment, asked(deployment)[0]).success


def test_an_observation_that_a_full_disk_failed_recovers_by_itself(
    deployment: Deployment, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(deployment, asked(deployment)[0])
    build(deployment, "accounts")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("anna_core.sources.observing.write_text", full)
        for _ in range(5):
            refused(deployment)
            clock["seconds"] += 3600
    assert run(deployment, asked(deployment)[0]).success
    build(deployment, "cards")
    assert said(deployment) == "No source changed."


@pytest.mark.parametrize(
    "ends", ["anna_assets.layers.source_asset.versions_to_tell", "anna_resources.artifacts.events.observing.mark_told"]
)
def test_an_observation_that_ends_before_it_was_told_is_made_good(
    deployment: Deployment, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    automation = Automation(deployment)
    automation.run()
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))

    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(ends, locked)
        refused(deployment)
    assert "observe_cards failed once with these files" in said(deployment)
    clock["seconds"] += 31
    assert run(deployment, asked(deployment)[0]).success
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    deployment.materialize("mart/cards", partition="2024-02-01")
    assert said(deployment) == "No source changed."


def behind(deployment: Deployment, how: str) -> None:
    """Bring about that February of the cards is behind, nothing is about to build it, and no file changes any more."""
    automation, cards = Automation(deployment), deployment.warehouse.mart(deployment.domain("cards"))
    automation.run()
    if how == "damaged":
        cards.month_path(dt.date(2024, 2, 1)).write_bytes(b"PAR1")
        return
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    [request] = asked(deployment)
    assert run(deployment, request).success
    if how == "share away":
        share = deployment.home / "warehouse"
        share.rename(deployment.home / "away")
    if how == "deleted run":
        job = deployment.defs.resolve_implicit_global_asset_job_def()
        key = dg.AssetKey(["mart", "cards"])
        lost = deployment.instance.create_run_for_job(
            job.get_subset(asset_selection={key}),
            asset_selection=frozenset({key}),
            tags={"dagster/partition": "2024-02-01"},
        )
        deployment.instance.report_run_failed(lost)
        deployment.instance.delete_run(lost.run_id)
    if how == "share away":
        assert not deployment.materialize("mart/cards", partition="2024-02-01", check=False).success
        (deployment.home / "away").rename(share)


@pytest.mark.parametrize("how", ["share away", "deleted run", "damaged", "never asked for"])
def test_months_that_nothing_is_about_to_build_are_asked_for_again_after_a_pause(
    deployment: Deployment, clock: dict[str, float], how: str
) -> None:
    behind(deployment, how)
    automation = Automation(deployment)
    automation.tick()  # its memory begins here: what was asked for before is lost
    assert said(deployment) == "No source changed."
    clock["seconds"] += 121
    [request] = asked(deployment)
    assert run(deployment, request).success
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    deployment.materialize("mart/cards", partition="2024-02-01")
    clock["seconds"] += 10**6
    assert said(deployment) == "No source changed."
    assert automation.run() == {}


def test_a_month_that_is_refused_is_asked_for_with_growing_pauses_and_at_once_where_more_may_be_left_aside(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    automation = Automation(deployment)
    automation.run()
    third = pl.when(pl.int_range(pl.len()) % 3 == 0).then(None).otherwise(pl.col("client_id"))
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").with_columns(client_id=third))
    assert run(deployment, asked(deployment)[0]).success
    for tries, pause in enumerate([120, 480, 1920, 7680, 21600, 21600]):
        assert automation.tick() == {"mart/cards": {"2024-02-01"}}
        assert not deployment.materialize("mart/cards", partition="2024-02-01", check=False).success
        clock["seconds"] += pause - 20
        told = said(deployment)
        if tries:
            times = "once" if tries == 1 else f"{tries} times"
            assert told.startswith(f"observe_cards asked {times} again for months that are still not built (2024-02)")
        clock["seconds"] += 21
        [request] = asked(deployment)
        assert run(deployment, request).success
    settings = deployment.home / "anna.yaml"
    settings.write_text(settings.read_text() + "left_aside: 0.9\n")
    deployment.reload()
    for request in asked(deployment):
        assert run(deployment, request).success
    assert automation.tick() == {"mart/cards": {"2024-02-01"}}
    assert deployment.materialize("mart/cards", partition="2024-02-01").success
    assert said(deployment) == "No source changed."


def test_months_that_a_run_is_about_to_build_are_not_asked_for_again(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    Automation(deployment).run()
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    assert run(deployment, asked(deployment)[0]).success
    job, key = deployment.defs.resolve_implicit_global_asset_job_def(), dg.AssetKey(["mart", "cards"])
    queued = deployment.instance.create_run_for_job(
        job.get_subset(asset_selection={key}),
        asset_selection=frozenset({key}),
        tags={"dagster/partition": "2024-02-01"},
    )
    clock["seconds"] += 10**6
    assert said(deployment) == "No source changed."
    deployment.instance.report_run_failed(queued)
    assert [request.job_name for request in asked(deployment)] == ["observe_cards"]


def test_an_observation_that_somebody_canceled_is_not_begun_again_until_the_source_changes(
    deployment: Deployment, clock: dict[str, float]
) -> None:
    Automation(deployment).run()

    def cancel() -> None:
        [request] = asked(deployment)
        job = deployment.defs.resolve_job_def(request.job_name)
        deployment.instance.report_run_canceled(deployment.instance.create_run_for_job(job, tags=request.tags))
        clock["seconds"] += 10**6
        assert "observe_cards was canceled (run " in said(deployment)

    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    cancel()
    deployment.rewrite_month("cards", "2024-02-01", events(9, "2024-02-01"))
    assert run(deployment, asked(deployment)[0]).success
    clock["seconds"] += 121
    cancel()  # the one that asks for its build once more
    deployment.rewrite_month("cards", "2024-02-01", events(1, "2024-02-01").head(20))
    assert run(deployment, asked(deployment)[0]).success


def test_an_observation_tells_of_those_months_alone_of_which_there_is_news(deployment: Deployment) -> None:
    automation, key = Automation(deployment), dg.AssetKey(["source", "cards"])

    def told() -> list[str]:
        before = {record.storage_id for record in deployment.instance.fetch_observations(key, limit=99).records}
        observe(deployment)
        records = deployment.instance.fetch_observations(key, limit=99).records
        new = [record.partition_key for record in records if record.storage_id not in before]
        assert new.count(None) == 1  # the source as a whole
        return sorted(month for month in new if month is not None)

    assert told() == list(MONTHS)
    build(deployment, "cards")
    assert told() == []
    frame = events(1, "2024-02-01")
    deployment.rewrite_month("cards", "2024-02-01", frame.head(100))
    assert told() == ["2024-02-01"]
    build(deployment, "cards")
    nobody = frame.head(1).with_columns(client_id=pl.lit(None, dtype=pl.Int64))
    deployment.rewrite_month("cards", "2024-02-01", pl.concat([frame.head(100), nobody]))
    assert told() == ["2024-02-01"]  # if its rows are the same: another number of them is left aside
    build(deployment, "cards")
    assert told() == []
    assert automation.tick()["mart/cards"] == set(MONTHS)


def test_a_file_whose_name_is_not_utf_8_stops_nothing(deployment: Deployment) -> None:
    for name in (b"\xff\xfe note.txt", b"\xff.parquet"):
        with open(os.fsencode(deployment.home / "warehouse" / "accounts") + b"/" + name, "wb") as file:
            file.write(b"?")
    intake = Intake(deployment)
    deployment.refresh()
    assert said(deployment) == "No source changed."
    intake.put("churn", "q1.csv")
    assert intake.tick() == ["churn.q1"]


def test_what_nobody_foresaw_in_one_domain_is_told_and_stops_no_other(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(deployment)
    deployment.refresh()
    real = digests.look

    def look(source: Source, *rest: object) -> object:
        if source.domain.name == "accounts":
            raise RecursionError("too deep")
        return real(source, *rest)

    monkeypatch.setattr(digests, "look", look)
    assert said(deployment) == "accounts: RecursionError: too deep"
    deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    assert [request.job_name for request in asked(deployment)] == ["observe_cards"]
    intake.put("churn", "q1.csv")
    intake.quiet()
    assert "accounts cannot be read: RecursionError: too deep" in intake.row("churn/q1.csv")["reason"]


def test_files_of_domains_that_cannot_be_used_or_are_new_are_named(deployment: Deployment) -> None:
    for request in asked(deployment):
        run(deployment, request)
    (deployment.settings.domains / "draft.yaml").write_text("source: {path: wareh")
    told = said(deployment)
    assert "draft.yaml, line 1: cannot be read as YAML" in told
    assert told.endswith("Until that is corrected, draft is left out.")
    write_domain(deployment.home, "draft", seed=3)
    (deployment.settings.domains / "cards.yaml").unlink()
    told = said(deployment)
    assert f"In {deployment.settings.domains} cards, draft changed, came or went since the definitions were" in told


def following(deployment: Deployment) -> None:
    """Load the graph as a code server does, the first month being the data's own."""
    text = "end_month: 2024-03\ninbox_settle_seconds: 0\nsource_settle_seconds: 0\n"
    (deployment.home / "anna.yaml").write_text(text)
    deployment.reload()
    blueprint = Blueprint.read(deployment.settings)
    settings = blueprint.settled(deployment.settings)
    deployment.defs = build_defs(settings, list(blueprint.domains), blueprint.notes, blueprint.follows_data)


def months(deployment: Deployment) -> list[str]:
    graph = deployment.defs.resolve_asset_graph()
    return graph.get(dg.AssetKey(["mart", "cards"])).partitions_def.get_partition_keys()


def test_the_graph_begins_with_the_data(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    reloads = []
    monkeypatch.setattr(first_month, "reload_definitions", lambda url: (reloads.append(url), following(deployment)))
    stray = events(1, "2024-01-01").head(1).with_columns(event_time=pl.lit("1980-01-01").str.to_datetime())
    deployment.rewrite_month("cards", "1980-01-01", stray)
    deployment.rewrite_month("cards", "2023-12-01", events(1, "2023-12-01", per_client=20))
    following(deployment)
    assert months(deployment) == ["2024-03-01"]  # nothing is known of the data yet
    for request in asked(deployment):
        assert run(deployment, request).success
    assert said(deployment) == "The data begins in 2023-12: the definitions were loaded anew."
    assert reloads == ["http://127.0.0.1:3000"]
    assert months(deployment) == ["2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01"]
    for request in asked(deployment):  # other months are kept now
        result = run(deployment, request)
        assert result.success
    assert said(deployment) == "No source changed."
    assert len(reloads) == 1


def test_a_look_at_the_inbox_reads_what_was_observed_once_and_only_where_an_upload_waits(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    following(deployment)
    for request in asked(deployment):
        assert run(deployment, request).success
    read = list[str]()
    for module in (readiness, artifacts_events):
        real = module.read_state
        monkeypatch.setattr(module, "read_state", lambda folder, real=real: (read.append(folder.name), real(folder))[1])
    intake = Intake(deployment)
    intake.quiet()
    assert read == []
    for name in ("q1.csv", "q2.csv"):
        intake.put("churn", name)
    intake.quiet()
    assert intake.state("churn/q1.csv") == "waiting"
    assert sorted(read) == ["accounts", "cards"]


def test_a_sample_waits_until_the_months_begin_with_the_data(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_month, "reload_definitions", lambda url: following(deployment))
    following(deployment)
    intake = Intake(deployment)
    intake.put("churn", "q1.csv")
    intake.quiet()
    for request in asked(deployment):
        run(deployment, request)
    assert intake.tick() == []
    reason = intake.row("churn/q1.csv")["reason"]
    assert reason == "the data begins in 2024-01, and the months are about to begin there, too."
    assert said(deployment).startswith("The data begins in 2024-01")
    intake.quiet()
    assert "cards is to be observed" in intake.row("churn/q1.csv")["reason"]
    for request in asked(deployment):
        run(deployment, request)
    for domain in deployment.domains:
        for month in months(deployment):
            deployment.materialize(f"mart/{domain}", partition=month)
    assert intake.tick() == ["churn.q1"]


def test_months_that_nobody_can_tell_move_nothing(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_month, "reload_definitions", lambda url: following(deployment))
    deployment.rewrite_month("cards", "2023-12-01", events(1, "2023-12-01"))
    following(deployment)
    for request in asked(deployment):
        run(deployment, request)
    assert said(deployment).startswith("The data begins in 2023-12")
    for request in asked(deployment):
        run(deployment, request)
    (deployment.settings.storage / "source" / "cards" / "fingerprints.json").write_text("{")
    assert "cannot be read; remove it, and the source is observed anew" in said(deployment)
    assert months(deployment)[0] == "2023-12-01"


def test_a_graph_that_could_not_follow_says_so_and_tries_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(url: str) -> None:
        raise ReloadError("The webserver sleeps.")

    monkeypatch.setattr(first_month, "reload_definitions", fails)
    following(deployment)
    for request in asked(deployment):
        run(deployment, request)
    for _ in range(2):
        assert said(deployment) == "The data begins in 2024-01, the graph does not. The webserver sleeps."


def test_months_that_are_about_to_begin_with_the_data_do_not_leave_rows_outside(deployment: Deployment) -> None:
    following(deployment)
    assert months(deployment) == ["2024-03-01"]
    job = deployment.defs.resolve_job_def("observe_cards")
    done = job.execute_in_process(instance=deployment.instance)
    said = [entry.user_message for entry in deployment.instance.all_logs(done.run_id)]
    assert any("cards begins in 2024-01; the deployment's months are about to begin there." in line for line in said)
    assert not any("lie outside" in line for line in said)


def test_rows_outside_the_deployment_s_months_are_counted(deployment: Deployment) -> None:
    stray = events(1, "2024-01-01").head(3).with_columns(event_time=pl.lit("1980-01-01").str.to_datetime())
    deployment.rewrite_month("cards", "1980-01-01", stray)
    run(deployment, asked(deployment)[1])
    state = read_state(deployment.settings.storage / "source" / "cards")
    known = {"2024-01-01", "2024-02-01", "2024-03-01"}
    assert source_asset._outside(sources_domain(deployment), state.rows, known) == (
        "3 of 1,443 rows of cards (0.21%) lie outside the deployment's months and are not used: 1 months from 1980-01 "
        "to 1980-01. Set start_month or end_month in anna.yaml to take them in."
    )


def sources_domain(deployment: Deployment):
    return Blueprint.read(deployment.settings).domains[1]
