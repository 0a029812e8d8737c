"""Days: whole days of our era, without a time."""

import datetime as dt

import polars as pl

from anna_core.columns.moments import calendar
from anna_core.columns.times import ERA
from anna_core.columns.typed import Typed, UnfitColumnError, is_text, plain_text
from anna_core.columns.wrapped import unwrapped_text

CURE = "write dates as 2024-03-31"
# Midnight may stand beside the day, and a zone beside midnight, as of `times`: the day is the one that is written.
_ZONE = r"(?:(?i:Z|UTC)|[+-]\d\d(?::?\d\d)?)"
_WHOLE_DAY = rf"^(\d{{4}}-\d\d?-\d\d?)(?:(?:[Tt]| +)0?0:0?0(?::0?0(?:\.0+)?)?(?: *{_ZONE})?)?$"
_FIRST, _END = (moment.date() for moment in ERA)


def day(name: str, kind: pl.DataType) -> Typed:
    """A column of whole days as dates; a moment within a day, and a day of no era of ours, are unreadable.

    Raises:
        UnfitColumnError: days cannot be of this type.
    """
    column = pl.col(name)
    if kind in (pl.Date, pl.Null):
        days = column.cast(pl.Date)
    elif isinstance(kind, pl.Datetime):
        near = calendar(column, kind)
        days = pl.when(near.dt.time() == dt.time()).then(near.dt.date())
    elif is_text(kind):
        days = unwrapped_text(plain_text(name, kind)).str.extract(_WHOLE_DAY).str.to_date("%Y-%m-%d", strict=False)
    else:
        raise UnfitColumnError(f"column '{name}' is {kind}, not a date or text of one: {CURE}")
    known = days.is_between(_FIRST, _END, closed="left").fill_null(value=False)
    return Typed(pl.when(known).then(days), column.is_not_null() & ~known)
