import json
import os

import dagster as dg
import polars as pl
import pytest

from anna_tests.graph.conftest import Deployment, sample_rows


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


def test_the_run_key_is_the_content(fresh: Deployment) -> None:
    put(fresh, "churn", "q1.csv")
    first = tick(fresh)
    put(fresh, "churn", "q1.csv")  # copied again, the same bytes
    same = tick(fresh, first.cursor)
    assert same.run_requests[0].run_key == first.run_requests[0].run_key
    put(fresh, "churn", "q1.csv", sample_rows(clients=50))
    other = tick(fresh, same.cursor)
    assert other.run_requests[0].run_key != first.run_requests[0].run_key


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
    assert len(json.loads(cursor)) == 1
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
