"""The supervisor: children that are stopped with all they started, restarted, or end the platform."""

import errno
import io
import os
import signal
import socket
import subprocess
import sys
import threading

import dagster as dg
import filelock
import psutil
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from rich.console import Console

from anna_cli.deployment_folder import make_deployment
from anna_cli.identity import OtherPlatformError
from anna_cli.settings_file import render_settings
from anna_cli.supervisor import cut_off, platform
from anna_cli.supervisor import supervisor as module
from anna_cli.supervisor.child import Child, stop_all
from anna_cli.supervisor.leftovers import MARK, end_leftovers
from anna_cli.supervisor.logs import SeriousLines, last_lines
from anna_cli.supervisor.platform import LOCK_FILE, Platform
from anna_cli.supervisor.ports import PortError, check_free, free_port
from anna_cli.supervisor.services import (
    Service,
    child_environment,
    code_service,
    daemon_service,
    mlflow_service,
    webserver_service,
)
from anna_cli.supervisor.supervisor import PlatformError, Supervisor
from anna_cli.supervisor.tie import OPEN_FILES
from anna_resources.settings import load_settings
from anna_tests.unit.cli_stub import Stub, identified, serving
from anna_tests.unit.conftest import few_open_files

PATIENCE = 30  # seconds; only a broken test waits that long
# A server that starts another process, says the two numbers, and ignores SIGTERM where told to.
FAMILY = """
import os, signal, subprocess, sys
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
waiting = "import signal; print(flush=True); signal.pause()"
other = subprocess.Popen([sys.executable, "-c", waiting], stdout=subprocess.PIPE)
other.stdout.readline()  # until then the system may not know its environment
print(os.getpid(), other.pid, flush=True)
signal.pause()
"""


class Ears:
    """Collects what a child says; `first` waits for its first line."""

    def __init__(self):
        self.lines, self._heard = [], threading.Event()

    def __call__(self, line):
        self.lines.append(line)
        self._heard.set()

    def first(self):
        assert self._heard.wait(PATIENCE)
        return self.lines[0]


