"""The watch over the process that holds the definitions, with a code server and a webserver that a test commands."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from dagster._grpc.__generated__ import dagster_api_pb2, dagster_api_pb2_grpc
from dagster._grpc.types import ListRepositoriesResponse
from dagster._serdes import serialize_value
from dagster._utils.error import SerializableErrorInfo
from rich.console import Console

from anna_cli.supervisor import code_watch
from anna_cli.supervisor.code_watch import CodeWatch, has_definitions
from anna_cli.supervisor.ports import LOOPBACK, free_port
from anna_tests.unit.cli_stub import Stub, serving

PATIENCE = 30  # seconds; only a broken test waits that long
LOADED = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
NOT_LOADED = SerializableErrorInfo("MemoryError", [], "MemoryError")
FAILED = {"__typename": "PythonError", "message": "Could not reach user code server."}


class CodeServer(dagster_api_pb2_grpc.DagsterApiServicer):
    """Answers as Dagster's code server does while its process is `alive`, and fails as it does once that is dead.

    With an `error`, it answers as where the definitions did not load.
    """

    def __init__(self, alive=True, error=None):
        self.alive, self.error, self.looks = alive, error, 0

    def ListRepositories(self, request, context):  # noqa: N802  (by this name gRPC calls it)
        self.looks += 1
        if not self.alive:
            raise RuntimeError("Could not reach user code server.")
        found = self.error or ListRepositoriesResponse([])
        return dagster_api_pb2.ListRepositoriesReply(
            serialized_list_repositories_response_or_error=serialize_value(found)
        )


@contextmanager
def listening(servicer):
    server = grpc.server(ThreadPoolExecutor(1))
    dagster_api_pb2_grpc.add_DagsterApiServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def test_a_process_that_is_gone_is_told_from_one_that_answers():
    with listening(CodeServer()) as port:
        assert has_definitions(port)
    for server in (CodeServer(alive=False), CodeServer(error=NOT_LOADED)):
        with listening(server) as port:
            assert not has_definitions(port)


@pytest.mark.parametrize("variable", ["http_proxy", "grpc_proxy"])
def test_a_proxy_of_the_banks_is_not_asked(variable, monkeypatch):
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    with listening(CodeServer(alive=False)) as port:
        assert not has_definitions(port)


def test_a_code_server_that_is_not_there_is_not_the_watchs_business():
    assert has_definitions(free_port())


def watched(monkeypatch, answer, looks, missed=()):
    """Watch until `looks` looks were made; what was asked of the webserver, and what was told.

    The process is dead from the beginning, or, with `missed`, does not answer at these looks alone.
    """
    monkeypatch.setattr(code_watch, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(code_watch, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(code_watch, "LONGEST_PAUSE_SECONDS", 0.02)
    server, told, enough = CodeServer(alive=bool(missed)), io.StringIO(), threading.Event()

    def look(port):
        found = has_definitions(port) and server.looks not in missed
        if server.looks >= looks:
            enough.set()
        return found

    monkeypatch.setattr(code_watch, "has_definitions", look)
    with listening(server) as port, serving(Stub(Reload=lambda variables: answer(server))) as stub:
        watch = CodeWatch(port, stub.url, Console(file=told))
        watch.start()
        assert enough.wait(PATIENCE)
        watch.stop()
    return stub.calls, " ".join(told.getvalue().split())


def revive(entry):
    def answer(server):
        server.alive = True
        return {"data": {"reloadRepositoryLocation": entry}}

    return answer


@pytest.mark.parametrize("entry", [LOADED, FAILED], ids=["as it is", "the dead process could not be told to end"])
def test_definitions_whose_process_died_are_loaded_again_once(entry, monkeypatch):
    calls, told = watched(monkeypatch, revive(entry), looks=8)
    assert calls == [("Reload", {"name": "anna"})]
    assert told == "ANNA's definitions are gone; loading them again."


def test_looks_that_find_nothing_now_and_then_are_nobody_s_reload(monkeypatch):
    assert watched(monkeypatch, revive(LOADED), looks=8, missed=(2, 4, 6)) == ([], "")


def test_definitions_that_do_not_come_back_are_told_and_tried_again(monkeypatch):
    states = iter([(False, None), (True, NOT_LOADED), (True, None)])

    def answer(server):
        server.alive, server.error = next(states)
        return {"data": {"reloadRepositoryLocation": FAILED}}

    calls, told = watched(monkeypatch, answer, looks=20)
    assert len(calls) == 3
    assert told.count("The definitions do not load: Could not reach user code server.") == 2
