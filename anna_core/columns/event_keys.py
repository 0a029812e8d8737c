"""Event keys: what identifies an event, comparable between files that store it in different types."""

import polars as pl

from anna_core.columns.categories import category
from anna_core.columns.moments import calendar, is_moment
from anna_core.columns.typed import Typed

_MOMENT = "%Y-%m-%d %H:%M:%S%.f"  # as many digits after the second as there are: 0, 3, 6 or 9


def event_key(name: str, kind: pl.DataType) -> Typed:
    """A column of an event's key: int64 where it holds whole numbers, otherwise text.

    Files that store one key in several types agree once each is text (`as_text`): 17, 17.0 and '17' are one key, and so
    are a time stamp, in whatever unit, and '2024-03-31 12:00:00'. Time stamps with a zone are told in UTC.

    Raises:
        UnfitColumnError: no key can be of this type.
    """
    if kind.is_integer() and kind not in (pl.UInt64, pl.Int128, pl.UInt128):
        return Typed(pl.col(name).cast(pl.Int64), pl.lit(value=False))
    if is_moment(kind):
        return Typed(_moment(pl.col(name), kind), pl.lit(value=False))
    return category(name, kind)


def as_text(key: pl.Expr) -> pl.Expr:
    """A key as text, the same whichever type it had."""
    return key.cast(pl.String)


def _moment(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if not isinstance(kind, pl.Datetime):
        return calendar(column, kind).cast(pl.String)
    found = calendar(column, kind)
    if kind.time_zone is not None:
        found = found.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return found.dt.to_string(_MOMENT)
