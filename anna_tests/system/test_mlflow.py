"""A real MLflow server: what launches say arrives there, at once or once it is up again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import requests

from anna_assets.outbox import send_job
from anna_cli.supervisor.ports import free_port
from anna_resources.fixed import fixed
from anna_resources.tracking import resource
from anna_resources.tracking.resource import Tracking
from anna_tests.unit.test_tracking import REPORT, TASK

pytestmark = pytest.mark.system

PATIENCE_SECONDS = 120


class Server:
    """An MLflow server that can be started late."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._process is not None:
            return
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
            "--backend-store-uri", f"sqlite:///{self.folder / 'mlflow.db'}",
            "--artifacts-destination", str(self.folder / "artifacts"),
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._is_well():
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.2)

    def _is_well(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=PATIENCE_SECONDS).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a group, with its worker
            self._process.wait(PATIENCE_SECONDS)

    def runs(self, task: str) -> list:
        from mlflow import MlflowClient

        client = MlflowClient(self.url)
        experiment = client.get_experiment_by_name(task)
        return client.search_runs([experiment.experiment_id]) if experiment else []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("mlflow"))
    yield made
    made.stop()


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
        launch.log_facts(TASK)
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


def test_launches_of_before_the_server_was_up_arrive_with_those_of_after(server: Server, tmp_path: Path) -> None:
    tracking = Tracking(url=server.url, home=str(tmp_path))
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance, tracking, "churn.q1").success
        assert not run(instance, tracking, "churn.q2", fails=True).success
        [killed] = [box for box in tracking.outbox.launches() if box.key == "churn.q2"]
        killed.end("KILLED")
        server.start()
        assert run(instance, tracking, "churn.q3").success
        assert [box.key for box in tracking.outbox.waiting()] == ["churn.q1", "churn.q2"]
        sending = dg.Definitions(jobs=[send_job], resources={"tracking": fixed(tracking)})
        assert sending.resolve_job_def(send_job.name).execute_in_process(instance=instance).success
    assert tracking.outbox.waiting() == []
    runs = server.runs("churn")
    ended = {"q1": "FINISHED", "q2": "KILLED", "q3": "FINISHED"}
    assert len(runs) == 6
    assert told(runs) == {
        **{f"churn.{sample} of churn.{sample}": (status, None) for sample, status in ended.items()},
        **{f"cards of churn.{sample}": (status, f"churn.{sample}") for sample, status in ended.items()},
    }
    for one in runs:
        if one.info.run_name == "cards":
            assert one.data.metrics == {
                "train_loss": 0.5, "valid_loss": 0.5, "valid_roc_auc": 0.5, "events_per_second": 0.5,
            }  # fmt: skip
        else:
            assert (one.data.params["type"], one.data.params["owner"]) == ("binary", "crm")
    roots = {box.key: box.root for box in tracking.outbox.launches()}
    assert {one.info.run_name: one.data.tags["dagster_run_id"] for one in runs if "." in one.info.run_name} == roots


def test_an_experiment_that_somebody_deleted_is_left_out_with_the_cure(server: Server, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    server.start()
    tracking = Tracking(url=server.url, home=str(tmp_path))
    client = MlflowClient(server.url)
    client.delete_experiment(client.create_experiment("loan"))
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, tracking, "loan.q1")
        warnings = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]
    assert result.success
    [warning] = warnings
    assert "MLflow's experiment loan was deleted" in warning
    assert "mlflow experiments restore --experiment-id" in warning
    assert tracking.outbox.waiting() == []
