"""The inbox's sensor: what becomes of uploads, tick by tick, as the daemon would act on it."""

import datetime as dt
import json
import os
import re
import shutil
import uuid
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import polars as pl
import pytest

from anna_assets.uploads import inbox_sensor, reading, work
from anna_assets.uploads.matching import Matching
from anna_assets.uploads.reading import Later
from anna_assets.uploads.table import observation
from anna_assets.uploads.work import Answer
from anna_core.samples.inbox import upload_lock
from anna_core.samples.register import Entry, Register, UploadState
from anna_core.samples.resting import Stamps, stamps_of
from anna_tests.graph.conftest import MONTHS, Deployment, events, sample_rows
from anna_tests.graph.intake import FAILURE, STARTED, SUCCESS, Intake, records, zeros_before


@pytest.fixture
def intake(deployment: Deployment) -> Intake:
    """An inbox whose marts are fresh."""
    made = Intake(deployment)
    made.deployment.refresh()
    return made


@pytest.fixture
def early(deployment: Deployment) -> Intake:
    """An inbox whose marts are yet to be built."""
    return Intake(deployment)


def test_a_sample_gets_its_partition_and_one_run(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.settings("churn", "owner: retail\n")
    result = intake.evaluate()
    [request] = result.run_requests
    assert request.partition_key == "churn.q1"
    assert request.tags["anna/owner"] == "retail"
    assert result.dynamic_partitions_requests[0].partition_keys == ["churn.q1"]
    assert intake.tick() == ["churn.q1"]  # asked for until it exists, under the key by which Dagster makes it once
    assert intake.evaluate().run_requests == []
    intake.quiet()
    assert intake.row("churn/q1.csv") == {
        "sample": "churn.q1",
        "state": "launched",
        "standing": "running",
        "reason": "",
        "file": "churn/q1.csv",
        "as_of": "2024-03-15 to 2024-03-15",
        "owner": "retail",
        "warnings": "",
        "run": intake.runs["churn.q1"],
        "attempt": intake.runs["churn.q1"],
        "failed_with": "",
        "watched": intake.runs["churn.q1"],
        "content": request.tags["anna/content"],
        "told": "",  # reason and warnings, for the page
    }


def test_the_page_tells_how_launches_stand_the_latest_first_with_links_to_what_there_is(intake: Intake) -> None:
    instance, runs = intake.deployment.instance, intake.runs
    for name, status in (("good", SUCCESS), ("bad", FAILURE), ("goes_on", STARTED)):
        intake.put("churn", f"{name}.csv")
        intake.tick(status)
        if status is FAILURE:
            died = dg.DagsterEvent("PIPELINE_FAILURE", "train", message="the disk is on fire")
            instance.report_dagster_event(died, run_id=runs["churn.bad"])
    intake.put("churn", "no key.csv")
    intake.quiet()
    [observed] = instance.fetch_observations(dg.AssetKey("uploads"), limit=1).records
    page = observed.asset_observation
    shown = [(row["file"], row["standing"], row["told"].replace("\N{NO-BREAK SPACE}", " ")) for row in records(page)]
    assert shown[1:] == [
        ("churn/goes_on.csv", "running", ""),
        ("churn/bad.csv", "failed", "it failed: the disk is on fire"),
        ("churn/good.csv", "finished", ""),
    ]
    assert shown[0][:2] == ("churn/no key.csv", "refused")
    assert page.description == "1 refused, 1 running, 1 failed, 1 finished"
    links = {name: f"[run {runs[f'churn.{name}'][:8]}](/runs/{runs[f'churn.{name}']})" for name in ("bad", "good")}
    assert page.metadata["launches"].value.splitlines()[1:] == [
        f"- churn.bad, failed: {links['bad']}",
        f"- churn.good, finished: {links['good']}, [report](/assets/report?view=partitions&partition=churn.good)",
    ]
    # Somebody has it go on in the UI from where it failed.
    failed = instance.get_run_by_id(runs["churn.bad"])
    assert failed is not None
    tags = {**failed.tags, "dagster/is_resume_retry": "true", "dagster/root_run_id": failed.run_id}
    again = dg.DagsterRun(
        "train", "again", tags=tags, status=SUCCESS, root_run_id=failed.run_id, parent_run_id=failed.run_id
    )
    instance.add_run(again)
    intake.quiet()
    now = intake.row("churn/bad.csv")
    assert (now["state"], now["standing"], now["run"], now["attempt"]) == (
        "launched",
        "finished",
        failed.run_id,
        "again",
    )


def test_a_run_that_was_asked_for_and_never_made_is_asked_for_under_the_same_key(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    first, second = intake.evaluate(), intake.evaluate()
    assert [request.run_key for request in first.run_requests] == [request.run_key for request in second.run_requests]


def test_the_table_is_published_when_it_changes_and_no_more(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    for _ in range(5):
        intake.tick()
    assert [table["churn/q1.csv"]["state"] for table in intake.published] == ["starting", "launched"]
    assert [table["churn/q1.csv"]["standing"] for table in intake.published] == ["starting", "running"]
    [observed] = intake.deployment.instance.fetch_observations(dg.AssetKey("uploads"), limit=1).records
    assert observed.asset_observation.description == "1 running"
    table = observed.asset_observation.metadata["uploads"]
    assert [column.name for column in table.schema.columns] == ["file", "standing", "told"]  # the rest is for programs
    assert table.records[0].data.keys() >= {"sample", "reason", "warnings", "run", "watched", "content"}
    intake.deployment.reload()  # a code server that starts anew
    intake.quiet()
    assert len(intake.published) == 2


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("churn/2024.q1.csv", ["cards: 2024-01 is to be built.", "cards knows 0 of 200 clients."]),
        ("churn/churn_2024_q1.csv", ["cards: 2024-01 is to be", "built. cards knows 0 of 200", "clients."]),
        (f"churn/{'long' * 20}.csv", ["cards: 2024-01 is to", "be built. cards", "knows 0 of 200", "clients."]),
    ],
)
def test_the_page_tells_reason_and_warnings_in_lines_that_it_has_room_for(file: str, lines: list[str]) -> None:
    row = {
        "file": file,
        "standing": "waiting",
        "reason": "cards: 2024-01 is to be built.",
        "failed_with": "",
        "warnings": "cards knows 0 of 200\nclients.",
        "run": "",
    }
    (shown,) = observation([row]).metadata["uploads"].records
    assert [line.replace("\N{NO-BREAK SPACE}", " ") for line in shown.data["told"].split(" ")] == lines
    assert shown.data.items() >= row.items()


def test_the_page_may_break_long_words_such_as_paths() -> None:
    reason = f"/{'long' * 40}/q1.csv, line 1: the text is not UTF-8."
    row = dict.fromkeys(("standing", "failed_with", "warnings", "run"), "") | {"file": "churn/q1.csv", "reason": reason}
    (shown,) = observation([row]).metadata["uploads"].records
    parts = re.split("[ \N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}]", shown.data["told"])
    assert max(map(len, parts)) <= 40  # what is left beside the file's name
    assert shown.data["reason"] == reason


def test_odd_files_of_one_task_stop_no_other(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.put("churn", "with space.csv")
    odd = intake.inbox / "odd"
    odd.mkdir()
    (odd / ".#task.yaml").symlink_to("somebody@somewhere.1234")  # an editor's lock
    (odd / "empty.csv").touch()
    with open(os.fsencode(odd) + b"/\xd0\xf3\xf1.csv", "w") as garbled:
        garbled.write("client_id,as_of,target\n")
    assert intake.tick() == ["churn.q1"]
    intake.quiet()
    told = {file: row["reason"] for file, row in intake.published[-1].items() if row["state"] == "refused"}
    assert told.keys() == {"churn/with space.csv", "odd/empty.csv", r"odd/\xd0\xf3\xf1.csv"}
    assert "'with space' cannot name a sample: use Latin letters, digits" in told["churn/with space.csv"]
    assert told["odd/empty.csv"] == "odd/empty.csv is not complete yet, or damaged: it is empty."
    assert told[r"odd/\xd0\xf3\xf1.csv"] == "its name is not UTF-8, so it cannot name a sample; rename it."
    assert all(file in intake.said and reason in intake.said for file, reason in told.items())
    intake.said.encode()
    (intake.inbox / "churn" / "with space.csv").rename(intake.inbox / "churn" / "without.csv")
    assert intake.tick() == ["churn.without"]


def test_one_sample_as_csv_and_parquet_is_refused_by_name_and_the_others_launch(intake: Intake) -> None:
    intake.put("churn", "x.csv")
    sample_rows().write_parquet(intake.inbox / "churn" / "x.parquet")
    intake.put("churn", "y.csv")
    assert intake.tick() == ["churn.y"]
    intake.quiet()
    refused = intake.row("churn/x.csv and churn/x.parquet")
    assert (refused["sample"], refused["state"], refused["reason"]) == (
        "churn.x", "refused", "x.csv and x.parquet are one sample; keep one of them."
    )  # fmt: skip
    (intake.inbox / "churn" / "x.csv").unlink()
    assert intake.tick() == ["churn.x"]


def test_single_steps_that_somebody_ran_again_are_no_launch(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    assert intake.tick(FAILURE) == ["churn.q1"]
    instance = intake.deployment.instance
    failed = instance.get_run_by_id(intake.runs["churn.q1"])
    assert failed is not None
    tags = {**failed.tags, "dagster/step_selection": "sample"}
    instance.add_run(dg.DagsterRun(job_name="train", run_id=str(uuid.uuid4()), tags=tags, status=SUCCESS))
    intake.put("churn", "q1.csv")
    assert intake.tick(FAILURE) == ["churn.q1"]
    tags["dagster/is_resume_retry"] = "true"  # that went on from where it had failed
    instance.add_run(dg.DagsterRun(job_name="train", run_id="whole", tags=tags, status=SUCCESS))
    intake.put("churn", "q1.csv")
    intake.quiet()
    assert intake.row("churn/q1.csv")["run"] == "whole"


def test_a_file_that_comes_again_starts_nothing_unless_its_launch_failed(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    assert intake.tick(SUCCESS) == ["churn.q1"]
    first = intake.runs["churn.q1"]
    intake.put("churn", "q1.csv")  # copied again, the same bytes
    intake.quiet()
    same = intake.row("churn/q1.csv")
    assert (same["state"], same["run"]) == ("launched", first)
    assert "were launched before: this is that launch." in same["reason"]
    intake.put("churn", "q1.csv", sample_rows(clients=50))
    assert intake.tick(FAILURE) == ["churn.q1"]
    intake.quiet()  # a failure alone starts nothing
    intake.put("churn", "q1.csv", sample_rows(clients=50))
    assert intake.tick(SUCCESS) == ["churn.q1"]
    intake.put("churn", "q1.csv")  # back to the first content: the stored models are of the other
    assert intake.tick() == ["churn.q1"]


def test_a_partition_that_was_deleted_comes_again_with_its_file(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    assert intake.tick(SUCCESS) == ["churn.q1"]
    intake.deployment.instance.delete_dynamic_partition("sample", "churn.q1")
    intake.quiet()  # who deleted it does not want it back at once
    intake.put("churn", "q1.csv")
    assert intake.tick() == ["churn.q1"]


@pytest.mark.parametrize("change", ["month", "domain", "new domain"])
def test_a_sample_trains_again_where_it_would_be_trained_on_something_else(intake: Intake, change: str) -> None:
    intake.put("churn", "q1.csv")
    intake.put("churn", "late.csv", sample_rows(as_of="2024-04-15"))
    assert sorted(intake.tick(SUCCESS)) == ["churn.late", "churn.q1"]
    home, lookback = intake.deployment.home, (intake.deployment.settings.domains / "cards.yaml").read_text()
    if change == "month":  # March's window reaches back to January, April's does not
        (home / "anna.yaml").write_text(
            (home / "anna.yaml").read_text().replace("start_month: 2024-01", "start_month: 2024-02")
        )
    elif change == "domain":
        (home / "domains" / "cards.yaml").write_text(lookback.replace("lookback: 60d", "lookback: 50d"))
    else:
        shutil.copy(home / "domains" / "cards.yaml", home / "domains" / "more.yaml")
    intake.deployment.reload()
    intake.deployment.refresh(MONTHS[1:] if change == "month" else MONTHS)
    intake.quiet()  # nothing trains anew by itself
    for name, as_of in (("q1.csv", "2024-03-15"), ("late.csv", "2024-04-15")):
        intake.put("churn", name, sample_rows(as_of=as_of))
    assert sorted(intake.tick()) == (["churn.q1"] if change == "month" else ["churn.late", "churn.q1"])


def test_a_sample_whose_settings_are_wrong_comes_again_when_they_are_mended(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.settings("churn", "metrik: roc_auc\n")
    intake.quiet()
    assert intake.state("churn/q1.csv") == "refused"
    assert "metrik" in intake.row("churn/q1.csv")["reason"]
    intake.quiet()
    assert "metrik" in intake.said
    intake.settings("churn", "metric: roc_auc\n")
    assert intake.tick() == ["churn.q1"]


def test_the_sensor_says_what_it_left_aside_and_why_until_the_file_goes(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.settings("churn", "metrik: roc_auc\n")
    intake.quiet()
    intake.quiet()
    assert "churn/q1.csv is refused: " in intake.said
    assert "metrik" in intake.said
    (intake.inbox / "churn" / "q1.csv").unlink()
    intake.quiet()
    assert "metrik" not in intake.said
    assert intake.published[-1] == {}


def test_files_that_are_still_copied_are_left_alone(intake: Intake) -> None:
    folder = intake.inbox / "churn"
    folder.mkdir(parents=True)
    sample_rows().write_parquet(folder / "whole.parquet")
    half = (folder / "whole.parquet").read_bytes()[:-10]
    (folder / "half.parquet").write_bytes(half)
    (folder / ".hidden.csv").write_text("client_id")
    (folder / "copy.csv.part").write_text("client_id")
    (folder / "empty.csv").touch()
    assert intake.tick() == ["churn.whole"]
    shutil.copy(folder / "whole.parquet", folder / "half.parquet")
    assert intake.tick() == ["churn.half"]


def test_a_file_is_read_once_it_rests_whatever_its_clock_says(intake: Intake, monkeypatch) -> None:
    monkeypatch.setattr(intake.deployment.settings, "inbox_settle_seconds", 5.0)
    clock = {"now": 1000.0}
    monkeypatch.setattr(inbox_sensor.time, "time", lambda: clock["now"])
    intake.put("churn", "q1.csv")
    os.utime(intake.inbox / "churn" / "q1.csv", (4e9, 4e9))  # of a clock that ran decades ahead
    intake.quiet()
    assert intake.state("churn/q1.csv") == "settling"
    clock["now"] = 1004.0
    intake.put("churn", "q1.csv", sample_rows(50))  # the copy goes on
    intake.quiet()
    clock["now"] = 1008.0
    intake.quiet()
    clock["now"] = 1009.0
    assert intake.tick() == ["churn.q1"]


def test_an_upload_that_is_being_registered_is_left_to_the_next_look(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    locks = intake.deployment.warehouse.upload_locks
    with upload_lock(locks, "churn.q1"):
        intake.quiet()
        assert intake.row("churn/q1.csv")["reason"] == "it is being registered, or read by its launch."
    assert intake.tick() == ["churn.q1"]


def test_an_upload_that_cannot_be_read_is_tried_after_all_others(intake: Intake, monkeypatch) -> None:
    monkeypatch.setattr(reading, "_BATCH", 1)
    intake.put("churn", "q1.csv")
    intake.put("churn", "q2.csv")
    with upload_lock(intake.deployment.warehouse.upload_locks, "churn.q1"):
        assert [key for _ in range(3) for key in intake.tick()] == ["churn.q2"]
    assert intake.tick() == ["churn.q1"]


def test_months_outside_the_deployment_do_not_hold_samples_back(early: Intake) -> None:
    deployment = early.deployment
    deployment.rewrite_month("cards", "2023-11-01", events(1, "2023-11-01"))
    deployment.refresh()
    early.put("churn", "q1.csv")
    assert early.tick() == ["churn.q1"]
    key = deployment.drop("churn", "q1", sample_rows(as_of="2024-01-20"))
    assert deployment.train(key).success


def test_samples_wait_until_the_marts_are_fresh(early: Intake) -> None:
    early.put("churn", "q1.csv")
    early.quiet()
    assert early.row("churn/q1.csv")["reason"] == (
        "accounts has not been observed yet. cards has not been observed yet."
    )
    assert "churn/q1.csv is waiting: accounts has not been observed yet." in early.said
    early.deployment.refresh()
    assert early.tick() == ["churn.q1"]


def test_a_month_that_cannot_be_built_holds_back_only_those_who_see_it(early: Intake) -> None:
    deployment = early.deployment
    wrong = events(1, "2024-01-01").with_columns(client_id=pl.lit(None, dtype=pl.Int64))
    deployment.rewrite_month("cards", "2024-01-01", wrong)
    for domain in deployment.domains:
        deployment.defs.resolve_job_def(f"observe_{domain}").execute_in_process(instance=deployment.instance)
        deployment.materialize_range(f"mart/{domain}", MONTHS[0], MONTHS[-1])
    early.put("churn", "sees.csv", sample_rows(as_of="2024-02-15"))
    early.put("churn", "not.csv", sample_rows(as_of="2024-04-15"))
    assert early.tick() == ["churn.not"]
    told = early.row("churn/sees.csv")
    assert told["state"] == "waiting"
    assert told["reason"].startswith("cards: 2024-01 of the mart is to be built; the last try failed: ")
    assert "client_id is missing in 480 of them" in told["reason"]


@pytest.mark.parametrize("kept", [0, 1000])
def test_a_damaged_month_of_a_mart_holds_back_only_those_who_see_it(intake: Intake, kept: int) -> None:
    mart = intake.deployment.warehouse.mart(intake.deployment.domain("cards"))
    february = mart.month_path(dt.date(2024, 2, 1))
    whole = february.read_bytes()
    february.write_bytes(whole[:kept])
    intake.put("churn", "q1.csv")
    intake.put("churn", "q2.csv", sample_rows(as_of="2024-01-15"))
    assert intake.tick() == ["churn.q2"]
    assert intake.row("churn/q1.csv")["reason"] == "cards: 2024-02 of the mart is to be built."
    for month in ("2024-03-01", "2024-02-01"):  # each of them can be
        intake.deployment.materialize("mart/cards", partition=month)
    assert intake.tick() == ["churn.q1"]


def test_a_source_that_cannot_be_observed_is_told_in_the_words_of_its_run(early: Intake) -> None:
    early.deployment.refresh()
    early.deployment.rewrite_month("cards", "2024-03-01", events(1, "2024-03-01").drop("client_id"))
    observe = early.deployment.defs.resolve_job_def("observe_cards")
    observe.execute_in_process(instance=early.deployment.instance, raise_on_error=False)
    early.put("churn", "q1.csv")
    early.quiet()
    reason = early.row("churn/q1.csv")["reason"]
    assert reason.startswith("cards is to be observed again: its files changed; the last try failed")
    assert "client_id" in reason


def register(deployment: Deployment, file: str, **options: object) -> dg.ExecuteInProcessResult:
    """Bring a sample as the Launchpad, GraphQL and `anna submit` do."""
    config = {"file": file, "task": "churn", "options": options}
    job = deployment.defs.resolve_job_def("register_sample")
    run_config = {"ops": {"upload": {"config": config}}}
    return job.execute_in_process(run_config=run_config, instance=deployment.instance, raise_on_error=False)


def test_a_file_that_is_written_on_once_it_seemed_at_rest_is_not_taken_in(intake: Intake, monkeypatch) -> None:
    file = intake.deployment.home / "q1.csv"
    sample_rows().write_csv(file)
    asked = []

    def wait_for_rest(origin: str, settle: float, tell: object) -> Stamps:
        asked.append((origin, settle))
        return {**stamps_of(origin), f"{file}.more": (0, 0, 0)}

    monkeypatch.setattr("anna_assets.uploads.register_sample.wait_for_rest", wait_for_rest)
    settings = intake.deployment.settings.model_copy(update={"inbox_settle_seconds": 7.0})
    monkeypatch.setattr("anna_assets.uploads.register_sample.load_settings", lambda: settings)
    assert not register(intake.deployment, str(file)).success
    assert asked == [(str(file), 7.0)]
    assert list(intake.deployment.settings.inbox.rglob("*.csv")) == []


def test_what_is_registered_is_known_to_the_intake_by_its_content(intake: Intake) -> None:
    sample_rows().write_csv(intake.deployment.home / "q1.csv")
    registered = register(intake.deployment, str(intake.deployment.home / "q1.csv"), seed=1)
    assert registered.success
    assert intake.tick() == ["churn.q1"]
    intake.quiet()
    run = intake.deployment.instance.get_run_by_id(registered.run_id)
    assert run is not None
    assert run.tags["anna/content"] == intake.row("churn/q1.csv")["content"]
    assert register(intake.deployment, str(intake.deployment.home / "q1.csv"), seed=1).success
    intake.quiet()
    assert "launched before: this is that launch" in intake.row("churn/q1.csv")["reason"]
    assert register(intake.deployment, str(intake.deployment.home / "q1.csv"), seed=2).success
    assert intake.tick() == ["churn.q1"]
    (intake.deployment.home / "q1.csv").write_text("client_id,as_of,target\n1,yesterday,1\n")
    assert not register(intake.deployment, str(intake.deployment.home / "q1.csv")).success
    intake.quiet()
    assert intake.state("churn/q1.csv") == "launched"  # what was there stays


def test_what_is_noted_as_a_sample_is_registered_is_told_with_its_upload(intake: Intake) -> None:
    file = intake.deployment.home / "q1.csv"
    sample_rows().write_csv(file)
    assert register(intake.deployment, str(file), seed=1, owner="ann").success
    assert intake.tick(SUCCESS) == ["churn.q1"]
    intake.quiet()
    assert intake.row("churn/q1.csv")["warnings"] == ""
    file.with_suffix(".yaml").write_text("seed: 2\n")
    registered = register(intake.deployment, str(file))
    assert intake.tick() == ["churn.q1"]
    intake.quiet()
    assert intake.row("churn/q1.csv")["warnings"].splitlines() == [
        f"{file.with_suffix('.yaml')} is read as the sample's settings: seed: 2.",
        "What q1.yaml said of the earlier sample churn.q1 no longer holds: owner: ann. Give it anew if it should.",
    ]
    run = intake.deployment.instance.get_run_by_id(registered.run_id)
    assert run is not None
    assert run.tags["anna/notes"] == intake.row("churn/q1.csv")["warnings"]


def test_whoever_replaces_a_sample_that_waits_or_runs_is_told(early: Intake) -> None:
    file = early.deployment.home / "q1.csv"

    def replacing(clients: int) -> str:
        """What is noted as a sample of so many clients comes, but for when the other one came."""
        sample_rows(clients).write_csv(file)
        run = early.deployment.instance.get_run_by_id(register(early.deployment, str(file)).run_id)
        assert run is not None
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "TIME", run.tags.get("anna/notes", ""))

    words = "It replaces another churn.q1, of other rows or settings, which came at TIME and"
    assert replacing(60) == ""
    assert replacing(60) == ""
    assert replacing(58) == f"{words} had not been read yet."
    early.quiet()
    assert replacing(56) == f"{words} waited for its launch."
    early.deployment.refresh()
    assert early.tick() == ["churn.q1"]
    early.quiet()
    run = early.runs["churn.q1"]
    assert replacing(54) == f"{words} has a launch that goes on (run {run[:8]})."
    assert early.tick(SUCCESS) == ["churn.q1"]
    early.quiet()
    assert replacing(52) == ""


def test_no_sample_of_many_is_lost_however_they_come(intake: Intake) -> None:
    """45 at once, refused and mended together: a batch a look, each once."""
    intake.settings("churn", "metrik: roc_auc\n")
    names = [f"churn.s{index:02}" for index in range(45)]
    for name in names:
        intake.put("churn", f"{name.partition('.')[2]}.csv")
    for _ in range(3):
        intake.quiet()
    assert [row["state"] for row in intake.published[-1].values()] == ["refused"] * 45
    intake.settings("churn", "metric: roc_auc\n")
    launched = [intake.tick() for _ in range(4)]
    assert [len(keys) for keys in launched] == [20, 20, 5, 0]
    assert sorted(key for keys in launched for key in keys) == names
    register = intake.deployment.warehouse.uploads / "register.json"
    assert len(json.loads(register.read_text())["entries"]) == 45


def test_more_samples_than_a_look_launches_wait_for_the_next(early: Intake) -> None:
    for index in range(25):
        early.put("churn", f"s{index:02}.csv")
    for _ in range(2):
        early.quiet()
    early.deployment.refresh()
    assert [len(early.tick()) for _ in range(3)] == [20, 5, 0]


def test_a_large_upload_does_not_stop_those_behind_it(intake: Intake, monkeypatch) -> None:
    monkeypatch.setattr(reading, "_BATCH_BYTES", 1)
    for name in ("a.csv", "b.csv"):
        intake.put("churn", name)
    assert [intake.tick() for _ in range(3)] == [["churn.a"], ["churn.b"], []]


def test_a_folder_that_is_moved_in_is_found_however_old_its_files_are(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.tick()
    outside = intake.deployment.home / "elsewhere"
    outside.mkdir()
    sample_rows().write_csv(outside / "old.csv")
    os.utime(outside / "old.csv", (0, 0))
    outside.rename(intake.inbox / "overdue")
    assert intake.tick() == ["overdue.old"]


def test_settings_that_change_bring_back_the_samples_whose_launch_did_not_succeed(intake: Intake) -> None:
    intake.settings("churn", "seed: 1\n")
    for name, status in (("good.csv", SUCCESS), ("bad.csv", FAILURE), ("waits.csv", STARTED)):
        intake.put("churn", name)
        assert len(intake.tick(status)) == 1
    intake.put("churn", "no key.csv")
    intake.quiet()
    intake.settings("churn", "seed: 2\n")
    assert sorted(intake.tick()) == ["churn.bad", "churn.waits"]
    told = intake.row("churn/good.csv")
    assert (told["state"], told["run"]) == ("launched", intake.runs["churn.good"])
    assert told["reason"].startswith("settings have changed since this launch; to train with them, submit")
    intake.quiet()
    intake.put("churn", "good.csv")
    assert intake.tick() == ["churn.good"]


def test_months_that_the_deployment_takes_in_are_observed_although_no_file_changed(early: Intake) -> None:
    deployment = early.deployment
    deployment.rewrite_month("cards", "2023-12-01", events(1, "2023-12-01"))
    deployment.refresh()
    early.put("churn", "q1.csv", sample_rows(as_of="2024-01-20"))
    assert early.tick() == ["churn.q1"]
    file = deployment.home / "anna.yaml"
    file.write_text(file.read_text().replace("start_month: 2024-01", "start_month: 2023-12"))
    deployment.reload()
    early.put("churn", "q1.csv", sample_rows(as_of="2024-01-20"))
    early.quiet()
    assert "cards is to be observed" in early.said
    for domain in deployment.domains:
        deployment.defs.resolve_job_def(f"observe_{domain}").execute_in_process(instance=deployment.instance)
    early.quiet()
    assert "cards: 2023-12 of the mart is to be built" in early.said


def test_a_share_that_was_out_of_reach_brings_nothing_new(intake: Intake) -> None:
    for name, status in (("good.csv", SUCCESS), ("bad.csv", FAILURE)):
        intake.put("churn", name)
        intake.tick(status)
    domain = intake.deployment.settings.domains / "cards.yaml"
    domain.write_text(domain.read_text().replace("lookback: 60d", "lookback: 50d"))
    intake.deployment.reload()
    intake.deployment.refresh()
    share = intake.deployment.home / "share"
    intake.inbox.rename(share)
    intake.quiet()
    assert intake.published[-1] == {}
    share.rename(intake.inbox)
    intake.quiet()
    assert {row["state"] for row in intake.published[-1].values()} == {"launched"}


def test_a_register_that_begins_takes_over_the_launches_there_are(intake: Intake) -> None:
    for name, status in (("good.csv", SUCCESS), ("bad.csv", FAILURE)):
        intake.put("churn", name)
        intake.tick(status)
    intake.deployment.warehouse.uploads.joinpath("register.json").unlink()
    intake.quiet()
    assert [intake.row(f"churn/{name}.csv")["run"] for name in ("good", "bad")] == [
        intake.runs["churn.good"], intake.runs["churn.bad"]
    ]  # fmt: skip
    intake.put("churn", "bad.csv")
    assert intake.tick() == ["churn.bad"]


def test_a_damaged_register_is_set_aside_and_no_launch_is_lost_or_doubled(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    assert intake.tick(SUCCESS) == ["churn.q1"]
    intake.quiet()
    folder = intake.deployment.warehouse.uploads
    (folder / "register.json").write_text("{")
    intake.put("churn", "q2.csv")
    assert intake.tick() == ["churn.q2"]
    assert intake.row("churn/q1.csv")["run"] == intake.runs["churn.q1"]
    assert (folder / "register.damaged").read_text() == "{"
    for file in ("churn/q1.csv", "churn/q2.csv"):
        warnings = intake.row(file)["warnings"]
        assert (file, f"lies in {folder}/register.damaged now" in warnings) == (file, file == "churn/q1.csv")
    (folder / "register.json").write_text("[")
    intake.quiet()
    assert [(folder / f"register.{name}").read_text() for name in ("damaged", "damaged-2")] == ["{", "["]


def test_clients_that_the_marts_do_not_know_are_told_with_the_upload(intake: Intake) -> None:
    intake.put("churn", "q1.csv", zeros_before(pl.col("client_id") > 20))
    intake.put("churn", "q2.csv")
    assert sorted(intake.tick()) == ["churn.q1", "churn.q2"]
    told = intake.row("churn/q1.csv")["warnings"].splitlines()
    assert told[0].startswith("39 of 60 clients of the sample have no event in any domain")
    assert "clients: leading zeros are lost in one of the two (39 of 39" in told[-1]
    assert intake.row("churn/q2.csv")["warnings"] == ""


def test_a_sample_none_of_whose_clients_has_an_event_is_refused_until_a_source_brings_one(intake: Intake) -> None:
    intake.put("churn", "q1.csv", zeros_before(pl.lit(value=True)))
    intake.quiet()
    refused = intake.row("churn/q1.csv")
    assert refused["state"] == "refused"
    assert refused["reason"].startswith("60 of 60 clients of the sample have no event in any domain")
    assert "cards knows 0 of 60 clients: leading zeros are lost in one of the two (60 of 60" in refused["reason"]
    assert refused["reason"].endswith(
        "It is looked at again once its file, its settings, or what the months hold that its rows look back to changes."
    )
    intake.quiet()
    assert len(intake.published) == 1  # looking again and again changes nothing
    known = events(1, "2024-03-01").with_columns(client_id=pl.format("000{}", "client_id"))
    intake.deployment.rewrite_month("cards", "2024-03-01", known)
    intake.deployment.refresh(months=())
    intake.quiet()
    assert intake.row("churn/q1.csv")["reason"].startswith("cards: 2024-03 of the mart is to be built")
    intake.deployment.refresh()
    assert intake.tick() == ["churn.q1"]


def nobody_known(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have q1 and q2 refused, as none of their clients has an event; names of the samples that are looked for then."""
    looked = list[str]()
    for name in ("q1", "q2"):
        intake.put("churn", f"{name}.csv", zeros_before(pl.lit(value=True)))
    intake.quiet()
    assert [intake.state(f"churn/{name}.csv") for name in ("q1", "q2")] == ["refused", "refused"]
    real = work._match
    monkeypatch.setattr(work, "_match", lambda job: (looked.append(job.file.stem), real(job))[1])
    return looked


def test_a_refused_sample_is_looked_at_again_for_what_its_rows_look_back_to_alone_and_after_new_ones(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = nobody_known(intake, monkeypatch)
    intake.deployment.rewrite_month("cards", "2024-01-01", events(8, "2024-01-01"))
    intake.put("churn", "new.csv", sample_rows(as_of="2024-03-31"))  # its rows do not see January, nor do the others
    for domain in ("cards", "accounts"):
        file = intake.deployment.home / "domains" / f"{domain}.yaml"
        file.write_text(file.read_text().replace("lookback: 60d", "lookback: 20d"))
    intake.deployment.reload()
    intake.deployment.refresh()
    assert intake.tick() == ["churn.new"]
    assert looked == ["new", "q1", "q2"]  # the rules are others
    looked.clear()
    intake.deployment.rewrite_month("cards", "2024-01-01", events(9, "2024-01-01"))
    intake.deployment.refresh()
    intake.quiet()
    intake.quiet()
    assert looked == []
    intake.deployment.rewrite_month("cards", "2024-03-01", events(9, "2024-03-01"))
    intake.deployment.refresh()
    intake.put("churn", "newer.csv")
    assert intake.tick() == ["churn.newer"]
    intake.quiet()
    assert looked == ["newer", "q1", "q2"]


def test_a_state_that_cannot_be_read_does_not_end_that_a_sample_is_looked_at_again(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = nobody_known(intake, monkeypatch)
    state = intake.deployment.warehouse.source(intake.deployment.domain("cards")).path / "fingerprints.json"
    sound = state.read_text()
    state.write_text("{")
    intake.quiet()
    state.write_text(sound)
    intake.quiet()
    assert looked == []
    known = events(1, "2024-03-01").with_columns(client_id=pl.format("000{}", "client_id"))
    intake.deployment.rewrite_month("cards", "2024-03-01", known)
    intake.deployment.refresh()
    assert sorted(intake.tick()) == ["churn.q1", "churn.q2"]


def test_what_decided_that_nobody_has_an_event_is_noted_as_of_when_they_began_to_be_looked_for() -> None:
    def matching(answer: Answer | Later, decisive: str) -> Matching:
        def ask(job: object, size: int, entry: Entry, may_begin: bool) -> Answer | Later:
            entry.tries += isinstance(answer, Later)
            return answer

        settings = SimpleNamespace(
            inbox=Path("/inbox"), first_month=dt.date(2024, 1, 1), last_month=dt.date(2024, 3, 1)
        )
        marts = SimpleNamespace(
            settings=settings, folders=[], observed_in=[], size=lambda spans: 0, decisive=lambda spans: decisive
        )
        return Matching(SimpleNamespace(ask=ask), marts)  # type: ignore[arg-type]

    entry = Entry(file="churn/a.csv", files={}, settings={}, seen=0, place=0, state=UploadState.STARTING)
    register = Register(entries={"churn/a": entry})
    assert not matching(Later(since="10:00"), "before").looked_for(entry)
    # Its source was observed anew meanwhile, and its marts are built; the answer is of those before.
    after = matching(Answer(refusal="nobody."), "after")
    assert not after.looked_for(entry)
    assert entry.state is UploadState.REFUSED
    after.look_again(register)
    assert (entry.state, entry.reason) == (
        UploadState.WAITING,
        "what its rows look back to has changed: its clients are looked for again.",
    )
    # Nor is it the end where nobody could tell what they were looked for in.
    entry.decisive = ""
    assert not matching(Answer(refusal="nobody."), "").looked_for(entry)
    matching(Later(), "").look_again(register)
    assert entry.state is UploadState.REFUSED
    matching(Later(), "after").look_again(register)
    assert entry.state is UploadState.WAITING


@pytest.mark.parametrize(
    ("as_of", "told"),
    [
        ("2022-06-30", "no domain has an event before 2024-01-01: they see nothing"),
        ("2030-06-30", "the newest event of any domain is of 2024-03: they miss what happened since"),
    ],
)
def test_dates_outside_all_events_are_told_as_such_before_any_mart_is_built(
    deployment: Deployment, as_of: str, told: str
) -> None:
    deployment.refresh(months=())
    intake = Intake(deployment)
    intake.put("churn", "q1.csv", sample_rows(as_of=as_of))
    intake.quiet()
    row = intake.row("churn/q1.csv")
    assert row["state"] == "refused"
    assert row["reason"].startswith(f"60 of 60 rows are as of {as_of}, but {told}")


def test_a_launch_whose_run_was_deleted_does_not_run_for_good(intake: Intake) -> None:
    intake.put("churn", "q1.csv")
    intake.tick(STARTED)
    intake.quiet()
    run = intake.deployment.instance.get_run_by_id(intake.runs["churn.q1"])
    assert run is not None
    tags = {**run.tags, "dagster/root_run_id": run.run_id}
    intake.deployment.instance.delete_run(run.run_id)
    intake.quiet()
    assert (intake.state("churn/q1.csv"), intake.row("churn/q1.csv")["standing"]) == ("launched", "deleted")
    [observed] = intake.deployment.instance.fetch_observations(dg.AssetKey("uploads"), limit=1).records
    assert observed.asset_observation.metadata["launches"].value == "none"  # there is no page of it
    # An attempt that followed it is still there, though.
    attempt = dg.DagsterRun(
        "train", "again", tags=tags, status=SUCCESS, root_run_id=run.run_id, parent_run_id=run.run_id
    )
    intake.deployment.instance.add_run(attempt)
    intake.quiet()
    assert intake.row("churn/q1.csv")["standing"] == "finished"
