"""Runs are forked, and end with what they are forked from."""

import inspect
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from dagster._grpc.server import DagsterApiServer

from anna_assets.forked_runs import fork_runs
from anna_tests.processes import is_gone

_FORKING = """
import os, time
from anna_assets.preload.end_together import end_together
end_together()
child = os.fork()
if child == 0 and os.fork() == 0:
    os.write(1, b"begun\\n")  # at once, as two write here
    time.sleep(1)  # what the forked one forks outlives it
    print("on its own", flush=True)
    os._exit(0)
if child:
    os.write(1, f"{child}\\n".encode())
time.sleep(600)
"""


def test_the_code_server_starts_runs_by_the_context_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Dagster's code server looks at has no public name: another version may look elsewhere.
    assert "self._mp_ctx.Process(" in inspect.getsource(DagsterApiServer.StartRun)
    monkeypatch.setattr(multiprocessing.get_context("forkserver"), "set_forkserver_preload", lambda names: None)
    monkeypatch.setattr(DagsterApiServer, "_mp_ctx", None, raising=False)  # taken back at the end
    fork_runs()
    server = DagsterApiServer.__new__(DagsterApiServer)
    server._mp_ctx = multiprocessing.get_context("spawn")  # as its beginning does
    assert server._mp_ctx.get_start_method() == "forkserver"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such signal")
def test_what_is_forked_ends_when_the_process_is_killed_that_it_is_forked_from() -> None:
    with subprocess.Popen([sys.executable, "-c", _FORKING], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        begun, child_id = sorted((parent.stdout.readline().strip() for _ in range(2)), key=str.isdigit)
        assert begun == "begun"
        child = psutil.Process(int(child_id))
        os.kill(parent.pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not is_gone(child):
            assert time.monotonic() < deadline, "it goes on"
            time.sleep(0.05)
        assert parent.stdout.readline() == "on its own\n"
