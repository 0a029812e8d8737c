"""SIGKILL at the worst moment: the work goes on by itself, and nothing half-written is read."""

import signal
from typing import Any

import psutil
import pytest

from anna_cli.queries import EVENTS
from anna_tests.system.conftest import SLOW_TASK, Running, start

pytestmark = pytest.mark.system


def training_events(running: Running, key: str) -> list[dict[str, Any]]:
    """Epochs reported so far by the latest run of a launch."""
    launches = [run for run in running.launches(key) if run["status"] == "STARTED"]
    if not launches:
        return []
    events = running.client.execute(EVENTS, runId=launches[0]["runId"], limit=1000)["logsForRun"]["events"]
    return [event for event in events if event["__typename"] == "ObservationEvent"]


def step_processes(running: Running) -> list[psutil.Process]:
    """Processes of steps: they are forked from a forkserver, and so bear its command line."""

    def is_forked(process: psutil.Process) -> bool:
        try:
            parent = process.parent()
            return parent is not None and any("multiprocessing.forkserver" in word for word in parent.cmdline())
        except psutil.NoSuchProcess:
            return False

    return [process for process in running.processes("multiprocessing.forkserver") if is_forked(process)]


def test_a_killed_training_step_is_tried_again_and_the_launch_ends(running: Running) -> None:
    key = running.drop("killed_step", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key))
    [run] = running.launches(key)
    steps = running.until("a step's process", lambda: step_processes(running))
    steps[-1].send_signal(signal.SIGKILL)
    running.until_trained(key)
    assert [launch["status"] for launch in running.launches(key)] == ["SUCCESS"]
    events = running.client.execute(EVENTS, runId=run["runId"], limit=1000)["logsForRun"]["events"]
    assert any(event["__typename"] == "ExecutionStepRestartEvent" for event in events)


def test_a_launch_whose_own_process_is_killed_is_continued(running: Running) -> None:
    key = running.drop("killed_run", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key))
    steps = running.until("a step's process", lambda: step_processes(running))
    forkserver = steps[0].parent()
    assert forkserver is not None
    run = forkserver.parent()
    assert run is not None
    run.send_signal(signal.SIGKILL)
    running.until_trained(key)
    assert sorted(launch["status"] for launch in running.launches(key)) == ["FAILURE", "SUCCESS"]


def test_a_killed_code_server_comes_back_and_its_launch_ends(running: Running) -> None:
    key = running.drop("killed_code_server", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key))
    for server in running.processes("anna_assets.definitions"):
        server.send_signal(signal.SIGKILL)
    running.until_trained(key)
    assert [run["status"] for run in running.launches(key)] == ["SUCCESS"]  # its process lived on


def test_definitions_whose_process_is_killed_are_loaded_again(running: Running) -> None:
    [definitions] = running.processes("anna_assets.definitions", "api grpc")
    definitions.send_signal(signal.SIGKILL)
    definitions.wait(timeout=60)
    assert "the definitions are gone from the server that runs them" in " ".join(running.anna("doctor").stdout.split())
    running.until("the definitions", lambda: running.processes("anna_assets.definitions", "api grpc"))
    running.until_trained(running.drop("killed_definitions", "s1", rows=300))


def test_a_killed_platform_continues_its_launches_when_it_starts_again(running: Running) -> None:
    key = running.drop("killed_platform", "s1", SLOW_TASK, rows=300)
    running.until("an epoch", lambda: training_events(running, key))
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
