"""Times: moments on the bank's wall clock, without a zone, in microseconds."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import polars as pl

from anna_core.columns.moments import calendar
from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, is_nothing, is_text, plain_text
from anna_core.columns.wrapped import unwrapped, unwrapped_text

CURE = "write times as 2024-03-31 12:00:00, or 2024-03-31 for a day"
# A bank's events lie in here. 0001-01-01, 1753-01-01, 1900-01-01, 9999-12-31 stand for "none" in databases and
# spreadsheets, and so does 1970-01-01: it is what a zero becomes.
ERA = (dt.datetime(1971, 1, 1), dt.datetime(2200, 1, 1))

# The first takes a third of the others' time (77 ns a text to 260), so each is tried on what those before it left.
_NAIVE = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M")
_DAY = "%Y-%m-%d"
_WRITTEN, _TEXT = "written", "text"  # as it is, and without the T between date and time
_UTC = r"^(.*) U[T ]C$"  # as BigQuery writes it; where no other T stands before it, its own is a space (`_read`)
# With a zone behind it: Z, +03:00, +0300, or the hours alone, as PostgreSQL writes them. A space in a form is any
# number of them, or none.
_ZONED = ("%+", "%Y-%m-%d %H:%M:%S%.f %#z")
# Java leaves out the seconds where there are none, but 2024-03-31 10:15-10:30 may be a span as well: directly behind
# the minutes a zone is only read after a T.
_ZONED_MINUTE, _NO_SPAN = "%Y-%m-%d %H:%M %#z", r"^\S+T| \S+ "


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
    any_time = moment(name, kind, zone, bank_zone, bank_zone)
    if kind == pl.Null:
        return TypedTime(any_time.value, any_time.unreadable, pl.lit(value=False))
    inside = any_time.value.is_between(*ERA, closed="left")
    if is_text(kind):
        # Expressions that share a part work it out once each, so the value has one of its own that holds to our era.
        value = _moments(plain_text(name, kind), lambda texts: _of_era(_read(texts, zone, bank_zone, bank_zone)))
    else:
        value = pl.when(inside).then(any_time.value)
    return TypedTime(value, any_time.unreadable, (~inside).fill_null(value=False))


def moment(name: str, kind: pl.DataType, zone: str, bank_zone: str, clock: str) -> Typed:
    """A column of times as of `time`, whether they are of our era or not.

    Args:
        name: as of `time`.
        kind: likewise.
        zone: likewise.
        bank_zone: likewise.
        clock: the zone on whose clock the times are told: the bank's, or UTC, where no hour comes twice.

    Raises:
        UnfitColumnError: as of `time`.
    """
    column, never = pl.col(name), pl.lit(value=False)
    if kind == pl.Null:
        return Typed(pl.lit(None, pl.Datetime("us")), never)
    if kind == pl.Date:
        return Typed(_told_on(clock, calendar(column, kind).cast(pl.Datetime("us")), bank_zone), never)
    if kind == pl.Datetime("us") and zone == clock:
        return Typed(column, never)  # most are; to keep them within the calendar would take 3 ns a row
    if isinstance(kind, pl.Datetime):
        return Typed(_told_on(clock, calendar(column, kind).dt.cast_time_unit("us"), zone, kind.time_zone), never)
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a date, a time stamp or text of one: {CURE}")
    text = plain_text(name, kind)
    found = _moments(text, lambda texts: _read(texts, zone, bank_zone, clock))
    left = unwrapped_text(pl.when(found.is_null()).then(text))
    return Typed(found, column.is_not_null() & ~is_nothing(left, NO_VALUE) & found.is_null())


def _moments(text: pl.Expr, read: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    return text.map_batches(read, return_dtype=pl.Datetime("us"), is_elementwise=True)


def _read(texts: pl.Series, zone: str, bank_zone: str, clock: str) -> pl.Series:
    """Texts as moments on a zone's clock, null where they are none; those that are none as they are also unwrapped."""
    found = _read_plain(texts, zone, bank_zone, clock)
    if found.null_count() == texts.null_count():
        return found
    left = (found.is_null() & texts.is_not_null()).arg_true()
    if left.is_empty() or (bare := unwrapped(odd := texts[left])) is odd:
        return found
    return found.scatter(left, _read_plain(bare, zone, bank_zone, clock))


def _read_plain(texts: pl.Series, zone: str, bank_zone: str, clock: str) -> pl.Series:
    both = pl.select(texts.alias(_WRITTEN), texts.str.replace("T", " ", literal=True).alias(_TEXT))
    first, *others = _ways(zone, bank_zone, clock)
    found = both.select(first).to_series()
    for way in others:
        if found.null_count() == texts.null_count():
            break
        left = (found.is_null() & texts.is_not_null()).arg_true()
        found = found.scatter(left, both[left].select(way).to_series())
    return found


@cache  # to put them together takes longer than to read the texts of a few events
def _ways(zone: str, bank_zone: str, clock: str) -> tuple[pl.Expr, ...]:
    """What makes moments of texts, in the order in which it is tried."""
    text, stamp = pl.col(_TEXT), pl.Datetime("us")
    naive = (text.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE)
    ways = [_told_on(clock, calendar(found, stamp), zone) for found in naive]
    ways.append(_told_on(clock, text.str.to_datetime(_DAY, time_unit="us", strict=False), bank_zone))
    utc = text.str.extract(_UTC)
    in_utc = (utc.str.to_datetime(form, time_unit="us", strict=False) for form in _NAIVE)
    ways += [_told_on(clock, calendar(found, stamp), "UTC") for found in in_utc]
    no_span = pl.when(pl.col(_WRITTEN).str.contains(_NO_SPAN)).then(text)
    forms = [(text, form) for form in _ZONED] + [(no_span, _ZONED_MINUTE)]
    zoned = (own.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False) for own, form in forms)
    ways += [_told_on(clock, calendar(found, pl.Datetime("us", "UTC")), zone, "UTC") for found in zoned]
    return tuple(ways)


def _told_on(clock: str, stamp: pl.Expr, zone: str, own_zone: str | None = None) -> pl.Expr:
    """Time stamps of the calendar, in microseconds, on a zone's clock.

    Args:
        clock: the zone.
        stamp: the time stamps.
        zone: of time stamps that carry none.
        own_zone: the zone that their type carries.
    """
    if own_zone is None and zone == clock:
        return stamp
    if own_zone is not None:
        return stamp.dt.convert_time_zone(clock).dt.replace_time_zone(None)
    placed = stamp.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (stamp + dt.timedelta(hours=1)).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(placed, later).dt.convert_time_zone(clock).dt.replace_time_zone(None)


def _of_era(moments: pl.Series) -> pl.Series:
    inside = moments.is_between(*ERA, closed="left")
    return moments if inside.all() else moments.to_frame("moment").select(pl.when(inside).then("moment")).to_series()
