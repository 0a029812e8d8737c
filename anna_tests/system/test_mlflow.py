"""A real MLflow server: what launches say arrives there, at once or once the server is up again."""

import time
from pathlib import Path

import dagster as dg
import pytest
import yaml

from anna_assets.send_to_mlflow import send_job
from anna_resources.fixed import fixed
from anna_resources.settings import load_settings
from anna_resources.tracking import resource
from anna_resources.tracking.old_runs import delete_old_runs
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse
from anna_tests.system.conftest import Running
from anna_tests.unit.test_tracking import REPORT, TASK

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def url(running: Running) -> str:
    """The address of the running deployment's MLflow server."""
    settings = yaml.safe_load((running.home / "anna.yaml").read_text())
    return f"http://127.0.0.1:{settings['mlflow_port']}"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is now, a step waits until what it said has arrived."""
    monkeypatch.setattr(resource, "FLUSH_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(resource, "SEND_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setitem(resource._CLIENT, "MLFLOW_HTTP_REQUEST_TIMEOUT", str(PATIENCE_SECONDS))


@dg.op(config_schema={"key": str, "fails": bool}, out=dg.Out(dg.Nothing))
def step(context: dg.OpExecutionContext, tracking: Tracking) -> None:
    file = Path(tracking.home) / "report.html"
    file.write_text("…")
    with tracking.launch(context.run, context.op_config["key"], context.log) as launch:
        launch.log_facts(TASK, "churn.q1")
        with launch.part("cards") as part:
            part.log_epoch(REPORT)
            if context.op_config["fails"]:
                raise dg.DagsterExecutionInterruptedError
        launch.log_metrics({"metamodel.metamodel": 0.7})
        launch.log_files(file)
        launch.finish()


@dg.job
def train() -> None:
    step()


def run(instance: dg.DagsterInstance, tracking: Tracking, key: str, fails: bool = False) -> dg.ExecuteInProcessResult:
    job = dg.Definitions(jobs=[train], resources={"tracking": fixed(tracking)}).resolve_job_def("train")
    config = {"ops": {"step": {"config": {"key": key, "fails": fails}}}}
    return job.execute_in_process(config, instance=instance, raise_on_error=False)


def told(runs: list) -> dict[str, tuple[str, str | None]]:
    """Name of each run → how it ended, and its parent's name."""
    names = {run.info.run_id: run.info.run_name for run in runs}
    return {
        f"{run.info.run_name} of {run.data.tags['anna.sample']}": (
            run.info.status,
            names.get(run.data.tags.get("mlflow.parentRunId")),
        )
        for run in runs
    }


def runs_of(url: str, task: str) -> list:
    from mlflow import MlflowClient

    client = MlflowClient(url)
    return client.search_runs([client.get_experiment_by_name(task).experiment_id])


def test_launches_of_before_the_server_was_up_arrive_with_those_of_after(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))  # without a champion
    down, up = (Tracking(url=address, home=str(tmp_path)) for address in ("http://127.0.0.1:9", url))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance, down, "apart.q1").success
        assert not run(instance, down, "apart.q2", fails=True).success
        [killed] = [box for box in down.outbox.launches() if box.key == "apart.q2"]
        killed.end("KILLED")
        assert run(instance, up, "apart.q3").success
        assert [box.key for box in up.outbox.waiting()] == ["apart.q1", "apart.q2"]
        resources = {"tracking": fixed(up), "warehouse": fixed(Warehouse.of(load_settings()))}
        sending = dg.Definitions(jobs=[send_job], resources=resources)
        assert sending.resolve_job_def(send_job.name).execute_in_process(instance=instance).success
    assert up.outbox.waiting() == []
    runs = runs_of(url, "apart")
    ended = {"q1": "FINISHED", "q2": "KILLED", "q3": "FINISHED"}
    assert len(runs) == 6
    assert told(runs) == {
        **{f"apart.{sample} of apart.{sample}": (status, None) for sample, status in ended.items()},
        **{f"cards of apart.{sample}": (status, f"apart.{sample}") for sample, status in ended.items()},
    }
    for one in runs:
        if one.info.run_name == "cards":
            assert one.data.metrics == {
                "train_loss": 0.5, "valid_loss": 0.5, "valid_roc_auc": 0.5, "events_per_second": 0.5,
            }  # fmt: skip
        else:
            assert (one.data.params["type"], one.data.params["owner"]) == ("binary", "crm")
    roots = {box.key: box.root for box in up.outbox.launches()}
    assert {one.info.run_name: one.data.tags["dagster_run_id"] for one in runs if "." in one.info.run_name} == roots

    now = time.time()
    assert delete_old_runs(url, ["apart", "nothing"], now - 3_600, [], do=True) == 0
    assert delete_old_runs(url, ["apart"], now + 60, ["churn.q1"], do=True) == 0  # which all of them are of
    assert delete_old_runs(url, ["apart"], now + 60, [], do=False) == len(runs_of(url, "apart")) == 6
    assert delete_old_runs(url, ["apart"], now + 60, [], do=True) == 6
    assert runs_of(url, "apart") == []


def test_an_experiment_that_somebody_deleted_is_left_out_with_the_cure(url: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    tracking = Tracking(url=url, home=str(tmp_path))
    client = MlflowClient(url)
    client.delete_experiment(client.create_experiment("deleted"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, tracking, "deleted.q1")
        warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert result.success
    [warning] = warnings
    assert "MLflow's experiment deleted was deleted" in warning
    assert "mlflow experiments restore --experiment-id" in warning
    assert tracking.outbox.waiting() == []
