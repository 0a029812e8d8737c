"""Looks after the definitions: the code server keeps them in a process of its own, and does not notice when that dies.

It dies with too little memory, or when somebody ends it. The code server itself goes on, the UI shows what it read
before, and every launch fails; a reload starts that process anew and disturbs no run.
"""

import threading

from rich.console import Console

from anna_cli.supervisor.ports import LOOPBACK
from anna_resources.code_location import ReloadError, reload_definitions

EVERY_SECONDS = 10.0
PATIENCE = 2  # looks in a row that find nothing: while somebody reloads, one may
AFTER_RELOAD_SECONDS = 60.0  # until the next look: on a busy machine definitions take their time to load
ANSWER_SECONDS = 10.0


def has_definitions(port: int) -> bool:
    """Whether the code server at a port of this machine reaches the process that holds the definitions.

    Definitions that do not load count as reached: they are told elsewhere, and no reload mends them. So does a server
    that is slow, or that is not there at all, for which the supervisor is responsible.
    """
    import grpc

    address, options = f"{LOOPBACK}:{port}", [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        # An empty message is a valid request, and the answer's content does not matter: Dagster, which takes seconds
        # to import, is not needed to read it.
        ask = channel.unary_unary("/api.DagsterApi/ListRepositories")
        try:
            ask(b"", timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            # This is how the code server passes on that it could not reach its process.
            return bool(error.code() is not grpc.StatusCode.UNKNOWN)
    return True


class CodeWatch:
    """Reloads the definitions when the process that holds them is gone."""

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
        missed, pause = 0, EVERY_SECONDS
        while not self._stopping.wait(pause):
            missed, pause = 0 if has_definitions(self._port) else missed + 1, EVERY_SECONDS
            if missed >= PATIENCE and not self._stopping.is_set():
                self._reload()
                missed, pause = 0, AFTER_RELOAD_SECONDS

    def _reload(self) -> None:
        self._console.print("The process that holds ANNA's definitions is gone; loading them again.", style="yellow")
        try:
            reload_definitions(self._webserver_url)
        except ReloadError as error:
            # The code server also tells the dead process to end, and calls the reload failed because it cannot.
            if not has_definitions(self._port):
                self._console.print(str(error), style="yellow", markup=False, soft_wrap=True)
