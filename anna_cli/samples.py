"""Bringing a sample to a running instance, and waiting until its launch appears."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from anna_cli.graphql import GraphQLClient, Json, selector
from anna_cli.launch_reader import LaunchReader
from anna_cli.launches import PARTITION_TAG
from anna_cli.options import Options
from anna_cli.queries import LAUNCH_RUN, RUN_STATES, SENSOR
from anna_core.errors import AnnaError, SampleError
from anna_core.keys import SampleKey, sample_key
from anna_core.samples.files import ending_of, why_no_sample
from anna_core.samples.origins import sample_name

REGISTER_JOB = "register_sample"
REGISTER_OP = "upload"
INBOX_SENSOR = "inbox"
POLL_SECONDS = 2.0
# The inbox looks every 10 s at files that were at rest for 5, and a loaded machine takes its time to start a run.
PATIENCE_SECONDS = 60.0


class SubmitError(AnnaError):
    """A sample was not taken in."""


def locate(file: str) -> str:
    """Return a local file's absolute path, and a URL as it is.

    Raises:
        SampleError: there is no such file, or it cannot be a sample.
    """
    if len(urlsplit(file).scheme) > 1:  # one letter is a Windows drive
        return file
    path = Path(file).expanduser().resolve()
    if not path.exists():
        raise SampleError(f"{path}: no such file. A sample is a CSV or Parquet file.")
    if path.is_file() and ending_of(path) is None:
        raise SampleError(why_no_sample(path))
    return str(path)


def key_of(file: str, task: str, sample: str | None) -> SampleKey:
    """The partition key that a sample will have."""
    return sample_key(task, sample or sample_name(file))


def register(client: GraphQLClient, file: str, task: str, sample: str | None, options: Options) -> str:
    """Start the job that takes a sample in; return the run's id.

    Raises:
        ClientError: ANNA does not run, or refuses the settings.
    """
    params = registration(file, task, sample, options)
    launched = client.expect("LaunchRunSuccess", LAUNCH_RUN, params=params)
    run_id: str = launched["run"]["runId"]
    return run_id


def registration(file: str, task: str, sample: str | None, options: Options) -> Json:
    """The parameters of the run that takes a sample in; what was left open is left out."""
    config: Json = {"file": file, "task": task}
    if sample is not None:
        config["sample"] = sample
    if options:
        config["options"] = options
    return {
        "selector": selector(REGISTER_JOB, "jobName"),
        "runConfigData": {"ops": {REGISTER_OP: {"config": config}}},
        "executionMetadata": {"tags": [{"key": "anna/task", "value": task}]},
    }


def await_launch(
    client: GraphQLClient,
    run_id: str,
    key: str,
    since: float,
    on_wait: Callable[[str], None] = lambda reason: None,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Wait until the sample is taken in and its launch appears.

    Args:
        client: of the instance.
        run_id: what `register` returned.
        key: of the sample.
        since: Unix time of the instance before `register`.
        on_wait: called every two seconds with what is waited for.
        sleep: waits for so many seconds.

    Returns:
        Unix time from which on to look for the launch: `since`, or 0 where the same content was launched before.

    Raises:
        SubmitError: the sample was refused, or no launch appears; with the reason.
    """
    idle = 0.0
    while not _launches(client, key, since):
        run = client.expect("Runs", RUN_STATES, filter={"runIds": [run_id]}, limit=1)["results"][0]
        if run["status"] in ("FAILURE", "CANCELED"):
            reason = LaunchReader(client).problem(run_id) or "the run was canceled."
            raise SubmitError(f"{key} was not taken in: {reason}")
        taken_in = run["status"] == "SUCCESS"
        waits = _sensor_waits(client) if taken_in else "the sample is being checked"
        on_wait(waits or "the launch is about to begin")
        # What has a reason takes as long as it takes; only silence is suspicious.
        idle = 0.0 if waits else idle + POLL_SECONDS
        if idle >= PATIENCE_SECONDS:
            if _launches(client, key, since=0.0):
                return 0.0
            raise SubmitError(f"{key} was taken in, but no launch began. {_sensor_says(client)}")
        sleep(POLL_SECONDS)
    return since


def _launches(client: GraphQLClient, key: str, since: float) -> list[Json]:
    wanted = {"tags": [{"key": PARTITION_TAG, "value": key}], "createdAfter": since}
    found: list[Json] = client.expect("Runs", RUN_STATES, filter=wanted, limit=1)["results"]
    return found


def _sensor_waits(client: GraphQLClient) -> str | None:
    """Why the inbox holds samples back, such as marts that are not fresh yet; None where it does not."""
    tick = _last_tick(client)
    reason = (tick or {}).get("skipReason") or ""
    return reason if "wait" in reason else None


def _sensor_says(client: GraphQLClient) -> str:
    tick = _last_tick(client)
    if tick is None:
        return f"The sensor '{INBOX_SENSOR}' has not looked yet: is Dagster's daemon running?"
    reason = (tick["error"] or {}).get("message") or tick["skipReason"] or tick["status"].lower()
    return f"The sensor '{INBOX_SENSOR}' said last: {reason.strip()}"


def _last_tick(client: GraphQLClient) -> Json | None:
    state = client.expect("Sensor", SENSOR, selector=selector(INBOX_SENSOR, "sensorName"))["sensorState"]
    if state["status"] != "RUNNING":
        raise SubmitError(f"The sensor '{INBOX_SENSOR}' is off: switch it on in the UI under Automation.")
    return next(iter(state["ticks"]), None)
