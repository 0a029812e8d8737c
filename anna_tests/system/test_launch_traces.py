"""What a finished launch leaves: its MLflow runs, and a sensor that knows it."""

import time

import pytest
import requests
import yaml

from anna_cli.graphql import selector
from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


TICKS = """
query Ticks($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor { sensorState { ticks(limit: 3, statuses: [SKIPPED, SUCCESS]) { timestamp } } }
  }
}
"""


def test_a_file_that_comes_again_trains_nothing(running: Running, trained: str) -> None:
    running.drop("looked_at", "s1", rows=400)
    dropped = time.time()

    def looked_since() -> bool:
        """Whether the sensor has seen the file at one look, and read it at another."""
        told = running.client.execute(TICKS, sensor=selector("inbox", "sensorName"))
        ticks = told["sensorOrError"]["sensorState"]["ticks"]
        return len(ticks) == 3 and all(tick["timestamp"] > dropped for tick in ticks)

    running.until("three looks at the inbox", looked_since)
    assert len(running.launches(trained)) == 1


def test_a_launch_has_one_mlflow_run_and_a_child_for_each_model(running: Running, trained: str) -> None:
    settings = yaml.safe_load((running.home / "anna.yaml").read_text())
    api = f"http://127.0.0.1:{settings['mlflow_port']}/api/2.0/mlflow"
    experiment = requests.get(
        f"{api}/experiments/get-by-name", params={"experiment_name": "looked_at"}, timeout=30
    ).json()["experiment"]["experiment_id"]
    found = requests.post(f"{api}/runs/search", json={"experiment_ids": [experiment]}, timeout=30).json()["runs"]
    found = [run for run in found if {"key": "anna.sample", "value": trained} in run["data"]["tags"]]
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in found]
    parents = [tag for tag in tags if "mlflow.parentRunId" not in tag]
    assert [tag["mlflow.runName"] for tag in parents] == [trained]
    children = sorted(tag["anna.part"] for tag in tags if "mlflow.parentRunId" in tag)
    assert children == ["card_transactions", "credit_history", "metamodel"]
    assert {run["info"]["status"] for run in found} == {"FINISHED"}
    curves = {m["key"] for run in found for m in run["data"].get("metrics", [])}
    assert {"train_loss", "valid_loss", "valid_roc_auc", "events_per_second"} <= curves
