"""SIGKILL at the worst moment: the work goes on by itself, and nothing half-written is read."""

import re
import signal
from typing import Any

import psutil
import pytest

from anna_cli.queries import EVENTS
from anna_tests.processes import is_gone
from anna_tests.system.conftest import SLOW_TASK, SOON, Running, start

pytestmark = pytest.mark.system


def training_events(running: Running, key: str) -> list[dict[str, Any]]:
    """Epochs reported so far by the latest run of a launch."""
    launches = [run for run in running.launches(key) if run["status"] == "STARTED"]
    if not launches:
        return []
    events = running.client.execute(EVENTS, runId=launches[0]["runId"], limit=1000)["logsForRun"]["events"]
    return [event for event in events if event["__typename"] == "ObservationEvent"]


def restarts(running: Running, run_id: str) -> list[dict[str, Any]]:
    """Steps of a run that are tried again."""
    events = running.client.execute(EVENTS, runId=run_id, limit=1000)["logsForRun"]["events"]
    return [event for event in events if event["__typename"] == "ExecutionStepRestartEvent"]


def process_of(running: Running, run_id: str) -> psutil.Process:
    """A run's process, as its log has it."""
    events = running.client.execute(EVENTS, runId=run_id, limit=1000)["logsForRun"]["events"]
    found = (re.search(r"Started process for run \(pid: (\d+)\)", event.get("message", "")) for event in events)
    return psutil.Process(next(int(match[1]) for match in found if match))


def test_a_launch_ends_though_its_step_the_code_server_and_its_own_process_are_killed(running: Running) -> None:
    key = running.drop("killed_launch", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key), SOON)
    [run] = running.launches(key)

    worker = process_of(running, run["runId"])
    [forking] = [one for one in worker.children() if "multiprocessing.forkserver" in " ".join(one.cmdline())]
    running.until("a step's process", forking.children, SOON)[-1].send_signal(signal.SIGKILL)
    events = running.until("another try of the step", lambda: restarts(running, run["runId"]))
    assert len(events) == 1

    for server in running.processes("anna_assets.definitions"):
        server.send_signal(signal.SIGKILL)
    running.until("the code server", lambda: running.processes("anna_assets.definitions", "api grpc"))
    assert [launch["status"] for launch in running.launches(key)] == ["STARTED"]  # its process lived on

    forked_from = worker.parent()
    assert forked_from is not None
    forked_from.send_signal(signal.SIGKILL)
    running.until(
        "its end", lambda: is_gone(worker)
    )  # it would go on unseen, beside the one that is started in its place
    running.until_trained(key)
    assert sorted(launch["status"] for launch in running.launches(key)) == ["FAILURE", "SUCCESS"]


def test_definitions_and_a_platform_that_are_killed_come_back_and_launches_go_on(running: Running) -> None:
    [definitions] = running.processes("anna_assets.definitions", "api grpc")
    definitions.send_signal(signal.SIGKILL)
    definitions.wait(timeout=60)
    assert "the definitions are gone from the server that runs them" in " ".join(running.anna("doctor").stdout.split())
    running.until("the definitions", lambda: running.processes("anna_assets.definitions", "api grpc"))

    key = running.drop("killed_platform", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key), SOON)
    everything = [running.process.pid, *(p.pid for p in psutil.Process(running.process.pid).children(recursive=True))]
    for pid in everything:
        try:
            psutil.Process(pid).send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    running.process.wait(timeout=60)
    with (running.home / "up.log").open("a") as log:
        log.write("--- start ---\n")
    (running.home / "inbox" / "killed_platform" / "task.yaml").touch()
    running.process = start(running.home, running.port).process
    running.until_trained(key)
    assert len(running.launches(key)) == 2  # the first was found dead, the second continued it
