"""The courier: a thread that sends what its step reports, so that no training ever waits for MLflow."""

import threading
from collections.abc import Callable


class Courier:
    """Calls `deliver` in a thread of its own, soon after each `wake`; a call that hangs holds nobody up.

    Attributes:
        is_late: whether a delivery was still going on when the courier was closed.
    """

    def __init__(self, deliver: Callable[[], str | None]) -> None:
        """Make a courier; its thread starts with the first `wake`.

        Args:
            deliver: sends all that waits, and returns None, or why that failed; it must not raise.
        """
        self.is_late = False
        self._deliver = deliver
        self._problem: str | None = None
        self._called = self._served = 0  # calls of `wake`, and those of them that a delivery followed
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="mlflow", daemon=True)

    def wake(self) -> None:
        """Tell the courier that something waits to be delivered; returns at once."""
        with self._changed:
            self._called += 1
            self._changed.notify_all()
        if not self._thread.is_alive():
            self._thread.start()

    def close(self, seconds: float) -> str | None:
        """Wait at most `seconds` until everything is delivered, and end the thread.

        Returns:
            None if everything was delivered, else why not.
        """
        with self._changed:
            self.is_late = not self._changed.wait_for(lambda: self._served == self._called, seconds)
            self._closed = True
            self._changed.notify_all()
        return f"no end after {seconds:g} s" if self.is_late else self._problem

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._served < self._called)
                if self._closed:
                    return
                called = self._called
            problem = self._deliver()
            with self._changed:
                self._problem, self._served = problem, called
                self._changed.notify_all()
