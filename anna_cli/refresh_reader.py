"""How far the marts are: months made, of all that ANNA keeps."""

from dataclasses import dataclass

from anna_cli.graphql import GraphQLClient
from anna_cli.launch_reader import LaunchReader
from anna_cli.queries import ASSETS, RUN_STATES
from anna_core.errors import AnnaError


class MartsError(AnnaError):
    """A mart cannot be made."""


@dataclass(frozen=True)
class Refresh:
    """Months of all marts together."""

    made: int
    months: int
    running: int
    failed: int


def read_refresh(client: GraphQLClient) -> Refresh:
    """Count the months of all marts.

    Raises:
        MartsError: a month failed and nothing more is being made; with the run's own words.
        ClientError: ANNA does not answer.
    """
    nodes = client.execute(ASSETS)["assetNodes"]
    stats = [node["partitionStats"] for node in nodes if node["assetKey"]["path"][0] == "mart"]

    def total(name: str) -> int:
        return sum(stat[name] for stat in stats)

    refresh = Refresh(total("numMaterialized"), total("numPartitions"), total("numMaterializing"), total("numFailed"))
    if refresh.failed and not refresh.running:
        raise MartsError(f"{refresh.failed} months of marts failed. {_last_problem(client)}".strip())
    return refresh


def _last_problem(client: GraphQLClient) -> str:
    failed = client.expect("Runs", RUN_STATES, filter={"statuses": ["FAILURE"]}, limit=1)["results"]
    return LaunchReader(client).problem(failed[0]["runId"]) if failed else ""
