"""Uploads too large for a look at the inbox: read apart, one at a time, while the others go on."""

import threading
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from anna_assets.uploads import inbox_sensor, marts, reading, work
from anna_assets.uploads.work import Answer
from anna_core.samples.inbox import upload_lock
from anna_core.samples.register import Register, read_register
from anna_tests.graph.conftest import Clock, Deployment, events, sample_rows
from anna_tests.graph.intake import Intake, zeros_before

PATIENCE = 60  # seconds; only a broken test waits that long
KILLED = Answer(problem="its process was killed", passes=True).model_dump_json()
LONG = 3601.0  # seconds: no pause is longer


def finish() -> None:
    """Wait until the worker has done what it was at."""
    for thread in threading.enumerate():
        if thread.name == "intake":
            thread.join(PATIENCE)


def here(job: str) -> str:
    """Do a job as the worker's process does, but in this one."""
    return work.answer(work._JOB.validate_json(job), work.PATIENCE).model_dump_json()


def raising(error: Exception) -> Callable[..., None]:
    def fails(*_: object) -> None:
        raise error

    return fails


class Slow:
    """Jobs that end when the test says so."""

    def __init__(self, run: Callable[[str], str] = here) -> None:
        self.run, self.jobs, self.may_end = run, list[str](), threading.Event()

    def __call__(self, job: str) -> str:
        self.jobs.append(job)
        assert self.may_end.wait(PATIENCE)
        return self.run(job)

    def end(self) -> None:
        self.may_end.set()
        finish()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    made = Slow()
    monkeypatch.setattr(inbox_sensor, "run_apart", made)
    return made


def intake_of(deployment: Deployment) -> Intake:
    deployment.reload()  # with the worker that the test has set
    made = Intake(deployment)
    made.deployment.refresh()
    return made


@pytest.fixture
def intake(deployment: Deployment) -> Intake:
    """An inbox where everything is small."""
    return intake_of(deployment)


