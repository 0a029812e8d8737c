"""Uploads whose launch failed of what passes: a delivery while it ran, a full disk, little memory, a ledger."""

import errno
import os
import shutil
import signal

import dagster as dg
import pytest

from anna_assets.passing import Passing, passing, what_passes
from anna_assets.steps import explained
from anna_assets.uploads import inbox_sensor
from anna_core import storage
from anna_core.errors import MartsBehindError, SourceError, TrainingError
from anna_resources.ledger.git import GitError
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.repository import Change, LedgerError
from anna_tests.graph.conftest import Clock, Deployment, events
from anna_tests.graph.intake import STARTED, Intake

KEY, FILE = "churn.q1", "churn/q1.csv"
BEHIND = MartsBehindError("domain cards: the marts of 2024-03 are missing or older than their source.")
FULL = OSError(errno.ENOSPC, "No space left on device", "/storage/model/weights")
AFTER_THE_PAUSE = 301.0


@pytest.fixture
def intake(deployment: Deployment) -> Intake:
    """An inbox whose only sample was launched."""
    made = Intake(deployment)
    made.deployment.refresh()
    made.put("churn", "q1.csv")
    assert made.tick() == [KEY]
    made.quiet()
    return made


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """How many MiB are free on a disk of 100 GiB."""
    free = Clock(2000)
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: usage(100 * 2**30, 0, int(free.seconds * 2**20)))
    return free


@dg.op
def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@dg.job(executor_def=dg.multiprocess_executor)
def killed_job() -> None:
    killed()


def deliver(intake: Intake, seed: int) -> None:
    """A correction of the newest month that is observed, but not built yet."""
    intake.deployment.rewrite_month("cards", "2024-03-01", events(seed, "2024-03-01"))
    intake.deployment.refresh(months=())


