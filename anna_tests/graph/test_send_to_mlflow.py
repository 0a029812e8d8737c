"""How launches end in MLflow whose steps could not say so, and how what was not sent is sent by itself."""

from collections.abc import Callable

import dagster as dg
import pytest

from anna_assets import send_to_mlflow
from anna_assets.send_to_mlflow import SEND, outbox_sensor
from anna_resources.tracking import resource
from anna_resources.tracking.outbox import LaunchBox, RunFile, RunReport
from anna_resources.tracking.resource import Tracking
from anna_tests.graph.conftest import Deployment, sample_rows

EPOCH = RunReport(at=1, metrics={"valid_loss": 0.5}, step=1)


@pytest.fixture
def tracking(deployment: Deployment) -> Tracking:
    return Tracking.of(deployment.settings)


def cut_off(deployment: Deployment, tracking: Tracking) -> tuple[dg.DagsterRun, LaunchBox]:
    """A launch whose process was killed while a model trained."""
    run = launched(deployment)
    box = tracking.box(run, "churn.q1")
    box.own.append(RunReport(at=1, params={"type": "binary"}))
    box.open_part("cards").append(EPOCH)
    done = box.open_part("accounts")
    done.append(EPOCH), done.append(RunReport(at=2, status="FINISHED"))
    return run, box


def launched(deployment: Deployment, of: dg.DagsterRun | None = None) -> dg.DagsterRun:
    """A run of a launch: its first, or one that tries the run `of` again."""
    return deployment.instance.create_run_for_job(
        deployment.defs.resolve_job_def("train"),
        tags={"dagster/partition": "churn.q1"}
        | ({"dagster/root_run_id": of.run_id, "dagster/parent_run_id": of.run_id} if of else {}),
        root_run_id=of and of.run_id,
        parent_run_id=of and of.run_id,
    )


def over(deployment: Deployment, run: dg.DagsterRun, kind: dg.DagsterEventType, retried: bool = False) -> None:
    """Have a run ended."""
    if retried:
        deployment.instance.add_run_tags(run.run_id, {"dagster/will_retry": "true"})
    deployment.instance.report_dagster_event(dg.DagsterEvent(kind.value, run.job_name), run.run_id)


SUCCESS, FAILURE, CANCELED = (
    dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED
)  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), [(SUCCESS, "FINISHED"), (FAILURE, "FAILED"), (CANCELED, "KILLED")])
def test_a_launch_that_could_not_end_its_runs_in_mlflow_has_them_ended(deployment, tracking, kind, status) -> None:
    run, box = cut_off(deployment, tracking)
    tick(deployment)
    assert box.own.ended is None  # it is under way
    over(deployment, run, kind)
    tick(deployment)
    assert box.own.ended.status == status
    assert sorted(file.ended.status for file in box.parts()) == sorted(["FINISHED", status])


def test_a_launch_that_is_tried_again_goes_on_in_the_same_run(deployment, tracking) -> None:
    run, box = cut_off(deployment, tracking)
    over(deployment, run, FAILURE, retried=True)
    tick(deployment)
    assert box.own.ended is None
    again = launched(deployment, of=run)
    tick(deployment)
    assert box.own.ended is None
    over(deployment, again, SUCCESS)
    tick(deployment)
    assert box.own.ended.status == "FINISHED"


def test_what_a_run_that_was_started_again_by_hand_left_open_is_ended(deployment, tracking) -> None:
    run, box = cut_off(deployment, tracking)
    over(deployment, run, FAILURE)
    tick(deployment)
    again = launched(deployment, of=run)
    box.open_part("cards").append(EPOCH)
    over(deployment, again, CANCELED)
    tick(deployment)
    assert sorted(file.ended.status for file in box.parts()) == ["FAILED", "FINISHED", "KILLED"]


def test_a_launch_whose_retry_was_deleted_is_ended(deployment, tracking) -> None:
    run, box = cut_off(deployment, tracking)
    over(deployment, run, FAILURE, retried=True)
    deployment.instance.add_run_tags(run.run_id, {"dagster/auto_retry_run_id": "of a run that is gone"})
    tick(deployment)
    assert box.own.ended.status == "FAILED"