@pytest.fixture
def large(slow: Slow, deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Intake:
    """An inbox where what `put_large` brings is large, and all else is small."""
    monkeypatch.setattr(reading, "_QUICK_BYTES", 300_000)
    return intake_of(deployment)


def put_large(intake: Intake, name: str, as_of: str = "2024-03-15") -> None:
    intake.put("churn", name, sample_rows(20_000, as_of))


def kept(intake: Intake) -> Register:
    register = read_register(intake.deployment.warehouse.uploads)
    assert register is not None
    return register


def test_a_large_upload_is_read_and_its_clients_are_looked_for_by_a_process_of_its_own(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_QUICK_BYTES", 0)
    intake = intake_of(deployment)
    intake.put("churn", "q1.csv", zeros_before(pl.col("client_id") > 20))
    intake.quiet()
    told = intake.row("churn/q1.csv")
    assert (told["state"], told["reason"][:38]) == ("settling", "it is large, and has been read since 2")
    finish()
    intake.quiet()
    told = intake.row("churn/q1.csv")
    assert told["state"] == "starting"
    assert told["reason"].startswith("its clients have been looked for in the marts since 2")
    assert told["as_of"] == "2024-03-15 to 2024-03-15"
    finish()
    assert intake.tick() == ["churn.q1"]
    intake.quiet()
    assert intake.row("churn/q1.csv")["warnings"].startswith("39 of 60 clients of the sample have no event in any")


def test_small_uploads_are_launched_at_once_while_a_large_one_is_read(large: Intake, slow: Slow) -> None:
    put_large(large, "a.csv")
    put_large(large, "b.csv")
    large.put("churn", "small.csv")
    assert large.tick() == ["churn.small"]
    since = large.row("churn/a.csv")["reason"]
    assert since.startswith("it is large, and has been read since")
    assert large.row("churn/b.csv")["reason"] == "it is large, and is read once another upload has been."
    large.put("churn", "other.csv")
    assert large.tick() == ["churn.other"]
    large.quiet()
    assert large.row("churn/a.csv")["reason"] == since
    assert len(slow.jobs) == 1
    slow.end()
    large.quiet()  # what was read is taken, the next one begun
    assert large.state("churn/a.csv") == "starting"
    launched: list[str] = []
    while len(launched) < 2:
        launched += large.tick()
        finish()
    assert launched == ["churn.a", "churn.b"]
    assert len(slow.jobs) == 4  # each was read once, and its clients were looked for once


def test_a_launch_that_waits_for_the_worker_comes_before_uploads_that_do(
    large: Intake, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marts, "mart_size", lambda files: 1_000_000)
    put_large(large, "a.csv")
    put_large(large, "b.csv")
    large.put("churn", "small.csv")
    large.quiet()
    told = large.row("churn/small.csv")
    assert (told["state"], told["reason"]) == (
        "starting", "its clients are looked for in the marts once another upload has been read."
    )  # fmt: skip
    slow.end()
    large.quiet()
    assert '"match"' in slow.jobs[1]
    finish()
    assert large.tick() == ["churn.small"]


def test_a_large_upload_that_cannot_be_used_is_refused_and_one_that_goes_is_forgotten(
    large: Intake, slow: Slow
) -> None:
    large.put("churn", "a.csv", sample_rows(20_000).with_columns(as_of=pl.lit("yesterday")))
    put_large(large, "b.csv")
    large.quiet()
    (large.inbox / "churn" / "b.csv").unlink()
    slow.end()
    large.quiet()
    assert "as_of is not a whole day of our time" in large.row("churn/a.csv")["reason"]
    assert list(large.published[-1]) == ["churn/a.csv"]
    large.put("churn", "a.csv")
    assert large.tick() == ["churn.a"]


def test_a_death_of_the_reading_process_is_told_and_tried_again_after_pauses_that_grow(
    large: Intake, slow: Slow, clock: Clock
) -> None:
    slow.run = lambda job: KILLED
    slow.may_end.set()
    put_large(large, "a.csv")
    large.quiet()
    for tries, pause in enumerate((30, 120, 480, 1920, 3600, 3600), 1):
        finish()
        for passed in (0, pause - 5):
            clock.seconds += passed
            large.quiet()
            told = large.row("churn/a.csv")
            assert told["state"] == "settling"
            assert told["reason"].startswith("it could not be read: its process was killed. It is tried again at 20")
            assert told["reason"].endswith(" UTC, or as soon as the file or its settings change.")
            assert len(slow.jobs) == tries
        clock.seconds += 10
        large.quiet()
        assert large.row("churn/a.csv")["reason"].startswith("it is large, and has been read since")
    finish()
    large.quiet()
    slow.run = here  # there is memory again
    put_large(large, "a.csv")
    for _ in range(2):
        large.quiet()
        finish()
    assert large.tick() == ["churn.a"]


def test_an_upload_whose_reading_dies_keeps_no_other_from_being_read(large: Intake, slow: Slow, clock: Clock) -> None:
    slow.run = lambda job: KILLED if "a.csv" in job else here(job)
    slow.may_end.set()
    put_large(large, "a.csv")
    put_large(large, "b.csv")
    launched: list[str] = []
    for _ in range(6):
        launched += large.tick()
        finish()
        clock.seconds += LONG  # so that the first could be begun at each look
    assert launched == ["churn.b"]


def test_too_little_memory_for_a_small_upload_is_told_and_tried_again(
    intake: Intake, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(work, "check_upload", raising(MemoryError("malloc of 1 GiB")))
        intake.put("churn", "q1.csv")
        for passed in (0, 31):
            clock.seconds += passed
            intake.quiet()
            told = intake.row("churn/q1.csv")
            assert told["state"] == "settling"
            assert told["reason"].startswith("it could not be read: MemoryError: malloc of 1 GiB. It is tried again at")
    clock.seconds += 31
    intake.quiet()  # the second pause is longer
    clock.seconds += 90
    assert intake.tick() == ["churn.q1"]


def test_clients_that_could_not_be_looked_for_stop_no_launch(large: Intake, slow: Slow) -> None:
    slow.run = lambda job: KILLED if '"match"' in job else here(job)
    put_large(large, "a.csv")
    slow.may_end.set()
    large.quiet()
    finish()
    large.quiet()
    finish()
    assert large.tick() == ["churn.a"]
    large.quiet()
    assert large.row("churn/a.csv")["warnings"] == (
        "Whether the marts know the sample's clients could not be told: its process was killed."
    )


def test_a_reload_begins_anew_after_a_pause_however_many_there_were(large: Intake, slow: Slow, clock: Clock) -> None:
    put_large(large, "a.csv")
    for tries in range(1, 8):
        large.quiet()
        assert kept(large).entries["churn/a"].tries == tries
        large.deployment.reload()
        large.quiet()
        told = large.row("churn/a.csv")
        assert told["state"] == "settling"
        assert told["reason"].startswith("it could not be read: ANNA's code server ended meanwhile. It is tried again")
        clock.seconds += LONG
    slow.end()  # of the code servers before
    large.quiet()
    finish()
    large.quiet()
    assert kept(large).entries["churn/a"].tries == 1  # of looking for its clients: it was read
    finish()
    assert large.tick() == ["churn.a"]


def test_clients_are_not_looked_for_without_end_where_code_servers_end(large: Intake, slow: Slow) -> None:
    slow.may_end.set()
    put_large(large, "a.csv")
    large.quiet()
    finish()
    slow.may_end.clear()
    for tries in range(1, 6):
        large.quiet()
        assert kept(large).entries["churn/a"].tries == tries
        large.deployment.reload()
    assert large.tick() == ["churn.a"]
    assert large.row("churn/a.csv")["warnings"] == (
        "Whether the marts know the sample's clients could not be told: each time that they were looked for, ANNA's "
        "code server ended before that did."
    )
    slow.end()


def test_a_process_waits_for_whoever_has_the_upload(large: Intake, slow: Slow) -> None:
    slow.may_end.set()
    put_large(large, "a.csv")
    with upload_lock(large.deployment.warehouse.upload_locks, "churn.a"):
        for _ in range(3):
            large.quiet()
    finish()
    large.quiet()
    assert large.state("churn/a.csv") == "starting"
    assert len(slow.jobs) == 2


def test_marts_that_fall_behind_meanwhile_are_waited_for(large: Intake, slow: Slow) -> None:
    slow.may_end.set()
    put_large(large, "a.csv")
    large.quiet()
    finish()
    large.quiet()
    finish()
    assert large.state("churn/a.csv") == "starting"
    large.deployment.rewrite_month("cards", "2024-02-01", events(8, "2024-02-01"))
    large.quiet()
    assert large.state("churn/a.csv") == "waiting"
    assert "cards is to be observed" in large.row("churn/a.csv")["reason"]
    large.deployment.refresh()
    assert large.tick() == ["churn.a"]
    assert len(slow.jobs) == 2  # else, where files come faster than clients are looked for, this would have no end


def test_of_many_uploads_one_alone_waits_for_its_clients_as_the_next(
    large: Intake, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marts, "mart_size", lambda files: 1_000_000)
    for number in range(5):
        large.put("churn", f"s{number}.csv")
    for _ in range(2):
        large.quiet()
        states = [large.state(f"churn/s{number}.csv") for number in range(5)]
        assert states == ["starting", "starting", "waiting", "waiting", "waiting"]
    later = "its clients are looked for in the marts once another upload has been read."
    assert [large.row(f"churn/s{number}.csv")["reason"] for number in range(1, 5)] == [later] * 4
    slow.may_end.set()
    launched: list[str] = []
    while len(launched) < 5:
        finish()
        launched += large.tick()
    assert launched == [f"churn.s{number}" for number in range(5)]
    assert len(slow.jobs) == 5


def test_uploads_whose_clients_are_found_at_once_pass_those_that_wait_for_the_worker(large: Intake, slow: Slow) -> None:
    for name in ("a.csv", "b.csv"):
        put_large(large, name)
    large.quiet()
    slow.end()
    slow.may_end.clear()
    large.quiet()
    large.put("churn", "small.csv")
    assert large.tick() == ["churn.small"]
    told = large.row("churn/a.csv")
    assert (told["state"], told["reason"]) == (
        "starting", "its clients are looked for in the marts once another upload has been read."
    )  # fmt: skip
    slow.end()


def test_what_nobody_foresaw_is_told_at_its_upload_and_stops_no_other(
    large: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, read = work.check_upload, list[str]()

    def check(entry, upload, locks: Path, patience: float) -> None:
        read.append(upload.sample)
        assert f"churn/{upload.sample}" in kept(large).entries  # it is on record before it is read
        if upload.sample == "odd":
            raise ZeroDivisionError("nobody foresaw this")
        real(entry, upload, locks, patience)

    monkeypatch.setattr(work, "check_upload", check)
    for name in ("odd.csv", "q1.csv"):
        large.put("churn", name)
    assert large.tick() == ["churn.q1"]
    large.quiet()
    told = large.row("churn/odd.csv")
    assert told["state"] == "refused"
    assert told["reason"].startswith("churn/odd.csv could not be read: ZeroDivisionError: nobody foresaw this. It is")
    assert read.count("odd") == 1


def test_the_run_of_a_large_upload_is_asked_for_until_it_exists(large: Intake, slow: Slow) -> None:
    slow.may_end.set()
    put_large(large, "a.csv")
    for _ in range(2):
        large.quiet()
        finish()
    first, second = large.evaluate(), large.evaluate()
    assert [request.run_key for request in first.run_requests] == [request.run_key for request in second.run_requests]
    assert len(slow.jobs) == 2
    assert isinstance(first, dg.SensorResult)
