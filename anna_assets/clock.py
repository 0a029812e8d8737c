"""Moments as people read them, who may sit in another zone than the server."""

import datetime as dt


def told_moment(seconds: float) -> str:
    """A moment (Unix time) to the minute."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M} UTC"
