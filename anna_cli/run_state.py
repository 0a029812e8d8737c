"""The state of one run, as those ask who wait for it."""

import time
from collections.abc import Callable

from anna_cli.graphql import GraphQLClient, Json
from anna_cli.launch import tags_of
from anna_cli.queries import RUN_STATES
from anna_resources.names import WILL_RETRY_TAG

_LOOKS, _PAUSE_SECONDS = 10, 0.5


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