@pytest.mark.parametrize(("before", "after"), [("", "127.0.0.1,localhost"), ("bank.ru", "bank.ru,127.0.0.1,localhost")])
def test_servers_talk_to_each_other_past_a_proxy(before, after, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", before)
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    environment = child_environment(load_settings())
    assert environment["NO_PROXY"] == environment["no_proxy"] == after


def test_servers_import_nothing_of_the_folder_in_which_they_are_started(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    (tmp_path / "colorsys.py").write_text("raise SystemExit('a script of somebody was run')")
    command = [sys.executable, "-m", "colorsys"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 1
    assert subprocess.run(command, cwd=tmp_path, env=child_environment(load_settings()), check=False).returncode == 0


def test_definitions_outlive_a_machine_that_stands_still_for_half_an_hour():
    command = code_service("anna_assets.definitions", 4000).command
    assert int(command[command.index("--heartbeat-ttl") + 1]) > 1800


def test_every_server_is_started_again_when_it_dies(tmp_path, monkeypatch):
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    settings, workspace = load_settings(), tmp_path / "workspace.yaml"
    services = [
        code_service("anna_assets.definitions", 4000),
        mlflow_service(settings),
        webserver_service(settings, workspace),
        daemon_service(workspace, lambda: True),
    ]
    assert [one.name for one in services if not one.restartable] == []


def test_what_is_known_of_a_sensor_follows_the_code_server_to_another_port(tmp_path):
    def origin(port):
        served = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=port, location_name="anna")
        return RemoteInstigatorOrigin(RemoteRepositoryOrigin(served, "__repository__"), "inbox")

    data = SensorInstigatorData(cursor="so far")
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        first, now = origin(4000), origin(4001)
        instance.add_instigator_state(
            InstigatorState(first, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, data)
        )
        cut_off.move_sensors(instance, 4001)
        [state] = instance.all_instigator_state()
        assert state.instigator_origin_id == now.get_id() != first.get_id()
        assert (state.status, state.instigator_data) == (InstigatorStatus.DECLARED_IN_CODE, data)


def start(tmp_path, code, *arguments, env=os.environ):
    ears = Ears()
    child = Child("server", [sys.executable, "-c", code, *arguments], env, tmp_path / "server.log", ears)
    child.start()
    return child, ears


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("manner", ["polite", "stubborn"])
def test_stopping_leaves_no_orphan(tmp_path, manner):
    child, ears = start(tmp_path, FAMILY, manner)
    family = [int(pid) for pid in ears.first().split()]
    assert all(is_alive(pid) for pid in family)
    stop_all([child], grace_seconds=0.3 if manner == "stubborn" else PATIENCE)
    psutil.wait_procs([psutil.Process(pid) for pid in family if psutil.pid_exists(pid)], timeout=1)
    assert not any(is_alive(pid) for pid in family)
    assert child.is_gone()


def test_a_grandchild_outlives_its_parent_but_not_the_stop(tmp_path):
    child, ears = start(tmp_path, FAMILY)
    parent, other = (int(pid) for pid in ears.first().split())
    os.kill(parent, signal.SIGKILL)
    child._process.wait(PATIENCE)
    assert is_alive(other)
    assert not child.is_gone()
    stop_all([child], PATIENCE)
    assert not is_alive(other)


def test_ctrl_c_works_in_children_of_a_shell_that_ignores_it(tmp_path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child, ears = start(tmp_path, "import signal; print(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)")
        assert ears.first() == "False"
    finally:
        signal.signal(signal.SIGINT, before)
        stop_all([child], PATIENCE)


def test_children_may_open_as_many_files_as_the_system_allows(tmp_path):
    with few_open_files(100):
        code = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
        child, ears = start(tmp_path, code)
        allowed, most = (int(number) for number in ears.first().split())
        stop_all([child], PATIENCE)
    assert allowed == min(most, OPEN_FILES)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_end_with_a_parent_that_is_killed(tmp_path):
    parent = f"""
import os, sys; from pathlib import Path
from anna_cli.supervisor.child import Child
child = Child("server", [sys.executable, "-c", {FAMILY!r}], os.environ, Path({str(tmp_path / "log")!r}),
              lambda line: print(line, flush=True))
child.start(); child._process.wait()
"""
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    family = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(family[:1], timeout=PATIENCE)
    assert not [one for one in alive if is_alive(one.pid)]
    family[1].kill()


def test_leftovers_of_a_killed_platform_are_ended(tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    marked = {**os.environ, MARK: str(home)}
    ours, heard = start(tmp_path, FAMILY, env=marked)
    theirs, heard_theirs = start(tmp_path, FAMILY, env={**marked, MARK: str(other)})
    heard.first(), heard_theirs.first()
    assert end_leftovers(home) == 2
    assert ours.is_gone()
    assert theirs.exit_code is None
    stop_all([theirs], PATIENCE)


def test_everything_said_is_kept_in_the_log(tmp_path):
    child, ears = start(tmp_path, "print('one'); print('\\033[31mtwo\\033[0m', flush=True)")
    child._process.wait(PATIENCE)
    stop_all([child], PATIENCE)
    for thread in threading.enumerate():
        if thread.name == "log of server":
            thread.join(PATIENCE)
    assert ears.lines == ["one", "two"]
    assert last_lines(tmp_path / "server.log") == "one\ntwo"


def test_only_serious_lines_are_shown():
    said = [
        "2026-11-23 13:13:30 +0000 - dagster.daemon - INFO - Checking", "  and more",
        "2026-11-23 13:13:31 +0000 - dagster.daemon - ERROR - Caught an error", "Traceback (most recent call last):",
        "  File x", "ValueError: boom", "2026-11-23 13:13:32 +0000 - dagster - DEBUG - ERROR is only mentioned",
        "/x/y.py:12: BetaWarning: Class z is in beta", "  return z()", "2026/11/23 13:00:00 WARNING mlflow.store: slow",
        "2026-11-23 13:13:32 +0000 - dagster.daemon.EventLogConsumerDaemon - WARNING - No cursor for event type "
        "DagsterEventType.RUN_FAILURE, ignoring older events",
    ]  # fmt: skip
    wanted = SeriousLines()
    assert [index for index, line in enumerate(said) if wanted(line)] == [2, 5, 9]


def test_what_is_said_again_and_again_is_shown_now_and_then():
    said = ["2026-11-23 13:13:31 +0000 - dagster - WARNING - sources - asked again", "  for two months",
            "2026-11-23 13:13:42 +0000 - dagster - WARNING - sources - asked again", "  for two months",
            "2026-11-23 13:13:42 +0000 - dagster - WARNING - inbox - left aside"]  # fmt: skip
    moment = 0.0
    wanted = SeriousLines(lambda: moment)
    assert [wanted(line) for line in said] == [[said[0]], [said[1]], [], [], [said[4]]]
    moment = 599.0
    assert [wanted(line) for line in said] == [[]] * 5
    moment = 600.0
    assert [wanted(line) for line in said] == [[said[0]], [said[1]], [], [], [said[4]]]


def test_an_error_that_comes_at_each_look_is_shown_once_and_another_cause_at_once_with_its_sensor():
    header = "2026-11-23 13:13:31 +0000 - dagster.daemon.SensorDaemon - ERROR - Sensor daemon caught an error in inbox"
    again = header.replace("13:13:31", "13:14:01")
    frames = ["Traceback (most recent call last):", '  File "/x/y.py", line 1, in z']
    wanted, first, other = SeriousLines(), "OSError: No space left on device", "ArtifactError: damaged"
    assert [shown for line in (header, *frames, first) for shown in wanted(line)] == [header, first]
    assert [shown for line in (again, *frames, first) for shown in wanted(line)] == []
    assert [shown for line in (again, *frames, other, "  twice") for shown in wanted(line)] == [again, other, "  twice"]
    on = header.replace("ERROR - Sensor daemon caught an error in", "INFO - Looked at")
    assert [shown for line in (on, *frames, first) for shown in wanted(line)] == []


def test_a_refusal_is_shown_with_its_words_and_without_stack_frames():
    said = [
        "2026-11-23 13:13:31 +0000 - dagster - ERROR - observe_cards - r1 - 7 - source__cards - STEP_FAILURE - failed.",
        "", "dagster._core.definitions.events.Failure: cards.csv, line 3: 2 fields below a header of 3:", "  '2,c'", "",
        "Stack Trace:", '  File "/x/plan.py", line 245, in core', "    yield from step", "    ^^^^^^", "",
        "The above exception was caused by the following exception:", "SourceError: cards.csv", "",
        "Stack Trace:", '  File "/x/y.py", line 1, in z', "2026-11-23 13:13:32 +0000 - dagster - INFO - on",
        "Stack Trace:", "  File", "ValueError: of a line that was not serious",
    ]  # fmt: skip
    wanted = SeriousLines()
    assert [index for index, line in enumerate(said) if wanted(line)] == [0, 2, 3, 10, 11]


def test_what_guards_warn_of_is_left_to_the_report_and_what_stops_a_launch_is_shown():
    run = "train - a65bc5b4-ae51-4242-b106-3600a3f67467 - sequences__cards - Check"
    said = [
        f"2026-11-30 09:27:49 +0000 - dagster - WARNING - {run} shift: Test rows differ", "from the others.",
        f"2026-11-30 09:27:50 +0000 - dagster - ERROR - {run} leakage: The target can be predicted",
        "2026-11-30 09:27:51 +0000 - dagster - WARNING - train - a65bc5b4 - sequences__cards - No row sees an event",
    ]  # fmt: skip
    wanted = SeriousLines()
    assert [index for index, line in enumerate(said) if wanted(line)] == [2, 3]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "FIRST_BACKOFF_SECONDS", 0.01)


@pytest.fixture
def supervisor(tmp_path, quick):
    console = Console(file=io.StringIO(), width=300)
    made = Supervisor(os.environ, tmp_path, console)
    made.said = console.file
    yield made
    made.stop(grace_seconds=PATIENCE)


def service(code, restartable=False, essential=True):
    return Service("server", "red", [sys.executable, "-c", code], lambda: True, restartable, essential)


def wait_until(condition):
    pause, waited = threading.Event(), 0.0
    while not condition():
        assert waited < PATIENCE
        pause.wait(0.01)
        waited += 0.01


def test_a_server_that_ends_while_starting_is_told_with_its_log(supervisor):
    child = supervisor.start(service("import sys; print('no such table'); sys.exit(3)"))
    child._process.wait(PATIENCE)
    with pytest.raises(PlatformError, match=r"(?s)server ended with code 3.*server\.log"):
        supervisor.wait_ready(child, lambda: False, PATIENCE)


def test_a_server_that_is_never_ready_is_told(supervisor):
    child = supervisor.start(service("import signal; signal.pause()"))
    with pytest.raises(PlatformError, match=r"server is not ready after 0\.05 s"):
        supervisor.wait_ready(child, lambda: False, 0.05)


def test_a_restartable_server_is_restarted_until_it_is_hopeless(supervisor):
    child = supervisor.start(service("import sys; sys.exit(4)", restartable=True))
    supervisor.watch()
    with pytest.raises(PlatformError, match="server ended with code 4"):
        supervisor.wait(PATIENCE)
    assert len(child.restarts) == module.MOST_RESTARTS
    assert "starting it again in 0.01 s (1 of 3 times in 10 min)" in supervisor.said.getvalue()


class NoScreen(io.StringIO):
    """A terminal that was closed, or a file on a full disk."""

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_servers_are_looked_after_also_where_nothing_can_be_shown(tmp_path, quick):
    made = Supervisor(os.environ, tmp_path, Console(file=NoScreen()), verbose=True)
    child = made.start(service("import sys; print('told'); sys.exit(4)", restartable=True))
    made.watch()
    with pytest.raises(PlatformError, match=r"(?s)server ended with code 4.*told"):
        made.wait(PATIENCE)
    made.stop(grace_seconds=PATIENCE)
    assert len(child.restarts) == module.MOST_RESTARTS
    assert (tmp_path / "server.log").read_text().count("told") == module.MOST_RESTARTS + 1


def test_restarts_of_long_ago_do_not_count(tmp_path, quick):
    clock = iter(range(0, 10**6, int(module.WINDOW_SECONDS)))  # each restart so long after the one before
    made = Supervisor(os.environ, tmp_path, Console(file=io.StringIO()), clock=lambda: float(next(clock)))
    deaths = tmp_path / "deaths"
    code = f"open({str(deaths)!r}, 'a').write('x')"
    child = made.start(service(code, restartable=True))
    made.watch()
    wait_until(lambda: deaths.exists() and len(deaths.read_text()) > 6)
    made.stop(grace_seconds=PATIENCE)
    assert made.failure is None
    assert len(child.restarts) == 1


def test_the_platform_goes_on_without_a_server_that_it_can_do_without(supervisor):
    hopeless = supervisor.start(service("import sys; sys.exit(4)", restartable=True, essential=False))
    supervisor.watch()
    wait_until(lambda: "ANNA goes on without server" in supervisor.said.getvalue())
    assert len(hopeless.restarts) == module.MOST_RESTARTS
    assert supervisor.failure is None
    supervisor.check()


def test_any_other_server_ends_the_platform(supervisor):
    supervisor.start(service("import sys; sys.exit(5)"))
    supervisor.watch()
    with pytest.raises(PlatformError, match="server ended with code 5"):
        supervisor.wait(PATIENCE)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("ANNA_HOME", str(home))
    make_deployment(home, render_settings(webserver_port=free_port(), mlflow_port=free_port()))
    return load_settings()


def test_a_second_platform_on_the_same_home_is_refused(settings):
    with (
        filelock.FileLock(settings.home / LOCK_FILE),
        pytest.raises(PlatformError, match="Another `anna up` already runs this deployment"),
        Platform(settings),
    ):
        pass


def test_a_taken_port_is_refused_and_the_lock_is_given_back(settings, monkeypatch):
    monkeypatch.setattr(platform, "ANSWER_SECONDS", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", settings.webserver_port))
        listener.listen()
        with pytest.raises(PortError, match="webserver_port"):
            Platform(settings).__enter__()
    with filelock.FileLock(settings.home / LOCK_FILE, timeout=0):
        pass


def test_launches_are_not_told_to_a_server_of_somebody_elses(settings):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", settings.mlflow_port))
        listener.listen()
        with pytest.raises(PortError, match="launches would be told to whoever answers there"):
            Platform(settings, mlflow=False).__enter__()


def test_a_port_where_another_deployments_platform_answers_is_refused_with_its_folder(settings, tmp_path, monkeypatch):
    make_deployment(tmp_path / "other")
    with serving(Stub(Identity=identified(tmp_path / "other"))) as stub:
        monkeypatch.setattr(settings, "webserver_port", int(stub.url.rsplit(":", 1)[1]))
        with pytest.raises(OtherPlatformError, match=f"another deployment, {tmp_path / 'other'}"):
            Platform(settings).__enter__()


def test_a_folder_that_is_no_deployment_is_refused(settings):
    (settings.dagster_home / "dagster.yaml").unlink()
    with pytest.raises(PlatformError, match="anna init"):
        Platform(settings).__enter__()


def test_free_ports_are_free():
    check_free(free_port(), "webserver_port")


def test_runs_that_went_down_with_the_machine_fail_but_those_being_canceled_are_canceled(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["cut_off", "4000"])
    with dg.instance_for_test() as instance:
        for state in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.SUCCESS):
            instance.add_run(dg.DagsterRun(job_name="train", run_id=state.value, status=state))
        cut_off.main()
        states = {run.run_id: run.status.value for run in instance.get_runs()}
    assert states == {"STARTED": "FAILURE", "CANCELING": "CANCELED", "SUCCESS": "SUCCESS"}
    assert capsys.readouterr().out == "2\n"
