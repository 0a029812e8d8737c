"""The client of Dagster's GraphQL API: one POST, and every way in which it can go wrong told in plain words."""

import re
import time
from dataclasses import dataclass
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError, ReadTimeoutError

from anna_core.errors import AnnaError
from anna_resources.code_location import LOCATION

REPOSITORY = "__repository__"  # the name that Dagster gives to a code location's only repository
IN_REPOSITORY = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY}
# What Dagster answers of all that ANNA's definitions hold, where these did not load.
_NOT_FOUND = ("AssetNotFoundError", "PipelineNotFoundError", "RepositoryNotFoundError", "SensorNotFoundError")
# How Dagster writes an error with its stack and its causes into one text.
_CAUSED = "The above exception was caused by the following exception:"
_DURING = "The above exception occurred during handling of the following exception:"
_STACK = "Stack Trace:"
# A message begins with the exception's module and class: of ANNA's packages, or that by which its steps explain any.
_OURS = re.compile(r"anna_\w+\.|dagster\._core\.definitions\.events\.Failure: ")
_IN_FLIGHT = "that was not known to be in flight"  # what Dagster says where a step ends while its run is interrupted
_ERROR_CLASS = re.compile(r"^(?:\w+\.)+[A-Z]\w*: ")
_PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before a question is asked again whose connection broke off
TIMEOUT_SECONDS = 60.0  # a webserver that has just started takes many seconds for its first answers

Json = dict[str, Any]


class ClientError(AnnaError):
    """The instance could not do what it was asked."""


class NotRunningError(ClientError):
    """Nothing answers at the instance's address."""


class DroppedError(ClientError):
    """The connection broke off before there was an answer."""


class RejectedError(ClientError):
    """Dagster refused a request; the message is its own."""


@dataclass(frozen=True)
class GraphQLClient:
    """A connection to a running instance.

    Attributes:
        url: address of the webserver, without `/graphql`.
        timeout: seconds that an answer may take.
    """

    url: str
    timeout: float = TIMEOUT_SECONDS

    def execute(self, query: str, **variables: Any) -> Json:
        """Send one document; return its `data`.

        A question whose connection breaks off is asked again for some seconds; what is to change something is not,
        as it may have been heard.

        Raises:
            NotRunningError: nothing answers at the address.
            DroppedError: the connection breaks off.
            ClientError: what answers is slow, or is not Dagster.
            RejectedError: Dagster reports errors.
        """
        pauses = () if query.lstrip().startswith("mutation") else _PAUSES
        for pause in pauses:
            try:
                return self._execute(query, variables)
            except DroppedError:
                time.sleep(pause)
        return self._execute(query, variables)

    def _execute(self, query: str, variables: Json) -> Json:
        try:
            with requests.Session() as session:
                session.trust_env = False  # the platform is on this machine, which a proxy of the bank's does not reach
                answer = session.post(
                    f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=self.timeout
                )
                content = answer.json()
        except requests.Timeout as error:  # before ConnectionError: one that does not come about in time is both
            raise self._slow() from error
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
            if isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
                raise NotRunningError(f"ANNA is not running at {self.url}: start it with `anna up`.") from error
            if isinstance(error.args[0], ReadTimeoutError):  # in the midst of an answer
                raise self._slow() from error
            raise DroppedError(
                f"{self.url} broke the connection off without an answer. Is something between it and this command, or "
                "is the webserver about to start? Its log is logs/webserver.log in ANNA_HOME. Try again."
            ) from error
        except requests.JSONDecodeError as error:
            raise self._other_program() from error
        if not isinstance(content, dict) or not (content.get("data") or content.get("errors")):
            raise ClientError(f"{self.url}/graphql gave an answer that ANNA cannot read (HTTP {answer.status_code}).")
        if errors := content.get("errors"):
            if not all(isinstance(error, dict) and "message" in error for error in errors):  # MLflow's, for one
                raise self._other_program()
            raise RejectedError("; ".join(without_stack(str(error["message"])) for error in errors))
        data: Json = content["data"]
        return data

    def _other_program(self) -> ClientError:
        return ClientError(
            f"{self.url} answers, but not as Dagster does: another program uses this port. "
            "Set another webserver_port in anna.yaml."
        )

    def _slow(self) -> ClientError:
        return ClientError(
            f"{self.url} did not answer within {self.timeout:g} s: the machine is overloaded, or the webserver "
            "hangs. Its log is logs/webserver.log in ANNA_HOME."
        )

    def expect(self, typename: str, query: str, **variables: Any) -> Json:
        """Send a document with one field that is a union; return it if it is a `typename`.

        Raises:
            RejectedError: the field is another member of the union, such as PythonError.
            ClientError: as `execute`.
        """
        data = self.execute(query, **variables)
        field: Json = next(iter(data.values()))
        if field["__typename"] != typename:
            raise RejectedError(_refusal(field))
        return field


def selector(name: str, kind: str) -> Json:
    """Tell Dagster which job or sensor is meant; `kind` is `jobName` or `sensorName`."""
    return {**IN_REPOSITORY, kind: name}


def plain_message(error: Json | None) -> str:
    """Tell a Python error by its cause, without the exception's class and module.

    That is the first of the chain that ANNA raised, whose words name the place and the cure; else the innermost.
    """
    chain = []
    while error:
        chain.append(error)
        error = error.get("cause")
    if not chain:
        return ""
    error = next((one for one in chain if _OURS.match(str(one["message"]))), chain[-1])
    if error.get("className") == "DagsterExecutionInterruptedError" or _IN_FLIGHT in str(error["message"]):
        return "the platform was stopped, or somebody ended the process."
    name = re.escape(error.get("className") or "")
    return without_stack(re.sub(rf"^([\w.]*\.)?{name}: ", "", str(error["message"]).strip()))


def without_stack(message: str) -> str:
    """The words of an error into which Dagster wrote a stack, or those of its causes: the innermost cause's."""
    words = message.rpartition(_CAUSED)[2].partition(_DURING)[0].partition(_STACK)[0].strip()
    return words if words == message.strip() else _ERROR_CLASS.sub("", words)


def _refusal(field: Json) -> str:
    typename = field["__typename"]
    if errors := field.get("errors"):
        return "; ".join(without_stack(error["message"]) for error in errors)
    message = without_stack(str(field.get("message") or ""))
    if typename in _NOT_FOUND:
        return (
            f"{message.rstrip('.')}. Did ANNA's definitions load? See the Deployment page of the UI, or `anna doctor`."
        )
    return message or f"Dagster answered {typename}."
