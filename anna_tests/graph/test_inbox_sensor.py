import json
import os
import uuid

import dagster as dg
import polars as pl
import pytest

from anna_assets import intake
from anna_core.samples.inbox import Upload, uploads
from anna_tests.graph.conftest import Deployment, events, sample_rows


@pytest.fixture
def fresh(deployment: Deployment) -> Deployment:
    deployment.refresh()
    return deployment


def tick(deployment: Deployment, cursor: str | None = None):
    sensor = deployment.defs.get_sensor_def("inbox")
    context = dg.build_sensor_context(
        instance=deployment.instance,
        cursor=cursor,
        resources=deployment.defs.resources,
        definitions=deployment.defs,
    )
    with context:
        return sensor(context)


def put(deployment: Deployment, task: str, name: str, frame: pl.DataFrame | None = None) -> None:
    folder = deployment.home / "inbox" / task
    folder.mkdir(parents=True, exist_ok=True)
    (frame if frame is not None else sample_rows()).write_csv(folder / name)


def test_a_sample_gets_its_partition_and_one_run(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    (fresh.home / "inbox" / "churn" / "task.yaml").write_text("owner: retail\n")
    result = tick(fresh)
    [request] = result.run_requests
    assert request.partition_key == "churn.q1"
    assert request.tags["anna/owner"] == "retail"
    assert result.dynamic_partitions_requests[0].partition_keys == ["churn.q1"]
    again = tick(fresh, result.cursor)
    assert isinstance(again, dg.SkipReason)


def test_odd_files_of_one_task_stop_no_other(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    odd = fresh.home / "inbox" / "odd"
    odd.mkdir()
    (odd / ".#task.yaml").symlink_to("somebody@somewhere.1234")  # an editor's lock
    (odd / "empty.csv").touch()
    with open(os.fsencode(odd) + b"/\xd0\xf3\xf1.csv", "w") as garbled:
        garbled.write("client_id,as_of,target\n")
    result = tick(fresh)
    assert [request.partition_key for request in result.run_requests] == ["churn.q1"]
    told = tick(fresh, result.cursor).skip_message
    assert r"has a name in UTF-8: odd/\xd0\xf3\xf1.csv." in told
    assert "Not complete yet, or damaged: odd/empty.csv." in told
    told.encode()


def launched(deployment: Deployment, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
    """Record a launch as the daemon would after a tick."""
    run = dg.DagsterRun(job_name="train", run_id=str(uuid.uuid4()), tags=dict(request.tags), status=status)
    deployment.instance.add_run(run)


def test_a_file_that_comes_again_starts_nothing_unless_its_launch_failed(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    first = tick(fresh)
    launched(fresh, first.run_requests[0], dg.DagsterRunStatus.SUCCESS)
    put(fresh, "churn", "q1.csv")  # copied again, the same bytes
    same = tick(fresh, first.cursor)
    assert same.run_requests == []
    put(fresh, "churn", "q1.csv", sample_rows(clients=50))
    other = tick(fresh, same.cursor)
    launched(fresh, other.run_requests[0], dg.DagsterRunStatus.FAILURE)
    put(fresh, "churn", "q1.csv", sample_rows(clients=50))
    again = tick(fresh, other.cursor)
    launched(fresh, again.run_requests[0], dg.DagsterRunStatus.SUCCESS)
    put(fresh, "churn", "q1.csv")  # back to the first content: the stored models are of the other
    back = tick(fresh, again.cursor)
    keys = [result.run_requests[0].run_key for result in (first, other, again, back)]
    assert len(set(keys)) == 4


def test_a_sample_whose_settings_are_wrong_comes_again_when_they_are_mended(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    settings = fresh.home / "inbox" / "churn" / "task.yaml"
    settings.write_text("metrik: roc_auc\n")
    refused = tick(fresh)
    assert refused.run_requests == []
    assert isinstance(tick(fresh, refused.cursor), dg.SkipReason)
    settings.write_text("metric: roc_auc\n")
    assert [request.partition_key for request in tick(fresh, refused.cursor).run_requests] == ["churn.q1"]


def test_months_outside_the_deployment_do_not_hold_samples_back(deployment: Deployment) -> None:
    early = events(1, "2023-11-01")
    deployment.rewrite_month("cards", "2023-11-01", early)
    deployment.refresh()
    put(deployment, "churn", "q1.csv")
    assert [request.partition_key for request in tick(deployment).run_requests] == ["churn.q1"]
    key = deployment.drop("churn", "q1", sample_rows(as_of="2024-01-20"))
    assert deployment.train(key).success


def test_files_that_are_still_copied_are_left_alone(fresh: Deployment) -> None:
    folder = fresh.home / "inbox" / "churn"
    folder.mkdir(parents=True)
    sample_rows().write_parquet(folder / "whole.parquet")
    half = (folder / "whole.parquet").read_bytes()[:-10]
    (folder / "half.parquet").write_bytes(half)
    (folder / ".hidden.csv").write_text("client_id")
    (folder / "copy.csv.part").write_text("client_id")
    (folder / "empty.csv").touch()
    result = tick(fresh)
    assert [request.partition_key for request in result.run_requests] == ["churn.whole"]


def test_a_bad_name_is_left_aside_and_the_others_go_on(fresh: Deployment) -> None:
    put(fresh, "churn", "with space.csv")
    put(fresh, "churn", "good.csv")
    result = tick(fresh)
    assert [request.partition_key for request in result.run_requests] == ["churn.good"]
    assert isinstance(tick(fresh, result.cursor), dg.SkipReason)


def test_samples_wait_until_the_marts_are_fresh(deployment: Deployment) -> None:
    put(deployment, "churn", "q1.csv")
    waiting = tick(deployment)
    assert isinstance(waiting, dg.SkipReason)
    assert "cards is to be observed" in waiting.skip_message
    deployment.refresh()
    assert [request.partition_key for request in tick(deployment).run_requests] == ["churn.q1"]


def test_many_samples_come_a_batch_a_tick_and_the_cursor_stays_small(fresh: Deployment) -> None:
    for index in range(45):
        put(fresh, "churn", f"s{index:02}.csv")
    keys, cursor = [], None
    for _ in range(3):
        result = tick(fresh, cursor)
        keys += [request.partition_key for request in result.run_requests]
        cursor = result.cursor
    assert sorted(keys) == [f"churn.s{index:02}" for index in range(45)]
    assert len(json.loads(cursor)["taken"]) == 1
    assert isinstance(tick(fresh, cursor), dg.SkipReason)


def test_a_folder_that_is_moved_in_is_found_however_old_its_files_are(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    cursor = tick(fresh).cursor
    outside = fresh.home / "elsewhere"
    outside.mkdir()
    sample_rows().write_csv(outside / "old.csv")
    os.utime(outside / "old.csv", (0, 0))
    outside.rename(fresh.home / "inbox" / "overdue")
    assert [request.partition_key for request in tick(fresh, cursor).run_requests] == ["overdue.old"]


def test_no_file_of_the_moment_at_which_a_batch_ends_is_passed_over(fresh: Deployment, monkeypatch) -> None:
    moment = {}

    def at_once(folder, after):
        found = uploads(folder, 0)
        changed = moment.setdefault("changed", max((file.changed for file in found), default=0))
        return [Upload(file.path, changed) for file in found if changed > after]

    monkeypatch.setattr(intake, "uploads", at_once)
    for index in range(25):
        put(fresh, "churn", f"s{index:02}.csv")
    result = tick(fresh)
    assert len(result.run_requests) == 25
    assert isinstance(tick(fresh, result.cursor), dg.SkipReason)


def test_settings_that_change_bring_back_the_samples_whose_launch_did_not_succeed(fresh: Deployment) -> None:
    settings = fresh.home / "inbox" / "churn" / "task.yaml"
    for name in ("good.csv", "bad.csv", "waits.csv", "no key.csv"):
        put(fresh, "churn", name)
    settings.write_text("seed: 1\n")
    first = tick(fresh)
    status = {"churn.good": "SUCCESS", "churn.bad": "FAILURE", "churn.waits": "STARTED"}
    for request in first.run_requests:
        launched(fresh, request, dg.DagsterRunStatus(status[request.partition_key]))
    same = tick(fresh, first.cursor)
    assert isinstance(same, dg.SkipReason)
    settings.write_text("seed: 2\n")
    again = tick(fresh, first.cursor)
    assert sorted(request.partition_key for request in again.run_requests) == ["churn.bad", "churn.waits"]
    assert isinstance(tick(fresh, again.cursor), dg.SkipReason)


def test_the_sensor_says_what_it_left_aside_and_why_until_the_file_goes(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    (fresh.home / "inbox" / "churn" / "task.yaml").write_text("metrik: roc_auc\n")
    refused = tick(fresh)
    told = tick(fresh, refused.cursor)
    assert "q1.csv" in told.skip_message
    assert "metrik" in told.skip_message
    (fresh.home / "inbox" / "churn" / "q1.csv").unlink()
    assert "metrik" not in tick(fresh, refused.cursor).skip_message


def test_months_that_the_deployment_takes_in_are_observed_although_no_file_changed(deployment: Deployment) -> None:
    deployment.rewrite_month("cards", "2023-12-01", events(1, "2023-12-01"))
    deployment.refresh()
    put(deployment, "churn", "q1.csv")
    assert tick(deployment).run_requests
    file = deployment.home / "anna.yaml"
    file.write_text(file.read_text().replace("start_month: 2024-01", "start_month: 2023-12"))
    deployment.reload()
    assert "cards is to be observed" in tick(deployment).skip_message
    deployment.defs.resolve_job_def("observe_cards").execute_in_process(instance=deployment.instance)
    assert "cards: 1 of 4 months" in tick(deployment).skip_message
