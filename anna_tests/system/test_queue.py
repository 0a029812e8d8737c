"""Six samples dropped at once: no more run than the limit says, the others wait, all end."""

import polars as pl
import pytest
import requests
import yaml

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


def test_six_samples_wait_for_their_turn_and_all_end(running: Running) -> None:
    from anna_resources.settings import Limits

    keys = [running.drop("queued", f"s{index}", rows=400 + index) for index in range(6)]
    seen_waiting = False
    most = 0

    def all_ended() -> bool:
        nonlocal seen_waiting, most
        launches = running.runs(pipelineName="train", tags=[{"key": "anna/task", "value": "queued"}])
        states = [run["status"] for run in launches]
        most = max(most, sum(state in ("STARTING", "STARTED", "CANCELING") for state in states))
        seen_waiting |= "QUEUED" in states
        return len(states) == 6 and all(state in ("SUCCESS", "FAILURE", "CANCELED") for state in states)

    running.until("six launches", all_ended)
    assert {key: [run["status"] for run in running.launches(key)] for key in keys} == {key: ["SUCCESS"] for key in keys}
    assert most == Limits().runs
    assert seen_waiting


def test_a_file_that_comes_again_trains_nothing(running: Running) -> None:
    key = running.drop("again", "s1", rows=400)
    running.until_trained(key)
    running.drop("again", "s1", rows=400)
    other = running.drop("again", "s2", rows=401)  # once this one is taken, the sensor has seen the first again
    running.until_trained(other)
    assert len(running.launches(key)) == 1


def test_a_launch_has_one_mlflow_run_and_a_child_for_each_model(running: Running) -> None:
    key = running.drop("tracked", "s1", rows=400)
    running.until_trained(key)
    settings = yaml.safe_load((running.home / "anna.yaml").read_text())
    api = f"http://127.0.0.1:{settings['mlflow_port']}/api/2.0/mlflow"
    experiment = requests.get(
        f"{api}/experiments/get-by-name", params={"experiment_name": "tracked"}, timeout=30
    ).json()["experiment"]["experiment_id"]
    found = requests.post(f"{api}/runs/search", json={"experiment_ids": [experiment]}, timeout=30).json()["runs"]
    tags = [{tag["key"]: tag["value"] for tag in run["data"]["tags"]} for run in found]
    parents = [tag for tag in tags if "mlflow.parentRunId" not in tag]
    assert [tag["mlflow.runName"] for tag in parents] == [key]
    children = sorted(tag["anna.part"] for tag in tags if "mlflow.parentRunId" in tag)
    assert children == ["account_transactions", "card_transactions", "credit_history", "metamodel"]
    assert {run["info"]["status"] for run in found} == {"FINISHED"}
    curves = {m["key"] for run in found for m in run["data"]["metrics"]}
    assert {"train_loss", "valid_loss", "valid_roc_auc", "events_per_second"} <= curves


def test_the_command_line_submits_waits_and_reports(running: Running) -> None:
    sample = running.home / "small.csv"
    pl.read_csv(running.home / "samples" / "overdue.csv").to_pandas().to_csv(sample, index=False)
    options = ["--option", "training.epochs=1", "--option", "net.hidden=8"]
    submitted = running.anna("submit", str(sample), "--task", "overdue", "--sample", "cli", *options, "--wait")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    report = running.anna("report", "overdue.cli")
    assert "metamodel" in report.stdout
    wrong = running.anna("submit", str(running.home / "anna.yaml"), "--task", "overdue")
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stdout + wrong.stderr
