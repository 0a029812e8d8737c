"""The GraphQL client: its documents fit Dagster's schema, and every failure is told in plain words."""

import socket
import threading
from contextlib import contextmanager

import graphql
import pytest
from dagster_graphql.schema import create_schema

from anna_cli import queries
from anna_cli.graphql import (
    ClientError,
    DroppedError,
    GraphQLClient,
    NotRunningError,
    RejectedError,
    plain_message,
    without_stack,
)
from anna_cli.stopped import told_of_a_stop
from anna_cli.supervisor.ports import free_port
from anna_tests.unit.cli_stub import Stub, serving

DOCUMENTS = {name: text for name, text in vars(queries).items() if name.isupper() and not name.startswith("_")}


@pytest.fixture(scope="module")
def schema():
    return create_schema().graphql_schema


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_fits_the_schema(schema, name):
    assert graphql.validate(schema, graphql.parse(DOCUMENTS[name])) == []


def ask(answer, typename="Runs"):
    with serving(Stub(Runs=answer)) as stub:
        return GraphQLClient(stub.url).expect(typename, "query Runs { x }")


def test_an_answer_of_the_expected_type_is_returned():
    assert ask({"data": {"runsOrError": {"__typename": "Runs", "results": []}}})["results"] == []


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_platform_is_reached_past_a_proxy(variable, monkeypatch):
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    test_an_answer_of_the_expected_type_is_returned()


def test_nothing_listening_says_how_to_start():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NotRunningError, match=f"ANNA is not running at {url}: start it with `anna up`"):
        GraphQLClient(url).execute("query Runs { x }")


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"__typename": "PythonError", "message": "ValueError: boom\n"}, "^ValueError: boom$"),
        ({"__typename": "InvalidSubsetError", "message": "no such op"}, "^no such op$"),
        ({"__typename": "InvalidStepError", "invalidStepKey": "x"}, "answered InvalidStepError"),
        ({"__typename": "PipelineNotFoundError", "message": "Could not find Pipeline x"}, "definitions load"),
        (
            {"__typename": "AssetNotFoundError", "message": 'Asset key ["uploads"] not found.'},
            r'^Asset key \["uploads"\] not found. Did ANNA\'s definitions load\?',
        ),
        (
            {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "a"}, {"message": "b"}]},
            "^a; b$",
        ),
    ],
)
def test_members_of_a_union_that_are_errors_become_messages(field, told):
    with pytest.raises(RejectedError, match=told):
        ask({"data": {"launchRun": field}})


def test_graphql_errors_become_messages():
    with pytest.raises(RejectedError, match="Cannot query field"):
        ask({"data": None, "errors": [{"message": "Cannot query field 'x' on type 'Query'."}]})


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b"{}"])
def test_another_program_on_the_port_is_recognised(body):
    with pytest.raises(ClientError):
        ask(body)


def test_what_anna_said_is_told_and_not_what_it_was_about():
    error = {
        "message": "dagster._core.definitions.events.Failure: cards.json: cannot be read; remove it: Expecting value\n",
        "className": "Failure",
        "cause": {
            "message": "anna_core.errors.ArtifactError: cards.json: cannot be read; remove it: Expecting value\n",
            "className": "ArtifactError",
            "cause": {"message": "json.decoder.JSONDecodeError: Expecting value\n", "className": "JSONDecodeError"},
        },
    }
    assert plain_message(error) == plain_message(error["cause"])
    assert plain_message(error) == "cards.json: cannot be read; remove it: Expecting value"
    full = {"message": "OSError: [Errno 28] No space left on device\n", "className": "OSError"}
    explained = error | {"message": "dagster._core.definitions.events.Failure: make room on /srv\n", "cause": full}
    wrapped = {"message": "DagsterExecutionStepExecutionError: Error occurred", "className": "X", "cause": explained}
    assert plain_message(wrapped) == "make room on /srv"


def test_the_innermost_cause_is_told_without_its_class():
    error = {
        "message": "dagster._core.errors.DagsterExecutionStepExecutionError: Error occurred while executing op:\n",
        "className": "DagsterExecutionStepExecutionError",
        "cause": {"message": "anna_core.errors.SampleError: no column as_of: add it\n", "className": "SampleError"},
    }
    assert plain_message(error) == "no column as_of: add it"
    assert plain_message(None) == ""


STACK = '\n\nStack Trace:\n  File "/srv/x.py", line 3, in load\n    raise\n'
CAUSED = "\nThe above exception was caused by the following exception:\n"
DURING = "\nThe above exception occurred during handling of the following exception:\n"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("cards.yaml: no field", "cards.yaml: no field"),
        (f"dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach it.{STACK}", "Could not reach it."),
        (
            f"dagster._core.errors.DagsterUserCodeLoadError: Error occurred.{STACK}{CAUSED}"
            f"anna_core.errors.DomainError: cards.yaml: no field{STACK}{DURING}KeyError: 'x'{STACK}",
            "cards.yaml: no field",
        ),
        (f"ValueError: boom{STACK}", "ValueError: boom"),
    ],
)
def test_of_an_error_with_its_stack_the_words_are_told(message, told):
    assert without_stack(message) == told
    assert plain_message({"message": message, "className": "DagsterUserCodeProcessError"}) == told
    with pytest.raises(RejectedError) as refused:
        ask({"data": {"runsOrError": {"__typename": "PythonError", "message": message}}})
    assert str(refused.value) == told


@contextmanager
def dropping(drops):
    """A server that breaks off its first connections, of so many bytes of an answer each, and answers those after."""
    body = b'{"data": {"x": 1}}'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = []

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    asked.append(connection)
                    connection.sendall(whole if len(asked) > len(drops) else whole[: drops[len(asked) - 1]])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_question_whose_connection_breaks_off_is_asked_again_for_some_seconds(monkeypatch):
    slept = []
    monkeypatch.setattr("anna_cli.graphql.time.sleep", slept.append)
    with dropping([0, -5]) as (url, asked), told_of_a_stop("the launch", "look"):
        assert GraphQLClient(url).execute("\nquery X { x }") == {"x": 1}
    assert (len(asked), slept) == (3, [0.5, 1.0])
    broken = pytest.raises(DroppedError, match="broke the connection off")  # somebody is there, so that is no stop
    with dropping([0] * 9) as (url, asked), broken, told_of_a_stop("the launch", "look"):
        GraphQLClient(url).execute("query X { x }")
    assert len(asked) == 5
    with dropping([0]) as (url, asked), pytest.raises(DroppedError):
        GraphQLClient(url).execute("\nmutation X { x }")
    assert len(asked) == 1  # it may have been heard


def test_an_answer_that_stays_half_is_slow_and_not_asked_for_again():
    with socket.create_server(("127.0.0.1", 0)) as server:
        asking = threading.Thread(target=lambda: held.append(server.accept()[0]), daemon=True)
        held: list[socket.socket] = []
        asking.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        threading.Timer(0.1, lambda: held[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")).start()
        with pytest.raises(ClientError, match=r"did not answer within 0\.5 s"):
            GraphQLClient(url, timeout=0.5).execute("query X { x }")
        held[0].close()


def test_the_graphql_of_another_program_is_told_as_that():
    other = Stub(Health={"errors": ["Cannot query field 'version'"]})
    with serving(other), pytest.raises(ClientError, match="not as Dagster does: another program uses this port"):
        GraphQLClient(other.url).execute(queries.HEALTH)
