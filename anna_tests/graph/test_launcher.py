"""The run launcher: whether a run lives is judged by its process, not by a code server that may be a new one."""

import os
import subprocess
import sys
import time

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus

from anna_resources.launcher import LocalRunLauncher

NOBODY = '{"host": "127.0.0.1", "port": 9}'  # nothing listens there


@dg.job
def nothing() -> None:
    pass


@pytest.fixture
def launcher():
    with dg.DagsterInstance.ephemeral() as instance:
        made = LocalRunLauncher()
        made.register_instance(instance)
        yield made


@pytest.fixture
def process():
    """Another process, which waits until it is interrupted."""
    child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    yield child
    child.kill()
    child.wait()


def run_of(launcher: LocalRunLauncher, pid: int | None) -> dg.DagsterRun:
    """A run in progress whose log says that it runs in this process."""
    run = launcher._instance.create_run_for_job(nothing)
    launcher._instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", "nothing"), run.run_id)
    if pid is not None:
        data = EngineEventData.in_process(pid)
        launcher._instance.report_engine_event(f"Started process for run (pid: {pid}).", run, data)
    found = launcher._instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


def test_a_run_whose_process_lives_is_running_though_no_code_server_knows_it(launcher, process):
    health = launcher.check_run_worker_health(run_of(launcher, process.pid))
    assert health.status is WorkerStatus.RUNNING


def test_a_run_whose_process_was_killed_is_gone(launcher, process):
    run = run_of(launcher, process.pid)
    process.kill()
    process.wait()
    assert launcher.check_run_worker_health(run).status is WorkerStatus.NOT_FOUND


def test_a_process_that_ended_but_was_not_collected_is_gone(launcher, process):
    run = run_of(launcher, process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # waits for its end, and leaves it a zombie
    assert launcher.process_of(run.run_id) is None


def test_a_later_process_of_the_same_number_is_another(launcher, process, monkeypatch):
    run = run_of(launcher, process.pid)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: time.time() + 60)
    assert launcher.process_of(run.run_id) is None


def test_a_run_that_named_no_process_is_asked_after_at_its_code_server(launcher):
    health = launcher.check_run_worker_health(run_of(launcher, None))
    assert (health.status, health.msg) == (WorkerStatus.NOT_FOUND, "The run was never handed to a code server.")


def test_a_run_that_is_gone_with_its_code_server_is_called_so_once_that_had_time_to_come_back(launcher, monkeypatch):
    run = run_of(launcher, None)
    launcher._instance.add_run_tags(run.run_id, {".dagster/grpc_info": NOBODY})
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING  # who could start it again?
    later = time.monotonic() + 200
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.FAILED


def test_a_run_whose_code_server_is_gone_can_still_be_stopped(launcher, process):
    run = run_of(launcher, process.pid)
    launcher._instance.add_run_tags(run.run_id, {".dagster/grpc_info": NOBODY})
    assert launcher.terminate(run.run_id)
    assert process.wait(timeout=60) != 0
    status = launcher._instance.get_run_by_id(run.run_id).status
    assert status is dg.DagsterRunStatus.CANCELING
