"""The servers of a deployment on one machine: how each is started, and how it shows that it is ready."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

import anna_cli
from anna_cli.graphql import LOCATION
from anna_cli.identity import identity
from anna_cli.supervisor.leftovers import MARK
from anna_cli.supervisor.ports import LOOPBACK, is_listening
from anna_core.storage import write_text
from anna_resources.settings import Settings

DEFINITIONS = "anna_assets.definitions"
WORKSPACE_FILE = "workspace.yaml"
HEARTBEAT_SECONDS = 3_600

# The location has a name of its own: Dagster would call it by its port, and what it remembers of sensors hangs on that.
_WORKSPACE = """\
# Written by `anna up` at every start.
load_from:
  - grpc_server:
      host: {host}
      port: {port}
      location_name: {location}
      additional_metadata: {identity}
"""


@dataclass(frozen=True)
class Service:
    """One server.

    Attributes:
        name: also the name of its log.
        colour: of its name on the screen.
        command: the program and its arguments.
        is_ready: whether it answers.
        restartable: whether it may be started again when it dies: nobody's connection to it is lost then.
        essential: whether the platform ends when it dies for good.
    """

    name: str
    colour: str
    command: list[str]
    is_ready: Callable[[], bool]
    restartable: bool = False
    essential: bool = True


_ROOT = str(Path(anna_cli.__file__).resolve().parents[1])  # a source checkout need not be installed


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of every server and, through them, of every step."""
    direct = ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), LOOPBACK, "localhost")))
    return {
        **os.environ,
        "NO_PROXY": direct,  # the servers talk to each other past a proxy that the bank may have
        "no_proxy": direct,
        "PYTHONPATH": os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH")))),
        "PYTHONSAFEPATH": "1",  # what lies in the folder that somebody stands in is not imported
        "PYTHONUNBUFFERED": "1",
        "ANNA_HOME": str(settings.home),
        MARK: str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job workers serve evaluations that ANNA has no use for
        "MLFLOW_TRACKING_URI": settings.tracking_url,
    }


def write_workspace(settings: Settings, code_port: int) -> Path:
    """Tell the webserver and the daemon where the code server listens."""
    file = settings.dagster_home / WORKSPACE_FILE
    told = json.dumps(dict(identity(settings.home).metadata()))
    write_text(file, _WORKSPACE.format(host=LOOPBACK, port=code_port, location=LOCATION, identity=told))
    return file


def told_code_port(settings: Settings) -> int | None:
    """Where the code server listens, as `write_workspace` told it; None where it told nothing yet."""
    file = settings.dagster_home / WORKSPACE_FILE
    if not file.is_file():
        return None
    port: int = yaml.safe_load(file.read_text(encoding="utf-8"))["load_from"][0]["grpc_server"]["port"]
    return port


def mlflow_service(settings: Settings) -> Service:
    """The MLflow tracking server, with its database and artifacts in the deployment's folder.

    Launches go on without it, and tell it later what they had to say.
    """
    folder = settings.home / "mlflow"
    return Service(
        "mlflow", "magenta",
        [
            sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(settings.mlflow_port),
            "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}",
            "--artifacts-destination", str(folder / "artifacts"), "--workers", "1",
        ],
        lambda: is_listening(settings.mlflow_port), restartable=True, essential=False,
    )  # fmt: skip


def code_service(module: str, port: int) -> Service:
    """The server of ANNA's definitions; it also starts the runs. The UI can reload it, which shows new domains."""
    command = [
        sys.executable, "-m", "dagster", "code-server", "start", "-m", module, "--location-name", LOCATION,
        "--host", LOOPBACK, "--port", str(port), "--use-python-environment-entry-point",
        # Its process of definitions ends after so long without a word from it: after 30 s by default, so that a machine
        # that was suspended would wake up without definitions. Where a code server is killed, the process lies about.
        "--heartbeat-ttl", str(HEARTBEAT_SECONDS),
        # Dagster leaves out the first entry of the path, which is a script's folder as a rule and here is ours.
        "--working-directory", _ROOT,
    ]  # fmt: skip
    return Service("code-server", "cyan", command, lambda: is_listening(port), restartable=True)


def webserver_service(settings: Settings, workspace: Path) -> Service:
    """The Dagster UI and its GraphQL API."""
    command = [
        sys.executable, "-m", "dagster_webserver", "--host", LOOPBACK, "--port", str(settings.webserver_port),
        "--workspace", str(workspace),
    ]  # fmt: skip
    return Service("webserver", "green", command, lambda: is_listening(settings.webserver_port), restartable=True)


def daemon_service(workspace: Path, is_ready: Callable[[], bool]) -> Service:
    """Dagster's daemon: queue, sensors, schedules, backfills and automation."""
    command = [sys.executable, "-m", "dagster._daemon", "run", "--workspace", str(workspace)]
    return Service("daemon", "blue", command, is_ready, restartable=True)
