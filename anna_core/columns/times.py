"""Times: moments on the bank's wall clock, without a zone, in microseconds."""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, is_nothing, is_text, plain_text

CURE = "write times as 2024-03-31 12:00:00, or 2024-03-31 for a day"
# A bank's events lie in here. 0001-01-01, 1753-01-01, 1900-01-01, 9999-12-31 stand for "none" in databases and
# spreadsheets, and so does 1970-01-01: it is what a zero becomes.
ERA = (dt.datetime(1971, 1, 1), dt.datetime(2200, 1, 1))

_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
_DAY = "%Y-%m-%d"
_ANY_CLOCK = dt.timedelta(days=2)  # clocks of the world differ by less


@dataclass(frozen=True)
class TypedTime(Typed):
    """A column of times; its value lies within `ERA`, or is null.

    Attributes:
        outside: bool, never null: a time is there, but it is not of our era.
    """

    outside: pl.Expr


def time(name: str, kind: pl.DataType, zone: str, bank_zone: str) -> TypedTime:
    """A column of times as datetime[us] on the bank's wall clock.

    A date, also one written as text, is the start of that day on the bank's clock, whatever the zone. Of time stamps
    without a zone, the hour that a clock repeats in autumn is taken as the first; one within the hour that it skips in
    spring moves on by that hour.

    Args:
        name: of the column.
        kind: its type.
        zone: of time stamps that carry none.
        bank_zone: the bank's.

    Raises:
        UnfitColumnError: times cannot be of this type.
    """
    column = pl.col(name)
    if kind == pl.Null:
        return TypedTime(pl.lit(None, pl.Datetime("us")), pl.lit(value=False), pl.lit(value=False))
    if kind == pl.Date:
        return _within_era(column.cast(pl.Datetime("us")), pl.lit(value=False))
    if isinstance(kind, pl.Datetime):
        return _within_era(_wall_clock(column.dt.cast_time_unit("us"), kind.time_zone, zone, bank_zone))
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a date, a time stamp or text of one: {CURE}")
    text = plain_text(name, kind).str.replace("T", " ", literal=True)
    day = text.str.to_datetime(_DAY, time_unit="us", strict=False)
    naive = pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in _FORMATS)
    zoned = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    moment = pl.coalesce(day, _wall_clock(naive, None, zone, bank_zone), _wall_clock(zoned, "UTC", zone, bank_zone))
    there = column.is_not_null() & ~is_nothing(text, NO_VALUE)
    return _within_era(moment, there & pl.coalesce(day, naive, zoned.dt.replace_time_zone(None)).is_null())


def _wall_clock(moment: pl.Expr, own_zone: str | None, zone: str, bank_zone: str) -> pl.Expr:
    if own_zone is None and zone == bank_zone:
        return moment
    if own_zone is not None:
        return _clipped(moment, own_zone).dt.convert_time_zone(bank_zone).dt.replace_time_zone(None)
    near = _clipped(moment, None)
    placed = near.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (near + dt.timedelta(hours=1)).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(placed, later).dt.convert_time_zone(bank_zone).dt.replace_time_zone(None)


def _clipped(moment: pl.Expr, own_zone: str | None) -> pl.Expr:
    """Moments that no zone's arithmetic overflows; those out of our era stay out of it."""
    low, high = (pl.lit(bound, pl.Datetime("us")) for bound in (ERA[0] - _ANY_CLOCK, ERA[1] + _ANY_CLOCK))
    if own_zone is not None:
        low, high = (bound.dt.replace_time_zone("UTC").dt.convert_time_zone(own_zone) for bound in (low, high))
    return moment.clip(low, high)


def _within_era(moment: pl.Expr, unreadable: pl.Expr | None = None) -> TypedTime:
    inside = moment.is_between(*ERA, closed="left")
    return TypedTime(
        pl.when(inside).then(moment),
        pl.lit(value=False) if unreadable is None else unreadable,
        (~inside).fill_null(value=False),
    )
