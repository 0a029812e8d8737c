"""Sources that could not be observed, and why."""

from anna_cli.graphql import GraphQLClient
from anna_cli.launch import tags_of
from anna_cli.launch_reader import LaunchReader
from anna_cli.queries import ASSET_KEYS, RUN_STATES
from anna_resources.names import OBSERVE_JOB, WILL_RETRY_TAG

_ENDED = ["SUCCESS", "FAILURE", "CANCELED"]


def failed_observations(client: GraphQLClient) -> dict[str, str]:
    """Name of each domain whose source's latest observation failed → what it failed of, in the run's own words.

    One that is about to be tried again says nothing yet.

    Raises:
        ClientError: ANNA does not answer.
    """
    paths = [node["assetKey"]["path"] for node in client.execute(ASSET_KEYS)["assetNodes"]]
    failed = {}
    for domain in sorted(path[-1] for path in paths if path[0] == "source"):
        wanted = {"pipelineName": f"{OBSERVE_JOB}{domain}", "statuses": _ENDED}
        runs = client.expect("Runs", RUN_STATES, filter=wanted, limit=1)["results"]
        if runs and runs[0]["status"] == "FAILURE" and tags_of(runs[0]).get(WILL_RETRY_TAG) != "true":
            failed[domain] = LaunchReader(client).problem(runs[0]["runId"])
    return failed
