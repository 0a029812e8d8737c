"""Receivers of messages, for tests: a web server and a mail server that keep what they get, on free ports."""

import asyncio
import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP


@dataclass
class Webhook:
    """What a web server got.

    Attributes:
        port: on loopback.
        got: the JSON of each request that it took.
        refuses: whether it answers 503 to what it gets.
    """

    port: int
    got: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    def titles(self) -> list[str]:
        return [one["title"] for one in self.got]


@dataclass
class Mailbox:
    """What a mail server got, each mail with its addressees."""

    port: int
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)


@contextmanager
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not found.refuses:
                found.got.append(content)
            self.send_response(503 if found.refuses else 200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Webhook(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802  # its name there
            mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
            found.got.append((list(envelope.rcpt_tos), mail))
            return "250 OK"

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(Handler(), loop=loop), "127.0.0.1", 0))
    found = Mailbox(server.sockets[0].getsockname()[1])
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield found
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
