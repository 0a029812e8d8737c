"""Definitions are loaded anew, domain files come, break and go, and the daemon dies, while launches run and wait."""

import shutil
import signal
from typing import Any

import pytest

from anna_core import storage
from anna_core.models.blend.metamodel import Metamodel
from anna_resources.code_location import reload_definitions
from anna_resources.settings import Limits
from anna_tests.system.conftest import FAST_TASK, SOON, Running
from anna_tests.system.test_kill import training_events

pytestmark = pytest.mark.system

LONG_TASK = "training: {preset: fast, epochs: 15, patience: 15}\nnet: {hidden: 8, embedding: 4}\n"
DOMAINS = ["card_transactions", "credit_history"]
MARTS = "query Marts { assetNodes { assetKey { path } } }"


def marts(running: Running) -> list[str]:
    nodes = running.client.execute(MARTS)["assetNodes"]
    return sorted(node["assetKey"]["path"][1] for node in nodes if node["assetKey"]["path"][0] == "mart")


def domains_of(running: Running, key: str) -> list[str]:
    """The domains whose nets the metamodel of a launch weighs."""
    model = Metamodel.load(storage.read_directory(running.home / "storage" / "metamodel" / key))
    return [name for name in model.members if "boosting" not in name]


def looks(running: Running, run: dict[str, Any]) -> int:
    """How often the monitoring daemon has looked at a run so far."""
    return (running.home / "logs" / "daemon.log").read_text().count(f"Checking run {run['runId']}")


def ended(running: Running, key: str) -> bool:
    return all(run["status"] == "SUCCESS" for run in running.launches(key))


def most_at_once(running: Running, keys: list[str]) -> int:
    """How many of some launches ran side by side."""
    runs = [run for key in keys for run in running.launches(key)]
    return max(sum(one["startTime"] <= run["startTime"] < one["endTime"] for one in runs) for run in runs)


def test_launches_that_run_or_wait_keep_their_domains_through_reloads_and_outlive_the_daemon(running: Running) -> None:
    folder = running.home / "domains"
    first, second = (running.drop(f"reload{n}", "s1", LONG_TASK, rows=300) for n in (1, 2))
    running.until("an epoch", lambda: training_events(running, first) and training_events(running, second), SOON)
    waiting = running.drop("reload3", "s1", FAST_TASK, rows=300)
    running.until("the third launch", lambda: [run["status"] for run in running.launches(waiting)] == ["QUEUED"])
    [run] = running.launches(first)
    [daemon] = running.processes("dagster._daemon")
    daemon.send_signal(signal.SIGKILL)
    removed = (folder / "credit_history.yaml").read_text()
    try:
        shutil.copy(folder / "card_transactions.yaml", folder / "odd.yaml")
        (folder / "draft.yaml").write_text("source: {path: wareh")
        (folder / "credit_history.yaml").unlink()
        seen = looks(running, run)
        reload_definitions(f"http://127.0.0.1:{running.port}")
        assert marts(running) == ["card_transactions", "odd"]
        running.until("two looks of the monitor", lambda: looks(running, run) >= seen + 2 or ended(running, first))
        for key in (first, second, waiting):
            running.until_trained(key)
            assert [launch["status"] for launch in running.launches(key)] == ["SUCCESS"]
            assert domains_of(running, key) == DOMAINS
    finally:
        (folder / "credit_history.yaml").write_text(removed)
        (folder / "odd.yaml").unlink(missing_ok=True)
        (folder / "draft.yaml").unlink(missing_ok=True)
        reload_definitions(f"http://127.0.0.1:{running.port}")
    assert marts(running) == DOMAINS
    assert most_at_once(running, [first, second, waiting]) == Limits().launches
