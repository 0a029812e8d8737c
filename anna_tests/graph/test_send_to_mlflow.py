"""How launches end in MLflow whose steps could not say so, and how what was not sent is sent by itself."""

import dagster as dg
import pytest

from anna_assets import send_to_mlflow
from anna_assets.send_to_mlflow import SEND, outbox_sensor
from anna_resources.tracking import resource
from anna_resources.tracking.outbox import Entry, LaunchBox
from anna_resources.tracking.resource import Tracking
from anna_tests.graph.conftest import Deployment, sample_rows

EPOCH = Entry(at=1, metrics={"valid_loss": 0.5}, step=1)


@pytest.fixture
def tracking(deployment: Deployment) -> Tracking:
    return Tracking.of(deployment.settings)


def cut_off(deployment: Deployment, tracking: Tracking, retried: bool = False) -> tuple[dg.DagsterRun, LaunchBox]:
    """A launch whose process was killed while a model trained."""
    tags = {"dagster/partition": "churn.q1"} | ({"dagster/will_retry": "true"} if retried else {})
    run = deployment.instance.create_run_for_job(deployment.defs.resolve_job_def("train"), tags=tags)
    box = tracking.box(run, "churn.q1")
    box.own.append(Entry(at=1, params={"type": "binary"}))
    box.open_part("cards").append(EPOCH)
    done = box.open_part("accounts")
    done.append(EPOCH), done.append(Entry(at=2, status="FINISHED"))
    return run, box


EVENTS = {
    "finished_launches": dg.DagsterEventType.RUN_SUCCESS,
    "failed_launches": dg.DagsterEventType.RUN_FAILURE,
    "canceled_launches": dg.DagsterEventType.RUN_CANCELED,
}


def evaluate(deployment: Deployment, name: str, run: dg.DagsterRun) -> None:
    context = dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_instance=deployment.instance,
        dagster_run=run,
        dagster_event=dg.DagsterEvent(EVENTS[name].value, run.job_name),
        resources={"tracking": deployment.defs.resources["tracking"]},
    )
    sensor = next(one for one in deployment.defs.sensors if one.name == name)
    sensor(context)


@pytest.mark.parametrize(
    ("name", "status"),
    [("finished_launches", "FINISHED"), ("failed_launches", "FAILED"), ("canceled_launches", "KILLED")],
)
def test_a_launch_that_could_not_end_its_runs_in_mlflow_has_them_ended(deployment, tracking, name, status) -> None:
    run, box = cut_off(deployment, tracking)
    evaluate(deployment, name, run)
    assert box.own.ended.status == status
    assert sorted(file.ended.status for file in box.parts()) == sorted(["FINISHED", status])


def test_a_launch_that_is_tried_again_goes_on_in_the_same_run(deployment, tracking) -> None:
    run, box = cut_off(deployment, tracking, retried=True)
    evaluate(deployment, "failed_launches", run)
    assert box.own.ended is None


def test_a_run_that_said_nothing_has_nothing_to_end(deployment, tracking) -> None:
    run = deployment.instance.create_run_for_job(deployment.defs.resolve_job_def("observe_cards"))
    evaluate(deployment, "failed_launches", run)
    assert list(tracking.outbox.launches()) == []


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
