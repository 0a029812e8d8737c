"""A stand-in for Dagster's webserver: answers each GraphQL operation with what a test recorded."""

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from anna_cli.identity import identity


class Stub:
    """Answers by operation name; a callable answer is called with the variables. `calls` keeps what was asked."""

    def __init__(self, **answers):
        self.answers, self.calls, self.url = answers, [], ""

    def answer(self, query, variables):
        name = re.search(r"(?:query|mutation)\s+(\w+)", query)[1]
        self.calls.append((name, variables))
        answer = self.answers[name]
        return answer(variables) if callable(answer) else answer


def upload_row(key, state, reason="", file="", content="", run="", warnings="", watched=""):
    """A line of the table of uploads, as the intake publishes it."""
    return {"sample": key, "state": state, "reason": reason, "file": file or f"{key.replace('.', '/', 1)}.csv",
            "as_of": "", "owner": "", "warnings": warnings, "run": run, "watched": watched,
            "content": content}  # fmt: skip


def uploads_answer(*rows):
    """The answer to the question for the table of uploads."""
    entry = {"label": "uploads", "table": {"records": [json.dumps(row) for row in rows]}}
    node = {"__typename": "AssetNode", "assetObservations": [{"metadataEntries": [entry]}]}
    return {"data": {"assetNodeOrError": node}}


def sensors(**ticks):
    """The answer to the question for the sensors: name → its last ticks, the latest first; none where it is off."""
    found = [
        {"name": name, "sensorState": {"status": "STOPPED" if last is None else "RUNNING", "ticks": last or []}}
        for name, last in ticks.items()
    ]
    return {"data": {"sensorsOrError": {"__typename": "Sensors", "results": found}}}


def assets(*paths):
    """The answer to the question for the graph's assets: those at these paths."""
    return {"data": {"assetNodes": [{"assetKey": {"path": path.split("/")}} for path in paths]}}


def identified(home):
    """The answer to `Identity` of the platform of the deployment at `home`; with None, of another Dagster."""
    told = identity(home).metadata() if home else {"host": "127.0.0.1"}
    entry = {"name": "anna", "displayMetadata": [{"key": key, "value": value} for key, value in told.items()]}
    return {"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]}}}


@contextmanager
def serving(stub):
    """Serve a stub on the loopback; `stub.url` is its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = stub.answer(content["query"], content["variables"])
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