def fail(intake: Intake, *errors: Exception, run_id: str = "", tags: dict[str, str] | None = None) -> str:
    """The sample's run fails of errors, one a step, which are told as ANNA's steps tell them."""
    instance, run_id = intake.deployment.instance, run_id or intake.runs[KEY]
    for error in errors:

        @dg.op(name="step")
        @explained
        def step(error: Exception = error) -> None:
            raise error

        failed = dg.GraphDefinition("fails", node_defs=[step]).execute_in_process(
            instance=instance, raise_on_error=False
        )
        [record] = instance.get_records_for_run(failed.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
        instance.store_event(record.event_log_entry._replace(run_id=run_id))
    instance.add_run_tags(run_id, tags or {})
    ended(intake, run_id)
    return run_id[:8]


def ended(intake: Intake, run_id: str) -> None:
    run = intake.deployment.instance.get_run_by_id(run_id)
    assert run is not None
    intake.deployment.instance.report_run_failed(run)


def test_a_launch_that_meets_a_delivery_is_launched_again_once_its_marts_are_fresh(deployment: Deployment) -> None:
    """A real run: the marts were fresh when it was asked for, and are behind when it cuts its sequences."""
    intake = Intake(deployment)
    intake.deployment.refresh()
    intake.put("churn", "q1.csv")
    result = intake.evaluate()
    [request] = result.run_requests
    deployment.instance.add_dynamic_partitions("sample", [KEY])
    deliver(intake, seed=7)
    failed = deployment.defs.resolve_job_def("train").execute_in_process(
        instance=deployment.instance,
        partition_key=KEY,
        tags={**request.tags, "dagster/run_key": request.run_key},
        raise_on_error=False,
    )
    assert not failed.success
    intake.quiet()  # finds the run
    intake.quiet()  # and that it has ended
    row = intake.row(FILE)
    assert (row["state"], row["watched"], row["run"]) == ("waiting", "", failed.run_id)
    assert row["reason"].startswith(
        f"its launch (run {failed.run_id[:8]}) failed: domain cards: the marts of "
        "2024-03 are missing or older than their source."
    )
    assert row["reason"].endswith("It is launched again after that: cards: 2024-03 of the mart is to be built.")
    intake.quiet()
    intake.deployment.refresh()
    assert intake.tick() == [KEY]
    intake.quiet()
    assert (intake.state(FILE), intake.row(FILE)["run"]) == ("launched", intake.runs[KEY])
    assert intake.row(FILE)["reason"].endswith("This is the next one.")


def test_each_delivery_may_bring_a_launch_back_and_none_does_twice(intake: Intake) -> None:
    for seed in (7, 8, 9):
        deliver(intake, seed)
        fail(intake, BEHIND)
        intake.quiet()
        assert intake.state(FILE) == "waiting"
        intake.deployment.refresh()
        assert intake.tick() == [KEY]
        intake.quiet()
    fail(intake, BEHIND)
    intake.quiet()
    assert intake.state(FILE) == "launched"
    assert intake.row(FILE)["reason"] == (
        "it was launched again and failed of the same: marts are behind their source. Once that is mended, submit the "
        "sample again or copy it here again."
    )
    intake.quiet()
    intake.put("churn", "q1.csv")
    assert intake.tick() == [KEY]


def test_what_fails_for_good_is_not_launched_again(intake: Intake) -> None:
    fail(intake, BEHIND, TrainingError("no space left on device is a category"))
    intake.quiet()
    assert (intake.state(FILE), intake.row(FILE)["watched"], intake.row(FILE)["reason"]) == ("launched", "", "")
    intake.quiet()


def test_a_launch_that_was_canceled_or_deleted_is_not_launched_again(intake: Intake) -> None:
    intake.deployment.instance.delete_run(intake.runs[KEY])
    intake.quiet()
    assert (intake.state(FILE), intake.row(FILE)["watched"]) == ("launched", "")


def test_what_somebody_materializes_in_the_ui_is_not_launched_again(intake: Intake) -> None:
    intake.deployment.instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", "train"), intake.runs[KEY])
    intake.quiet()
    intake.deployment.refresh()
    deliver(intake, seed=7)
    failed = intake.deployment.materialize("sample", "sequences/cards", partition=KEY, check=False)
    assert not failed.success
    intake.quiet()
    assert intake.row(FILE)["run"] == intake.runs[KEY]


def test_dagster_s_own_retry_is_watched_in_its_place(intake: Intake) -> None:
    first = intake.runs[KEY]
    fail(intake, BEHIND, tags={"dagster/will_retry": "true"})
    intake.quiet()
    assert intake.row(FILE)["watched"] == first  # until the retry exists
    retry = dg.DagsterRun(job_name="train", run_id="5e3c0b5e-0000-4000-8000-000000000000", status=STARTED)
    intake.deployment.instance.add_run(retry)
    intake.deployment.instance.add_run_tags(first, {"dagster/auto_retry_run_id": retry.run_id})
    intake.quiet()
    assert intake.row(FILE)["watched"] == retry.run_id
    fail(intake, FULL, run_id=retry.run_id)
    intake.quiet()
    assert intake.state(FILE) == "waiting"


@pytest.mark.usefixtures("room")
def test_a_launch_that_lacked_memory_comes_back_once_after_a_pause(intake: Intake, clock: Clock) -> None:
    first = fail(intake, MemoryError("cannot allocate 3 GiB"))
    intake.quiet()
    told = intake.row(FILE)["reason"]
    assert told.startswith(f"its launch (run {first}) failed: There is too little memory")
    assert "MemoryError: cannot allocate 3 GiB" in told
    assert "It is launched again after that: not before " in told
    intake.quiet()
    clock.seconds = AFTER_THE_PAUSE
    assert intake.tick() == [KEY]
    intake.quiet()
    fail(intake, MemoryError())
    intake.quiet()
    assert intake.state(FILE) == "launched"
    assert intake.row(FILE)["reason"].startswith(
        "it was launched again and failed of the same: there is too little mem"
    )
    clock.seconds *= 2
    intake.quiet()


def test_a_launch_that_met_a_full_disk_comes_back_once_there_is_room(intake: Intake, clock: Clock, room: Clock) -> None:
    room.seconds = 3
    fail(intake, FULL, BEHIND)
    intake.quiet()
    told = intake.row(FILE)["reason"]
    assert f"less than 1,024 MiB are free at {intake.deployment.settings.storage}" in told
    assert "'/storage/model/weights'" in told
    clock.seconds = AFTER_THE_PAUSE
    intake.quiet()
    assert (
        "It is launched again after that: room is to be made first: less than 1,024 MiB are free at "
        in intake.row(FILE)["reason"]
    )
    room.seconds = 2000
    assert intake.tick() == [KEY]


def test_a_launch_that_met_a_rewritten_ledger_comes_back_once_that_is_mended(intake: Intake, clock: Clock) -> None:
    repository = Ledger.of(intake.deployment.settings).repository
    repository.commit("task/churn", lambda head: Change({"a": "1"}, "One"))
    branch = repository.folder / "refs/heads/task/churn"
    head = branch.read_bytes()
    branch.unlink()
    first = fail(intake, LedgerError(repository.problem()))
    intake.quiet()
    assert intake.row(FILE)["reason"].startswith(
        f"its launch (run {first}) failed: The ledger {repository.folder} was "
    )
    clock.seconds = AFTER_THE_PAUSE
    intake.quiet()
    waits = f"It is launched again after that: the ledger is to be mended first: {repository.problem()}"
    assert waits in intake.row(FILE)["reason"]
    branch.write_bytes(head)
    assert repository.problem() == ""
    assert intake.tick() == [KEY]
    intake.quiet()
    fail(intake, GitError("git mktag failed"))
    intake.quiet()
    assert intake.row(FILE)["reason"].startswith(
        "it was launched again and failed of the same: nothing can be recorded in the ledger. Once that is mended, "
    )


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_waits_to_be_launched_again_is_although_the_register_is_damaged_but_not_where_there_was_none(
    intake: Intake, clock: Clock, room: Clock, is_lost: bool
) -> None:
    fail(intake, FULL)
    intake.quiet()
    assert intake.state(FILE) == "waiting"
    register = intake.deployment.warehouse.uploads / "register.json"
    register.write_bytes(b"\0" * 300) if is_lost else register.unlink()
    intake.quiet()
    assert (intake.state(FILE), "register.damaged" in intake.row(FILE)["warnings"]) == ("launched", is_lost)
    intake.quiet()
    clock.seconds += AFTER_THE_PAUSE
    assert intake.tick() == ([KEY] if is_lost else [])
    intake.quiet()
    fail(intake, FULL)
    intake.quiet()
    clock.seconds *= 2
    intake.quiet()  # it had its second try


def test_a_step_whose_process_was_killed_may_have_lacked_memory() -> None:
    """As Dagster tells of it; the run itself is one of a process of its own."""
    job = dg.reconstructable(killed_job)
    with dg.instance_for_test() as instance:
        run = dg.execute_job(job, instance=instance)
        assert not run.success
        assert what_passes(instance, run.run_id) is Passing.MEMORY


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (FULL, "SPACE"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "SPACE"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "SPACE"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "MEMORY"),
        (MemoryError(), "MEMORY"),
        (BEHIND, "MARTS"),
        (LedgerError("The ledger was rewritten"), "LEDGER"),
        (GitError("git commit-tree failed: unable to create temporary file"), "LEDGER"),
        (GitError("git commit-tree failed: unable to write: No space left on device"), "SPACE"),
        (PermissionError(errno.EACCES, "Permission denied"), None),
        (SourceError("city 'No space left on device' is no number"), None),
        (ValueError("5"), None),
    ],
)
def test_what_passes_is_known_by_the_error_or_by_what_it_comes_of(error: Exception, name: str | None) -> None:
    found = passing(error)
    assert (found.name if found else None) == name
    outer = TrainingError("the model cannot be written")
    outer.__cause__ = error
    assert passing(outer) is found


def test_a_register_that_cannot_be_written_is_said_with_every_upload(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(deployment)
    intake.deployment.refresh()

    def full(*_: object) -> None:
        raise FULL

    intake.put("churn", "q1.csv")
    with monkeypatch.context() as patched:
        patched.setattr(inbox_sensor, "write_register", full)
        intake.quiet()
        row = intake.row(FILE)
        assert row["state"] == "settling"
        assert row["reason"] == (
            f"nothing is launched, for the register of uploads cannot be written to {deployment.warehouse.uploads} "
            "(No space left on device): make room there, or give ANNA's user the right to write."
        )
        assert row["reason"] in intake.said
        intake.quiet()
        assert len(intake.published) == 1
    assert intake.tick() == [KEY]
    intake.quiet()
    assert (intake.row(FILE)["state"], intake.row(FILE)["reason"]) == ("launched", "")
    intake.put("churn", "q2.csv")
    with monkeypatch.context() as patched:
        patched.setattr(inbox_sensor, "write_register", full)
        intake.quiet()
    assert intake.row(FILE)["reason"] == row["reason"]  # what its launch comes to would not be kept either
