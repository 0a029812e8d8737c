"""Looks after the definitions: the code server keeps them in a process of its own, and does not notice when that dies.

It dies with too little memory, or when somebody ends it. The code server itself goes on, the UI shows what it read
before, and every launch fails; a reload starts that process anew and disturbs no run.
"""

import threading

from rich.console import Console

from anna_cli.supervisor.logs import say
from anna_cli.supervisor.ports import LOOPBACK
from anna_resources.code_location import ReloadError, reload_definitions

EVERY_SECONDS = 10.0
PATIENCE = 2  # looks in a row that find nothing: while somebody reloads, one may
FIRST_PAUSE_SECONDS = 60.0  # after a reload; doubled where that did not help, as the machine may be short of something
LONGEST_PAUSE_SECONDS = 600.0
ANSWER_SECONDS = 10.0
# How Dagster writes, in place of the definitions, why they did not load.
_ERROR = b'"__class__": "SerializableErrorInfo"'


def has_definitions(port: int) -> bool:
    """Whether the code server at a port of this machine has its definitions: their process answers and has loaded them.

    A server that is slow, or not there at all, counts as one that has: looking after it is the supervisor's business.
    """
    import grpc

    address, options = f"{LOOPBACK}:{port}", [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        # Messages are sent and read as bytes, since Dagster, which takes seconds to import, is not needed for these.
        ask = channel.unary_unary("/api.DagsterApi/ListRepositories")
        try:
            answer: bytes = ask(b"", timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            # This is how the code server passes on that it could not reach its process.
            return bool(error.code() is not grpc.StatusCode.UNKNOWN)
    return _ERROR not in answer


class CodeWatch:
    """Reloads the definitions when the process that holds them is gone, until they are there again."""

    def __init__(self, port: int, webserver_url: str, console: Console) -> None:
        """Watch nothing yet.

        Args:
            port: of the code server.
            webserver_url: of the webserver, which is asked to reload.
            console: where reloads are told.
        """
        self._port, self._webserver_url, self._console = port, webserver_url, console
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="code watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; a reload that has begun is not waited for."""
        self._stopping.set()

    def _watch(self) -> None:
        missed, pause, longer = 0, EVERY_SECONDS, FIRST_PAUSE_SECONDS
        while not self._stopping.wait(pause):
            pause = EVERY_SECONDS
            if has_definitions(self._port):
                missed, longer = 0, FIRST_PAUSE_SECONDS
                continue
            missed += 1
            if missed >= PATIENCE and not self._stopping.is_set():
                self._reload()
                pause, longer = longer, min(2 * longer, LONGEST_PAUSE_SECONDS)

    def _reload(self) -> None:
        say(self._console, "ANNA's definitions are gone; loading them again.", "yellow")
        try:
            reload_definitions(self._webserver_url)
        except ReloadError as error:
            # The code server also tells the dead process to end, and calls the reload failed because it cannot.
            if not has_definitions(self._port):
                say(self._console, str(error), "yellow")
