"""Keeps a set of children alive: watches them, starts some again when they die, and stops all."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from anna_cli.supervisor.child import Child, stop_all
from anna_cli.supervisor.logs import last_lines, say, screen
from anna_cli.supervisor.services import Service
from anna_core.errors import AnnaError

MOST_RESTARTS = 3  # within ...
WINDOW_SECONDS = 600.0  # ... so long: whatever dies more often has a reason that starting it again does not mend
FIRST_BACKOFF_SECONDS = 1.0  # doubled at each restart within the window
GRACE_SECONDS = 15.0  # a run that is interrupted says so in Dagster's records; that takes some seconds
POLL_SECONDS = 0.3


class PlatformError(AnnaError):
    """The platform cannot start, or one of its servers ended."""


class Supervisor:
    """Starts, watches and stops the servers of one deployment.

    Attributes:
        failure: why the platform cannot go on; None while all is well.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        logs: Path,
        console: Console,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start nothing yet.

        Args:
            env: environment of the servers.
            logs: folder of their logs.
            console: where their warnings and errors are shown.
            verbose: whether all that they say is shown.
            clock: seconds; tells which restarts are of late.
        """
        self.failure: PlatformError | None = None
        self._clock = clock
        self._env, self._logs, self._console, self._verbose = env, logs, console, verbose
        self._children: list[Child] = []
        self._stopping, self._failed = threading.Event(), threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, service: Service) -> Child:
        """Start a server; `wait_ready` tells when it answers."""
        show = screen(self._console, service.name, service.colour, self._verbose)

        def show_while_up(line: str) -> None:
            if self._verbose or not self._stopping.is_set():  # whatever is interrupted complains
                show(line)

        log = self._logs / f"{service.name}.log"
        child = Child(
            service.name, service.command, self._env, log, show_while_up, service.restartable, service.essential
        )
        child.start()
        self._children.append(child)
        return child

    def wait_ready(self, child: Child, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until a server answers.

        Raises:
            PlatformError: it ended, or is not ready in time; with the end of its log.
        """
        waited = 0.0
        while not is_ready():
            if child.exit_code is not None:
                raise self._ended(child)
            if waited >= seconds:
                raise PlatformError(f"{child.name} is not ready after {seconds:g} s. {_tail(child)}")
            self._stopping.wait(POLL_SECONDS)
            waited += POLL_SECONDS

    def watch(self) -> None:
        """Begin to watch: from now on a server that dies is started again, or ends the platform."""
        self._watcher.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until a server fails for good, or for so many seconds.

        Raises:
            PlatformError: a server failed for good.
        """
        self._failed.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise the `PlatformError` of a server that failed for good, if one did."""
        if self.failure is not None:
            raise self.failure

    def stop(self, first: tuple[str, ...] = (), grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop every server and whatever it started: those named first, then the rest."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        try:
            stop_all([child for child in self._children if child.name in first], grace_seconds)
        finally:
            stop_all([child for child in self._children if child.name not in first], grace_seconds)
            self._children.clear()

    def _watch(self) -> None:
        given_up: list[Child] = []
        while not self._stopping.wait(POLL_SECONDS):
            for child in self._children:
                if child.exit_code is None or child in given_up or self._restart(child):
                    continue
                if child.essential:
                    self.failure = self._ended(child)
                    self._failed.set()
                    return
                given_up.append(child)
                say(self._console, f"ANNA goes on without {child.name}: {self._ended(child)}", "yellow")

    def _restart(self, child: Child) -> bool:
        now = self._clock()
        child.restarts = [then for then in child.restarts if now - then < WINDOW_SECONDS]
        if not child.restartable or len(child.restarts) >= MOST_RESTARTS:
            return False
        backoff = FIRST_BACKOFF_SECONDS * 2 ** len(child.restarts)
        child.restarts.append(now)
        say(
            self._console,
            f"{child.name} ended with code {child.exit_code}; starting it again in {backoff:g} s "
            f"({len(child.restarts)} of {MOST_RESTARTS} times in {WINDOW_SECONDS / 60:g} min). Its log: {child.log}",
            "yellow",
        )
        if not self._stopping.wait(backoff):
            child.start()
        return True

    def _ended(self, child: Child) -> PlatformError:
        return PlatformError(f"{child.name} ended with code {child.exit_code}. {_tail(child)}")


def _tail(child: Child) -> str:
    return f"Its log, {child.log}, ends with:\n{last_lines(child.log)}"
