"""What Dagster's sensors come to: while one fails, or is off, nothing of what it is for happens."""

from dataclasses import dataclass

from anna_cli.graphql import IN_REPOSITORY, GraphQLClient, Json, plain_message
from anna_cli.queries import SENSORS

_NO_WORD = "it left no word."


@dataclass(frozen=True)
class Sensor:
    """A sensor.

    Attributes:
        name: its name.
        is_on: whether it looks at all.
        problem: what its last look that ended failed of; empty where it did not.
    """

    name: str
    is_on: bool
    problem: str = ""


def read_sensors(client: GraphQLClient) -> list[Sensor]:
    """All sensors of the definitions.

    Raises:
        ClientError: ANNA does not answer, or its definitions did not load.
    """
    return [_read(found) for found in client.expect("Sensors", SENSORS, selector=IN_REPOSITORY)["results"]]


def problem_of(tick: Json | None) -> str:
    """What a look failed of, in a line; empty where it did not fail, or there was none."""
    if tick is None or tick["status"] != "FAILURE":
        return ""
    return " ".join(plain_message(tick["error"]).split()) or _NO_WORD


def _read(found: Json) -> Sensor:
    state = found["sensorState"]
    is_on = state["status"] == "RUNNING"
    ended = next((tick for tick in state["ticks"] if tick["status"] != "STARTED"), None)
    return Sensor(found["name"], is_on, problem_of(ended) if is_on else "")
