"""Moments as they are put on record, and as people read them, who may sit in another zone than the server."""

import datetime as dt


def this_second() -> dt.datetime:
    """The moment, in UTC, without fractions of a second."""
    return dt.datetime.now(tz=dt.UTC).replace(microsecond=0)


def told_moment(seconds: float) -> str:
    """A moment (Unix time) to the minute."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M} UTC"
