"""What an operator sees of a running deployment: whose it is, what launches may not change, and MLflow after a fall."""

import signal
from typing import Any

import psutil
import pytest
import requests
import yaml

from anna_cli.queries import EVENTS, LAUNCH_RUN
from anna_cli.submission import registration
from anna_tests.system.conftest import SLOW_TASK, SOON, Running

pytestmark = pytest.mark.system

CANCEL = """
mutation Cancel($runId: String!) { terminateRun(runId: $runId) { __typename } }
"""
DEFAULT_CONFIG = """
query DefaultConfig($selector: PipelineSelector!) {
  runConfigSchemaOrError(selector: $selector) { ... on RunConfigSchema { rootDefaultYaml } }
}
"""


def test_another_deployment_with_the_same_port_is_told_whose_platform_answers(running: Running) -> None:
    other = running.home.with_name("other_deployment")
    running.anna("init", str(other))
    (other / "anna.yaml").write_text(f"webserver_port: {running.port}\n")
    for command in (["status"], ["doctor"], ["up"]):
        refused = running.anna("--home", str(other), *command)
        told = " ".join((refused.stdout + refused.stderr).split())
        assert refused.returncode == 1, told
        assert f"it is the platform of another deployment, {running.home}; this one is {other}" in told
    assert running.anna("status", "--once").returncode == 0


def test_a_launch_cannot_change_where_the_deployment_is(running: Running) -> None:
    params = registration(str(running.home / "samples" / "churn.csv"), "evil", "s1", {})
    for resource, change in (
        ("warehouse", {"home": "/tmp/evil", "storage": "/tmp/evil"}),
        ("io_manager", {"base_dir": "/tmp/evil"}),
    ):
        params["runConfigData"]["resources"] = {resource: {"config": change}}
        answer = running.client.execute(LAUNCH_RUN, params=params)["launchRun"]
        assert answer["__typename"] == "RunConfigValidationInvalid", answer
    selector = {**params["selector"], "pipelineName": params["selector"]["jobName"]}
    del selector["jobName"]
    begins = running.client.execute(DEFAULT_CONFIG, selector=selector)["runConfigSchemaOrError"]["rootDefaultYaml"]
    assert yaml.safe_load(begins) == {
        "ops": {"upload": {"config": {"file": "/path/to/2024q1.csv", "task": "churn", "sample": "", "options": {}}}}
    }


def test_a_canceled_launch_ends_in_mlflow_though_mlflow_was_down(running: Running) -> None:
    key = running.drop("canceled", "s1", SLOW_TASK, rows=300)

    def launch() -> dict[str, Any] | None:
        return next((run for run in running.launches(key) if run["status"] == "STARTED"), None)

    def trains() -> bool:
        run = launch()
        if run is None:
            return False
        events = running.client.execute(EVENTS, runId=run["runId"], limit=1000)["logsForRun"]["events"]
        return any(event["__typename"] == "ObservationEvent" for event in events)

    running.until("an epoch", trains, SOON)
    run = launch()
    assert run is not None
    for process in running.processes("mlflow", "server"):
        kill(process)
    running.client.execute(CANCEL, runId=run["runId"])
    running.until("its end", lambda: [one["status"] for one in running.launches(key)] == ["CANCELED"])

    def ended() -> bool:
        runs = mlflow_runs(running, "canceled")
        return bool(runs) and {one["info"]["status"] for one in runs} == {"KILLED"}

    running.until("the end of its runs in MLflow", ended)
    told = [one["data"] for one in mlflow_runs(running, "canceled")]
    assert "valid_loss" in {point["key"] for data in told for point in data.get("metrics", [])}
    assert ["anna.part" in {tag["key"] for tag in data["tags"]} for data in told].count(False) == 1  # one parent


def kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def mlflow_runs(running: Running, task: str) -> list[dict[str, Any]]:
    """The runs of a task's experiment; none where the server does not answer."""
    port = yaml.safe_load((running.home / "anna.yaml").read_text())["mlflow_port"]
    api = f"http://127.0.0.1:{port}/api/2.0/mlflow"
    try:
        found = requests.get(f"{api}/experiments/get-by-name", params={"experiment_name": task}, timeout=30).json()
        ids = [found["experiment"]["experiment_id"]] if "experiment" in found else []
        answer = requests.post(f"{api}/runs/search", json={"experiment_ids": ids}, timeout=30).json() if ids else {}
    except requests.RequestException:
        return []
    return answer.get("runs", [])