def test_a_launch_whose_retry_never_begins_is_ended_and_one_that_begins_late_goes_on(
    deployment, tracking, monkeypatch
) -> None:
    run, box = cut_off(deployment, tracking)
    over(deployment, run, FAILURE, retried=True)
    monkeypatch.setattr(send_to_mlflow, "_RETRY_SECONDS", 0.0)
    tick(deployment)
    assert box.own.ended.status == "FAILED"
    again = launched(deployment, of=run)
    box.own.append(EPOCH)
    tick(deployment)
    assert box.own.ended is None
    over(deployment, again, SUCCESS)
    tick(deployment)
    assert box.own.ended.status == "FINISHED"


def test_a_launch_whose_runs_were_deleted_counts_as_killed(deployment, tracking) -> None:
    run, box = cut_off(deployment, tracking)
    deployment.instance.delete_run(run.run_id)
    tick(deployment)
    assert box.own.ended.status == "KILLED"


def test_a_disk_that_is_full_as_a_launch_is_to_be_ended_only_delays_that(deployment, tracking, monkeypatch) -> None:
    run, box = cut_off(deployment, tracking)
    over(deployment, run, FAILURE)
    with monkeypatch.context() as patched:
        patched.setattr(RunFile, "append", raises(OSError(28, "No space left on device")))
        tick(deployment)
    assert box.own.ended is None
    tick(deployment)
    assert box.own.ended.status == "FAILED"


def raises(error: Exception) -> Callable[..., None]:
    def do(*_: object, **__: object) -> None:
        raise error

    return do


def tick(deployment: Deployment) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_sensor_context(
        instance=deployment.instance, resources={"tracking": deployment.defs.resources["tracking"]}
    )
    return outbox_sensor(context)


def test_what_waits_is_sent_once_mlflow_answers_and_by_one_run_at_a_time(deployment, tracking, monkeypatch) -> None:
    monkeypatch.setattr(send_to_mlflow, "_REST_SECONDS", 0.0)
    assert tick(deployment).skip_message == "Everything that launches had to say is in MLflow."
    cut_off(deployment, tracking)
    skipped = tick(deployment)
    assert skipped.skip_message == (
        "1 launch(es) wait to be told to MLflow at http://127.0.0.1:9: nothing answers there (`anna up` starts it)"
    )
    monkeypatch.setattr(resource, "_listens", lambda url: True)
    assert isinstance(tick(deployment), dg.RunRequest)
    run = deployment.instance.create_run_for_job(deployment.defs.resolve_job_def(SEND))
    assert tick(deployment).skip_message == "A run of `send_to_mlflow` is under way."
    deployment.instance.report_run_canceled(run)
    tracking._pause.begin("HTTP 500")
    assert "HTTP 500 (tried again in" in tick(deployment).skip_message


def test_a_step_that_still_sends_by_itself_is_left_alone(deployment, tracking) -> None:
    cut_off(deployment, tracking)
    assert tick(deployment).skip_message == "Everything that launches had to say is in MLflow."


def test_a_run_that_cannot_send_leaves_everything_for_later(deployment, tracking) -> None:
    _, box = cut_off(deployment, tracking)
    result = deployment.defs.resolve_job_def(SEND).execute_in_process(instance=deployment.instance)
    assert result.success
    assert not box.is_sent


def test_a_launch_without_mlflow_keeps_all_it_had_to_say(deployment, tracking) -> None:
    deployment.refresh()
    result = deployment.train(deployment.drop("churn", "q1", sample_rows()))
    warnings = [entry.user_message for entry in deployment.instance.all_logs(result.run_id) if entry.level == 30]
    assert len([text for text in warnings if "MLflow" in text]) == 1
    [box] = tracking.outbox.waiting()
    assert (box.key, box.root, box.own.ended.status) == ("churn.q1", result.run_id, "FINISHED")
    entries, _ = box.own.unsent()
    assert entries[0].params["type"] == "binary"
    assert "metamodel.metamodel" in {name for entry in entries for name in entry.metrics}
    assert [entry.file.name for entry in entries if entry.file] == ["report.html", "leaderboard.json"]
    models = {file.path.name.split(".")[0]: file for file in box.parts()}
    assert set(models) == {"cards", "accounts", "metamodel"}
    steps = [entry.step for entry in models["cards"].unsent()[0] if entry.metrics]
    assert steps == [1, 2]
