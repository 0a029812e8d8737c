"""Runs of ANNA's jobs: asking for one, its state, and waiting for its end."""

import time
from collections.abc import Callable, Mapping

from anna_cli.graphql import GraphQLClient, Json, selector
from anna_cli.launch import tags_of
from anna_cli.launch_reader import LaunchReader
from anna_cli.queries import LAUNCH_RUN, RUN_STATES
from anna_core.errors import AnnaError
from anna_resources.names import RETRY_TAG, WILL_RETRY_TAG

_LOOKS, _PAUSE_SECONDS = 10, 0.5
_POLL_SECONDS = 1.0
_OVER = ("SUCCESS", "FAILURE", "CANCELED")


class RunFailedError(AnnaError):
    """A run failed, was canceled or was deleted."""


def run_parameters(job: str, op: str, config: Json, tags: Mapping[str, str] | None = None) -> Json:
    """The parameters of a run of a job with one step, `op`, which gets `config`."""
    return {
        "selector": selector(job, "jobName"),
        "runConfigData": {"ops": {op: {"config": config}}},
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
    }


def launch_run(client: GraphQLClient, parameters: Json) -> str:
    """Begin a run; return its id. Raises `ClientError`."""
    run_id: str = client.expect("LaunchRunSuccess", LAUNCH_RUN, params=parameters)["run"]["runId"]
    return run_id


def read_run(client: GraphQLClient, run_id: str, sleep: Callable[[float], None] = time.sleep) -> Json | None:
    """A run; of one that failed, once it is known whether another goes on from there. None where it was deleted.

    Dagster writes that down a moment after the failure, and nothing where no run is ever tried again.
    """
    for looks in range(_LOOKS):
        runs = client.expect("Runs", RUN_STATES, filter={"runIds": [run_id]}, limit=1)["results"]
        if not runs:
            return None
        run: Json = runs[0]
        if run["status"] != "FAILURE" or WILL_RETRY_TAG in tags_of(run):
            break
        if looks + 1 < _LOOKS:
            sleep(_PAUSE_SECONDS)
    return run


def wait_for(client: GraphQLClient, run_id: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Wait until a run, or the retry that follows it, is over; return the id of the one that succeeded.

    Raises:
        RunFailedError: it failed, in the run's own words.
    """
    while True:
        run = read_run(client, run_id, sleep)
        if run is None:
            raise RunFailedError(f"The run {run_id[:8]} was deleted: look whether it did its work, and press again.")
        tags, status = tags_of(run), run["status"]
        if status == "SUCCESS":
            return run_id
        if status in _OVER and tags.get(WILL_RETRY_TAG) != "true":
            raise RunFailedError(LaunchReader(client).problem(run_id) or f"The run {run_id[:8]} was canceled.")
        run_id = tags.get(RETRY_TAG, run_id)
        sleep(_POLL_SECONDS)
