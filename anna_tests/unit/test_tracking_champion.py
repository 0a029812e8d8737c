"""Asking MLflow's registry for the champion, as a sensor does: what it says, and servers that say nothing of use."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from anna_resources.tracking.registered_champion import registered_champion

VERSION = {
    "model_version": {"version": "3", "tags": [{"key": "x", "value": "y"}, {"key": "anna.ledger", "value": "churn.q1"}]}
}


class Server(ThreadingHTTPServer):
    answer: tuple[int, str] = (200, "{}")
    asked: tuple[str, str | None] = ("", None)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked = self.path, self.headers.get("Authorization")
        status, body = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "tag"),
    [
        (200, VERSION, "churn.q1"),
        (200, {"model_version": {"version": "3"}}, ""),  # somebody's own version
        (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"}, ""),
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "alias champion not found"}, ""),
    ],
)
def test_the_launch_with_the_alias_is_told(server: Server, status: int, body: dict, tag: str) -> None:
    server.answer = status, json.dumps(body)
    assert registered_champion(f"http://127.0.0.1:{server.server_port}/", "churn") == tag
    assert server.asked == ("/api/2.0/mlflow/registered-models/alias?name=churn&alias=champion", None)


@pytest.mark.parametrize("answer", [(500, "{}"), (502, "<html>"), (200, "<html>"), (403, "{}")])
def test_a_server_that_is_ill_is_no_answer(server: Server, answer: tuple[int, str]) -> None:
    server.answer = answer
    with pytest.raises(requests.RequestException):
        registered_champion(f"http://127.0.0.1:{server.server_port}", "churn")


def test_a_server_that_asks_who_comes_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = 200, json.dumps(VERSION)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    registered_champion(f"http://127.0.0.1:{server.server_port}", "churn")
    assert server.asked[1] == "Bearer t0ken"
