"""The sensor `ledger`: what is committed to the ledger is pushed to its remote, if it has one.

A push runs beside the sensor, as a remote may be slow, or not answer at all; no commit waits for it. What could not be
pushed is pushed later, after pauses that grow to ten minutes.
"""

import threading
import time

import dagster as dg

from anna_assets.pauses import pause_end
from anna_resources.clock import told_moment
from anna_resources.ledger.remote import Remote

_TICK_SECONDS = 15
_AT_ONCE = 5.0  # seconds in which most pushes are done, so that the same look can tell
_LONGEST_PAUSE = 600.0


class Pusher:
    """Pushes beside its caller, one push at a time. It ends with its process; what it did not push waits on."""

    def __init__(self, remote: Remote) -> None:
        """`remote` is where to."""
        self._remote = remote
        self._thread: threading.Thread | None = None
        self._since = 0.0

    def look(self) -> str:
        """Push where something waits and may be pushed now; return how things stand, in sentences."""
        if self._thread is not None and self._thread.is_alive():
            return f"The ledger is being pushed to {self._remote.url} since {told_moment(self._since)}."
        if not self._remote.repository.is_there():
            return "Nothing was committed to the ledger yet."
        known = self._remote.known()
        if known.at is not None and not known.problem and not self._remote.is_behind():
            return f"{self._remote.url} holds all of the ledger. {known.lost}".rstrip()
        again = pause_end(known.failures, known.failed_at, time.time(), longest=_LONGEST_PAUSE)
        if not again:
            self._since = time.time()
            self._thread = threading.Thread(target=self._remote.push, name="ledger", daemon=True)
            self._thread.start()
            self._thread.join(_AT_ONCE)
            return self.look() if self._thread.is_alive() else self._told()
        return f"{self._told()} It is tried again at {told_moment(again)}."

    def _told(self) -> str:
        return self._remote.standing() or f"{self._remote.url} holds all of the ledger."


def ledger_sensor(remote: Remote) -> dg.SensorDefinition:
    """The sensor `ledger`; it costs no run."""
    pusher = Pusher(remote)

    @dg.sensor(
        name="ledger",
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Pushes what is committed to the ledger to its remote.",
    )
    def ledger(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        return dg.SkipReason(pusher.look())

    return ledger
