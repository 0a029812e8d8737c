"""Point in time: the one place that decides which events a row may see.

An event is visible to a row iff `as_of - lookback <= event_time` and `event_time + availability_lag < as_of`, as_of
being the start of that day on the bank's clock. Everything that reads events asks `visible_window`.
"""

import numpy as np

from anna_core.domains import Domain
from anna_core.sequences.ragged import Sequences

MICROSECOND = np.timedelta64(1, "us")


def visible_window(as_of: np.ndarray, domain: Domain) -> tuple[np.ndarray, np.ndarray]:
    """Half-open windows of the events that rows may see.

    Args:
        as_of: (n,) dates.
        domain: gives the lookback and the availability lag.

    Returns:
        first (n,) and end (n,), int64 microseconds since 1970 on the bank's clock: first <= event_time < end is visible
        (event_time + lag < as_of is event_time < as_of - lag: both are whole microseconds).
    """
    midnight = as_of.astype("datetime64[us]").astype(np.int64)
    lookback, lag = (np.timedelta64(span) // MICROSECOND for span in (domain.lookback, domain.availability_lag))
    return midnight - lookback, midnight - lag


def outside_window(sequences: Sequences) -> int:
    """Number of rows with an event outside their window; 0 unless something is broken.

    A row's events are in order of time, so checking the first and the last is enough.
    """
    seen = sequences.length > 0
    first, end = visible_window(sequences.as_of[seen], sequences.domain)
    start = sequences.start[seen]
    oldest, latest = sequences.event_time[start], sequences.event_time[start + sequences.length[seen] - 1]
    return int(((oldest < first) | (latest >= end)).sum())
