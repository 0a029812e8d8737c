"""The courier: a thread of a step that sends what the step says, so that no training ever waits for MLflow."""

import threading
from collections.abc import Callable


class Courier:
    """Calls `deliver` in a thread of its own, soon after each `wake`; one that hangs holds up nobody.

    Attributes:
        is_late: whether a delivery was still going on when the courier was closed.
    """

    def __init__(self, deliver: Callable[[], str | None]) -> None:
        """Start nothing yet.

        Args:
            deliver: sends what there is, and returns why it could not.
        """
        self.is_late = False
        self._problem: str | None = None
        self._deliver = deliver
        self._wanted, self._idle = threading.Event(), threading.Event()
        self._idle.set()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="mlflow", daemon=True)

    def wake(self) -> None:
        """Say that there is something to deliver; returns at once."""
        self._idle.clear()
        self._wanted.set()
        if not self._thread.is_alive():
            self._thread.start()

    def close(self, seconds: float) -> str | None:
        """Wait, for at most so long, until everything is delivered; return why it is not."""
        self.is_late = not self._idle.wait(seconds)
        self._closing = True
        self._wanted.set()
        return f"no end after {seconds:g} s" if self.is_late else self._problem

    def _run(self) -> None:
        while self._wanted.wait() and not self._closing:
            self._wanted.clear()
            self._problem = self._deliver()
            if not self._wanted.is_set():
                self._idle.set()
