"""When rows reach the warehouse: mostly within the domain's lag, some late, a few delivered twice."""

import numpy as np

from anna_core.durations import DAY, HOUR, SECOND
from anna_simbank.events import Events, concatenate

LATE = 0.01  # of rows
LATE_DAYS = 15  # at most, beyond the lag: even with the longest lag a row is loaded by the next month's end
REDELIVERED = 0.003  # of rows
REDELIVERY_DAYS = 5  # at most, after the first delivery
# A punctual row arrives within this share of the lag, so that visibility by the lag is honest for it.
PUNCTUAL = 0.85


def deliver(events: Events, lag_days: int, rng: np.random.Generator) -> Events:
    """Add `loaded_at` to new events, and second deliveries: the same row with a later `loaded_at`."""
    n = len(events)
    event_time = events.columns["event_time"].astype(np.int64)
    punctual = HOUR // 6 + rng.random(n) * PUNCTUAL * lag_days * DAY
    late = lag_days * DAY + HOUR + rng.random(n) * LATE_DAYS * DAY
    wait = np.where(rng.random(n) < LATE, late, punctual).astype(np.int64) // SECOND * SECOND
    once = events.with_columns(loaded_at=event_time + wait)
    again = once.take(rng.random(n) < REDELIVERED)
    pause = (HOUR + rng.random(len(again)) * REDELIVERY_DAYS * DAY).astype(np.int64) // SECOND * SECOND
    return concatenate([once, again.with_columns(loaded_at=again.columns["loaded_at"] + pause)])


def split_at(events: Events, instant: int) -> tuple[Events, Events]:
    """Separate rows loaded before `instant` (microseconds), in order of loading, from those loaded later."""
    loaded = events.columns["loaded_at"]
    due = np.flatnonzero(loaded < instant)
    order = np.argsort(loaded[due], kind="stable")
    return events.take(due[order]), events.take(np.flatnonzero(loaded >= instant))
