"""Versions: numbers or times by whose size deliveries of one event are told apart."""

import polars as pl

from anna_core.columns.numbers import number
from anna_core.columns.times import time
from anna_core.columns.typed import Typed, UnfitColumnError, is_text

CURE = "write versions as numbers or as times"


def version(name: str, kind: pl.DataType, zone: str, bank_zone: str) -> Typed:
    """A column of versions as float64, the greater the later; times as microseconds, exact to the year 2255.

    Arguments are as of `anna_core.columns.times.time`.

    Raises:
        UnfitColumnError: the type has no order of numbers or times.
    """
    if not (is_text(kind) or kind == pl.Date or isinstance(kind, pl.Datetime)):
        try:
            return number(name, kind)
        except UnfitColumnError as error:
            raise UnfitColumnError(f"column '{name}' is {kind}, neither a number nor a time: {CURE}") from error
    moment = time(name, kind, zone, bank_zone)
    micros = moment.value.to_physical().cast(pl.Float64)
    if not is_text(kind):
        return Typed(micros, moment.unreadable)
    plain = number(name, kind)
    return Typed(pl.coalesce(plain.value, micros), plain.unreadable & moment.unreadable)
