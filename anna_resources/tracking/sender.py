"""Sending one launch's outbox in one session, again and again while a step runs."""

from collections.abc import Callable

from filelock import Timeout

from anna_resources.tracking.delivery import RefusedError, Session, Tell, deliver
from anna_resources.tracking.outbox import LaunchBox
from anna_resources.tracking.pause import Pause

LOCK_SECONDS = 30.0  # to wait for another process that sends for the same launch


class Sender:
    """Sends what a launch reports.

    Attributes:
        box: the launch's outbox.
    """

    def __init__(
        self,
        box: LaunchBox,
        open_session: Callable[[LaunchBox], Session],
        obstacle: Callable[[], str | None],
        pause: Pause,
        tell: Tell,
    ) -> None:
        """Make a sender without connecting.

        Args:
            box: the launch's outbox.
            open_session: finds or creates the launch's run; raises `RefusedError` if MLflow refuses it.
            obstacle: says why it is no use to try now; None if it may work.
            pause: begins with every failure, and ends with a success.
            tell: called with a sentence for everything that MLflow refuses and that is therefore left out.
        """
        self.box = box
        self._open, self._obstacle, self._pause, self._tell = open_session, obstacle, pause, tell
        self._session: Session | None = None

    def send(self) -> str | None:
        """Send everything that was not sent yet; return None, or why that was not possible. Never raises."""
        if problem := self._obstacle():
            return problem
        try:
            with self.box.lock.acquire(timeout=LOCK_SECONDS):
                if not self.box.is_sent:
                    self._send()
        except Timeout:
            return "another process is still sending for this launch"
        except Exception as error:  # noqa: BLE001  # whatever the client makes of a sick server's answers, the launch goes on
            self._session = None
            problem = first_line(error)
            self._pause.begin(problem)
            return problem
        self._pause.end()
        return None

    def _send(self) -> None:
        try:
            self._session = self._session or self._open(self.box)
        except RefusedError as error:
            self._tell(str(error))
            self.box.drop()
            return
        deliver(self.box, self._session, self._tell)


def first_line(error: Exception) -> str:
    """The first line of an error's message, at most 300 characters; the error's type if it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
