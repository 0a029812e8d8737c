"""Versions: numbers or times by whose size deliveries of one event are told apart."""

from dataclasses import dataclass

import polars as pl

from anna_core.columns.moments import is_moment
from anna_core.columns.times import moment
from anna_core.columns.typed import Typed, UnfitColumnError, is_text, plain_text

CURE = "write versions as numbers or as times"

_CLOCK = "UTC"  # no hour of it comes twice
_EXACT = 2.0**53  # beyond, neighbouring whole numbers are one float
_WHOLE = r"^([+-]?\d+)(?:\.0*)?$"
_NANOSECONDS = r":\d\d\.\d{6}(\d{1,3})"  # what stands behind the microseconds


@dataclass(frozen=True)
class TypedVersion(Typed):
    """A column of versions: the greater value is the later, and of equal values the greater rest.

    Attributes:
        rest: float64, never null: what the value, a float64, cannot hold of the version. So neighbours are told apart
            among whole numbers of up to 31 digits, such as snowflake ids, and among times in nanoseconds.
    """

    rest: pl.Expr


def version(name: str, kind: pl.DataType, zone: str, bank_zone: str) -> TypedVersion:
    """A column of versions as float64, the greater the later; times as microseconds since 1970 in UTC.

    On the bank's own clock the hour that autumn repeats would make an earlier version of a later one.

    A time of another era than events' is a version like others, and so is an infinite number: an open end such as
    9999-12-31 or `infinity` is the latest there can be.

    Arguments are as of `anna_core.columns.times.time`.

    Raises:
        UnfitColumnError: the type has no order of numbers or times.
    """
    own = pl.col(name)
    if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
        whole = pl.lit(None, pl.Int128) if kind.is_float() else own.cast(pl.Int128, strict=False)
        value, rest = _exact(own.cast(pl.Float64).fill_nan(None), whole)
        return TypedVersion(value, pl.lit(value=False), rest)
    if not (is_text(kind) or is_moment(kind)):
        raise UnfitColumnError(f"column '{name}' is {kind}, neither a number nor a time: {CURE}")
    time = moment(name, kind, zone, bank_zone, _CLOCK)
    micros = time.value.to_physical().cast(pl.Float64)
    if not is_text(kind):
        nanos = own.dt.nanosecond() % 1000 if isinstance(kind, pl.Datetime) else pl.lit(0)
        return TypedVersion(micros, time.unreadable, nanos.cast(pl.Float64).fill_null(0.0))
    text = plain_text(name, kind)
    number = text.cast(pl.Float64, strict=False).fill_nan(None)
    value, rest = _exact(number, text.str.extract(_WHOLE).cast(pl.Int128, strict=False))
    nanos = text.str.extract(_NANOSECONDS).str.pad_end(3, "0").cast(pl.Float64).fill_null(0.0)
    return TypedVersion(
        pl.coalesce(value, micros),
        time.unreadable & number.is_null(),
        pl.when(value.is_not_null()).then(rest).otherwise(nanos),
    )


def is_held_as_time(name: str, kind: pl.DataType) -> pl.Expr:
    """Whether what stands in a column for a version is a time; of what is no version, anything."""
    if not is_text(kind):
        return pl.lit(is_moment(kind))
    return plain_text(name, kind).cast(pl.Float64, strict=False).is_null()


def _exact(value: pl.Expr, whole: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """A number's value and rest; whole is the number as int128, null where it is not known better than as float64."""
    beyond = ((value.abs() >= _EXACT) & whole.is_not_null()).fill_null(value=False)
    near = pl.when(beyond).then(whole.cast(pl.Float64)).otherwise(value)  # rounded the same way, whichever the type
    rest = pl.when(beyond).then((whole - near.cast(pl.Int128, strict=False)).cast(pl.Float64))
    return near, rest.fill_null(0.0)
