"""From a launch to scores that come by themselves, while whoever makes them is killed."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
import pytest
import requests
import yaml

from anna_cli.queries import EVENTS
from anna_cli.supervisor.ports import free_port
from anna_core.periods import Cadence
from anna_resources.artifacts.production import SCORES_FILE, ProductionScores
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.git import Git
from anna_resources.ledger.remote import Remote
from anna_resources.ledger.repository import Repository
from anna_resources.names import PRODUCTION_TAG
from anna_tests.receivers import Mailbox, Webhook
from anna_tests.system.conftest import SOON, Running, environment

pytestmark = pytest.mark.system

OVER = [part for gate in ("of_use", "calibrated", "stable") for part in ("--override", f"{gate}=a small bank")]


def kill(running: Running, what: str, **filter_: Any) -> None:
    """Wait until a run is at its step, which it does in its own process, and kill that."""

    def at_work() -> psutil.Process | None:
        for run in running.runs(**filter_):
            if run["status"] == "STARTED":
                events = running.client.execute(EVENTS, runId=run["runId"], limit=1000)["logsForRun"]["events"]
                if any(event["__typename"] == "ExecutionStepStartEvent" for event in events):
                    said = " ".join(event.get("message", "") for event in events)
                    found = re.search(r"Started process for run \(pid: (\d+)\)", said)
                    assert found is not None, said
                    return psutil.Process(int(found[1]))
        return None

    running.until(what, at_work, SOON).send_signal(signal.SIGKILL)


def test_a_champion_scores_by_itself_though_press_and_scoring_are_killed(
    running: Running, trained: str, hook: Webhook, mails: Mailbox
) -> None:
    task = trained.partition(".")[0]
    said = ("--who", "anna", "--why", "a test", *OVER)
    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(running.anna, "promote", trained, *said)
        kill(running, "the press", pipelineName="promote")
        done = pressed.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{trained} is champion since" in " ".join(done.stdout.split())
    champions = Champions(Repository(running.home / "ledger", running.home / "storage" / "ledger" / "heads.json"))
    assert [past.tag for past in champions.past(task)] == [trained]
    assert sorted(run["status"] for run in running.runs(pipelineName="promote")) == ["FAILURE", "SUCCESS"]

    kill(running, "the scoring", tags=[{"key": PRODUCTION_TAG, "value": f"{trained} 2024-11"}])
    scores = ProductionScores.below(running.home / "storage", task, Cadence.MONTH)
    latest = running.until("the scores", scores.latest_done)
    assert (latest.model, latest.period) == (trained, "2024-11")
    frame = pl.read_parquet(scores.latest / SCORES_FILE)
    assert len(frame) == latest.rows == frame["client_id"].n_unique()
    listed = running.anna("scores", task)
    assert f"as of 2024-12-01 {latest.rows:,} clients by {trained}" in " ".join(listed.stdout.split())
    back = running.anna("rollback", task, "--who", "anna", "--why", "a test")
    assert back.returncode == 1
    assert "there is nothing to go back to" in " ".join(back.stderr.split())

    told = [f"ANNA: {trained} is trained", f"ANNA: {trained} is promoted by anna"]
    running.until("word of it", lambda: told[-1] in hook.titles() and len(mails.got) >= len(hook.got))
    assert [hook.titles().count(title) for title in told] == [1, 1]
    assert hook.titles() == [mail["Subject"] for _, mail in mails.got]
    remote = Remote(champions.repository, str(running.home / "copy.git"))
    running.until("the push", lambda: remote.known().at is not None and not remote.is_behind())
    assert Git(running.home / "copy.git").run("rev-parse", f"task/{task}") == champions.repository.head(f"task/{task}")


def test_mlflow_serves_the_champion_with_productions_scores(running: Running, trained: str) -> None:
    """It follows the test above, which has made a champion that has scored."""
    task = trained.partition(".")[0]
    scores = ProductionScores.below(running.home / "storage", task, Cadence.MONTH)
    latest = running.until("the scores", scores.latest_done)
    frame = pl.read_parquet(scores.latest / SCORES_FILE).head(20)
    settings = yaml.safe_load((running.home / "anna.yaml").read_text())
    mlflow = f"http://127.0.0.1:{settings['mlflow_port']}"

    def champion_has_an_alias() -> bool:
        asked = {"name": task, "alias": "champion"}
        return requests.get(f"{mlflow}/api/2.0/mlflow/registered-models/alias", asked, timeout=30).ok

    running.until("the alias of the champion", champion_has_an_alias)
    asked = [{"client_id": client, "events": {}} for client in frame["client_id"]]
    for domain in ("card_transactions", "credit_history"):
        events = pl.read_parquet(running.home / "warehouse" / domain / "**/*.parquet", hive_partitioning=False)
        for one in asked:
            own = events.filter(pl.col("client_id").cast(pl.String) == one["client_id"])
            one["events"][domain] = (
                json.loads(json.dumps(own.to_dict(as_series=False), default=str)) if len(own) else []
            )
    body = {"dataframe_records": asked, "params": {"as_of": str(latest.as_of)}}
    with served(running, f"models:/{task}@champion", mlflow) as url:
        answer = requests.post(f"{url}/invocations", json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        refused = requests.post(
            f"{url}/invocations", json={"dataframe_records": [{"client_id": "1", "events": {}}]}, timeout=60
        )
    found = pl.DataFrame(answer.json()["predictions"])
    assert found["client_id"].to_list() == frame["client_id"].to_list()
    assert found["events_card_transactions"].to_list() == frame["events_card_transactions"].to_list()
    assert set(found["model"]) == {trained}
    np.testing.assert_allclose(found["score"], frame["score"], rtol=0, atol=1e-6)
    assert refused.status_code == 400
    assert "client '1': has no as_of" in refused.text


@contextmanager
def served(running: Running, model: str, mlflow: str) -> Iterator[str]:
    """The address at which `mlflow models serve` answers by a model of the registry."""
    port, log = free_port(), running.home / "serve.log"
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        model,
        "-p",
        str(port),
        "--env-manager",
        "local",
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # of the programs that MLflow calls
    told = {**environment(running.home), "MLFLOW_TRACKING_URI": mlflow, "PATH": path}
    with log.open("w") as output:
        process = subprocess.Popen(command, env=told, stdout=output, stderr=output, start_new_session=True)
    try:
        running.until("the served model", lambda: _is_well(f"http://127.0.0.1:{port}/health", process))
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # of this group alone, which we began
        process.wait(timeout=60)


def _is_well(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the served model has ended; see serve.log in the deployment's folder"
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
