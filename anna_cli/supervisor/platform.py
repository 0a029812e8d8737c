"""A whole deployment as a context manager: `with Platform(settings) as platform: …`."""

import subprocess
import sys
import time
from types import TracebackType
from typing import Self

import filelock

from anna_cli.console import CONSOLE
from anna_cli.graphql import ClientError, GraphQLClient
from anna_cli.identity import OtherPlatformError, connect
from anna_cli.queries import HEALTH
from anna_cli.supervisor.code_watch import CodeWatch
from anna_cli.supervisor.leftovers import end_leftovers
from anna_cli.supervisor.limits import set_pool_limits, write_queue_limits
from anna_cli.supervisor.ports import PortError, check_free, free_port, is_listening
from anna_cli.supervisor.services import (
    DEFINITIONS,
    Service,
    child_environment,
    code_service,
    daemon_service,
    mlflow_service,
    webserver_service,
    write_workspace,
)
from anna_cli.supervisor.supervisor import PlatformError, Supervisor
from anna_cli.templates import DAGSTER_FILE
from anna_resources.blueprint import read_deployment_domains
from anna_resources.settings import Settings

START_SECONDS = 120.0  # a loaded machine imports torch-sized packages slowly
ANSWER_SECONDS = 3.0  # from whatever is at a port that should be free
LOCK_FILE = "up.lock"
# What stops first: the daemon, so that nothing new begins, and the code server with its runs, which talk to MLflow.
STOP_FIRST = ("daemon", "code-server")


class Platform:
    """Dagster and MLflow of one deployment, on this machine's loopback.

    Attributes:
        settings: of the deployment.
        client: speaks to the running instance.
    """

    def __init__(self, settings: Settings, mlflow: bool = True, verbose: bool = False) -> None:
        self.settings = settings
        self.client = GraphQLClient(settings.webserver_url)
        self._mlflow = mlflow and settings.mlflow_url is None
        self._supervisor = Supervisor(child_environment(settings), settings.home / "logs", CONSOLE, verbose)
        self._code_watch: CodeWatch | None = None
        self._lock = filelock.FileLock(settings.home / LOCK_FILE)

    def __enter__(self) -> Self:
        """Start everything and wait until it answers.

        Raises:
            PlatformError: a server does not start, or ANNA's definitions do not load.
            PortError: a port is taken.
            OtherPlatformError: the webserver's is, by the platform of another deployment.
            DomainError: no domain file can be used.
        """
        self._prepare()
        try:
            with CONSOLE.status("Starting Dagster and MLflow …"):
                self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything; nothing is left running."""
        self.stop()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until a server fails for good (`PlatformError`), or for so many seconds."""
        self._supervisor.wait(seconds)

    def check(self) -> None:
        """Raise `PlatformError` if a server failed for good."""
        self._supervisor.check()

    def stop(self) -> None:
        """Stop everything: runs in progress are interrupted, and say so in Dagster's records."""
        if self._code_watch is not None:
            self._code_watch.stop()
        with CONSOLE.status("Stopping … (Ctrl-C again to kill)"):
            self._supervisor.stop(STOP_FIRST)
        self._lock.release()

    def _prepare(self) -> None:
        home, file = self.settings.home, self.settings.dagster_home / DAGSTER_FILE
        if not file.is_file():
            raise PlatformError(f"{home} is not a deployment: {file} is missing. Make it with `anna init {home}`.")
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise PlatformError(
                f"Another `anna up` already runs this deployment ({home}): its UI is {self.settings.webserver_url}."
            ) from error
        try:
            if count := end_leftovers(home):
                CONSOLE.print(f"Ended {count} processes that a killed `anna up` had left.", style="yellow")
            self._check_webserver_port()
            self._check_mlflow_port()
            # Without a domain no definitions load, which the servers would tell in pages of traceback.
            read_deployment_domains(self.settings)
            write_queue_limits(file, self.settings.limits)
        except BaseException:
            self._lock.release()
            raise

    def _check_webserver_port(self) -> None:
        try:
            check_free(self.settings.webserver_port, "webserver_port")
        except PortError as taken:
            try:
                connect(self.settings, ANSWER_SECONDS)
            except OtherPlatformError:
                raise
            except ClientError:
                raise taken from None  # no Dagster: another program, as the first error says
            raise

    def _check_mlflow_port(self) -> None:
        port = self.settings.mlflow_port
        if self._mlflow:
            check_free(port, "mlflow_port")
        elif self.settings.mlflow_url is None and is_listening(port):
            raise PortError(
                f"Port {port} is in use, though no MLflow server is started; launches would be told to whoever answers "
                "there. Name that server as mlflow_url in anna.yaml if it is yours, or set another mlflow_port."
            )

    def _start(self) -> None:
        code_port = free_port()
        self._report_cut_off(code_port)
        workspace = write_workspace(self.settings, code_port)
        first = [code_service(DEFINITIONS, code_port)]
        if self._mlflow:
            first.append(mlflow_service(self.settings))
        self._launch(*first)
        self._launch(webserver_service(self.settings, workspace))
        self._check_definitions()
        set_pool_limits(self.client, self.settings.limits)
        began = time.time()
        self._launch(daemon_service(workspace, lambda: self._daemon_beats(began)))
        self._supervisor.watch()
        self._code_watch = CodeWatch(code_port, self.settings.webserver_url, CONSOLE)
        self._code_watch.start()

    def _launch(self, *services: Service) -> None:
        children = [self._supervisor.start(service) for service in services]
        for child, service in zip(children, services, strict=True):
            self._supervisor.wait_ready(child, service.is_ready, START_SECONDS)

    def _check_definitions(self) -> None:
        workspace = self.client.execute(HEALTH)["workspaceOrError"]
        for entry in workspace.get("locationEntries", [workspace]):
            found = entry.get("locationOrLoadError") or entry
            if found["__typename"] == "PythonError":
                raise PlatformError(
                    f"ANNA's definitions do not load: {found['message'].strip()} "
                    f"See {self.settings.home / 'logs' / 'code-server.log'}, and `anna doctor`."
                )

    def _report_cut_off(self, code_port: int) -> None:
        # No server runs yet and the lock is ours: what counts as running was cut off.
        script = [sys.executable, "-m", "anna_cli.supervisor.cut_off", str(code_port)]
        done = subprocess.run(script, env=child_environment(self.settings), capture_output=True, text=True, check=False)
        if done.returncode:
            raise PlatformError(f"Dagster's records in {self.settings.dagster_home} cannot be read:\n{done.stderr}")
        if count := int(done.stdout.split()[-1]):
            CONSOLE.print(
                f"{count} run(s) were cut off when ANNA last went down; they are tried again from there.",
                style="yellow",
            )

    def _daemon_beats(self, since: float) -> bool:
        try:
            statuses = self.client.execute(HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
        except ClientError:
            return False
        return all((status["lastHeartbeatTime"] or 0) >= since for status in statuses if status["required"])
