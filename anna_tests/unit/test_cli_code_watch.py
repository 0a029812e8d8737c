"""The watch over the process that holds the definitions, with a code server and a webserver that a test commands."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from dagster._grpc.__generated__ import dagster_api_pb2, dagster_api_pb2_grpc
from rich.console import Console

from anna_cli.supervisor import code_watch
from anna_cli.supervisor.code_watch import CodeWatch, has_definitions
from anna_cli.supervisor.ports import LOOPBACK, free_port
from anna_tests.unit.cli_stub import Stub, serving

PATIENCE = 30  # seconds; only a broken test waits that long
LOADED = {"__typename": "WorkspaceLocationEntry", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
FAILED = {"__typename": "PythonError", "message": "Could not reach user code server."}


class CodeServer(dagster_api_pb2_grpc.DagsterApiServicer):
    """Answers as Dagster's code server does while its process is `alive`, and fails as it does once that is dead."""

    def __init__(self):
        self.alive, self.looks = True, 0

    def ListRepositories(self, request, context):  # noqa: N802  (by this name gRPC calls it)
        self.looks += 1
        if not self.alive:
            raise RuntimeError("Could not reach user code server.")
        return dagster_api_pb2.ListRepositoriesReply(serialized_list_repositories_response_or_error="{}")


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
    dead = CodeServer()
    dead.alive = False
    with listening(dead) as port:
        assert not has_definitions(port)


@pytest.mark.parametrize("variable", ["http_proxy", "grpc_proxy"])
def test_a_proxy_of_the_banks_is_not_asked(variable, monkeypatch):
    monkeypatch.setenv(variable, f"http://127.0.0.1:{free_port()}")
    dead = CodeServer()
    dead.alive = False
    with listening(dead) as port:
        assert not has_definitions(port)


def test_a_code_server_that_is_not_there_is_not_the_watchs_business():
    assert has_definitions(free_port())


def watched(monkeypatch, answer, looks):
    """Watch a dead process until `looks` looks were made; what was asked of the webserver, and what was told."""
    monkeypatch.setattr(code_watch, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(code_watch, "AFTER_RELOAD_SECONDS", 0.01)
    server, told, enough = CodeServer(), io.StringIO(), threading.Event()
    server.alive = False

    def look(port):
        found = has_definitions(port)
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
    assert told == "The process that holds ANNA's definitions is gone; loading them again."


def test_definitions_that_do_not_come_back_are_told_and_tried_again(monkeypatch):
    calls, told = watched(monkeypatch, lambda server: {"data": {"reloadRepositoryLocation": FAILED}}, looks=8)
    assert len(calls) >= 2
    assert "The definitions do not load: Could not reach user code server." in told
