"""Whether a running instance is well, or one could be started: ports, daemon, definitions, MLflow."""

import time
from collections.abc import Iterator

import requests

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_cli.graphql import ClientError, GraphQLClient, NotRunningError, RejectedError, plain_message
from anna_cli.identity import IdentityError, OtherPlatformError, check_ours
from anna_cli.observation_reader import failed_observations
from anna_cli.queries import HEALTH
from anna_cli.sensor_reader import read_sensors
from anna_cli.supervisor.code_watch import has_definitions
from anna_cli.supervisor.leftovers import marked
from anna_cli.supervisor.ports import PortError, check_free
from anna_cli.supervisor.services import told_code_port
from anna_resources.settings import SETTINGS_FILE, Settings
from anna_resources.tracking.outbox import Outbox

TIMEOUT_SECONDS = 10.0
WAITING_SECONDS = 120.0  # the sensor `outbox` looks every 30 s
# Dagster's daemons report every 30 s.
SILENT_SECONDS = 120.0


def check_instance(settings: Settings) -> Iterator[Finding]:
    """The instance at the webserver's port if there is one, else whether its ports are free."""
    try:
        client = GraphQLClient(settings.webserver_url, timeout=TIMEOUT_SECONDS)
        health = client.execute(HEALTH)
    except NotRunningError:
        yield _not_running(settings)
        yield from _check_ports(settings)
        return
    except ClientError as error:
        yield bad(str(error), "stop that program, or set another webserver_port in anna.yaml")
        yield from _check_mlflow_port(settings)  # all that is taken is told at once
        return
    try:
        check_ours(settings, health["workspaceOrError"])
    except OtherPlatformError as error:
        yield bad(str(error), f"see webserver_port in {settings.home / SETTINGS_FILE}")
        yield from _check_mlflow_port(settings)
        return
    except IdentityError:
        cure = "mend its deployment.id first, as is said above"
        yield warning(f"whether it is this deployment that answers at {settings.webserver_url} cannot be said", cure)
        return
    yield good(f"Dagster {health['version']} answers at {settings.webserver_url}")
    yield from _check_definitions(health["workspaceOrError"])
    yield from _check_code_server(settings)
    yield from _check_daemons(health["instance"]["daemonHealth"]["allDaemonStatuses"])
    yield from _check_sensors(client)
    yield from _check_observations(client)
    yield from _check_mlflow(settings.tracking_url)
    yield from _check_outbox(settings)


def _not_running(settings: Settings) -> Finding:
    """That no platform answers; trainings go on where it was killed."""
    if not (count := sum(1 for _ in marked(settings.home))):
        return good("ANNA is not running; `anna up` starts it")
    return warning(
        f"ANNA does not answer, but {count:,} process{'es' * (count != 1)} of it still run{'s' * (count == 1)}",
        "wait for `anna up` if it is just starting or stopping; if it was killed, the next one ends them, and launches "
        "go on from their last steps",
    )


def _check_ports(settings: Settings) -> Iterator[Finding]:
    yield from _check_port(settings.webserver_port, "webserver_port")
    yield from _check_mlflow_port(settings)


def _check_mlflow_port(settings: Settings) -> Iterator[Finding]:
    """Whether the port of MLflow is free; where another MLflow is used, whether that answers."""
    if settings.mlflow_url is not None:
        yield from _check_mlflow(settings.mlflow_url)
    else:
        yield from _check_port(settings.mlflow_port, "mlflow_port")


def _check_port(port: int, setting: str) -> Iterator[Finding]:
    try:
        check_free(port, setting)
    except PortError as error:
        yield bad(str(error), f"see {setting} in anna.yaml")
    else:
        yield good(f"port {port} is free ({setting})")


def _check_definitions(workspace: dict) -> Iterator[Finding]:
    for entry in workspace.get("locationEntries", [workspace]):
        found = entry.get("locationOrLoadError") or entry
        if found["__typename"] == "PythonError":
            words = " ".join(plain_message(found).split())
            yield bad(f"the definitions do not load: {words}", "correct what it names; reload in the UI")
        else:
            yield good("the definitions are loaded")


def _check_code_server(settings: Settings) -> Iterator[Finding]:
    """Whether what the webserver knows of the definitions is still there to be run."""
    port = told_code_port(settings)
    if port is not None and not has_definitions(port):
        yield bad(
            "the definitions are gone from the server that runs them, and nothing can be launched",
            "`anna up` loads them again within two minutes; if it does not, see logs/code-server.log",
        )


def _check_daemons(statuses: list[dict]) -> Iterator[Finding]:
    silent = [
        status["daemonType"].lower()
        for status in statuses
        if status["required"] and time.time() - (status["lastHeartbeatTime"] or 0) > SILENT_SECONDS
    ]
    if silent:
        yield bad(f"Dagster's daemon is silent: {', '.join(silent)}", "restart `anna up`; see logs/daemon.log")
    else:
        yield good("Dagster's daemon works")


def _check_sensors(client: GraphQLClient) -> Iterator[Finding]:
    """What each sensor's last look came to: while one fails, nothing of what it is for happens."""
    try:
        sensors = read_sensors(client)
    except RejectedError as error:
        yield warning(f"the sensors cannot be asked after: {error}", "see whether the definitions load")
        return
    for sensor in sensors:
        if not sensor.is_on:
            yield warning(f"the sensor '{sensor.name}' is off", "switch it on in the UI under Automation")
        elif sensor.problem:
            yield bad(
                f"the sensor '{sensor.name}' fails: {sensor.problem}",
                "its page in the UI, under Automation, has each look at length",
            )
    if not any(sensor.problem for sensor in sensors):
        yield good(f"{len(sensors)} sensors look after what comes")


def _check_observations(client: GraphQLClient) -> Iterator[Finding]:
    """What the latest observation of each source came to."""
    try:
        failed = failed_observations(client)
    except RejectedError as error:
        yield warning(f"the sources cannot be asked after: {error}", "see whether the definitions load")
        return
    for domain, reason in failed.items():
        yield bad(
            f"domain {domain}: its source could not be observed: {reason}",
            "it is looked at again as soon as a file or the domain changes, and from time to time",
        )


def _check_outbox(settings: Settings) -> Iterator[Finding]:
    outbox = Outbox.of(settings.home)
    if waiting := outbox.waiting(WAITING_SECONDS):
        yield warning(
            f"{len(waiting)} launch(es) have something to say to MLflow that it does not know yet: {waiting[0].key}",
            f"it is kept in {outbox.folder} and sent by itself; the sensor `outbox` in the UI says what it waits for",
        )


def _check_mlflow(url: str) -> Iterator[Finding]:
    try:
        healthy = requests.get(f"{url}/health", timeout=TIMEOUT_SECONDS).ok
    except requests.RequestException:
        healthy = False
    if healthy:
        yield good(f"MLflow answers at {url}")
    else:
        yield warning(f"MLflow does not answer at {url}", "start `anna up` without --no-mlflow, or correct mlflow_url")
