"""Event keys: what identifies an event, comparable between files that store it in different types."""

import polars as pl

from anna_core.columns.categories import category
from anna_core.columns.moments import calendar, is_moment
from anna_core.columns.typed import Typed


def event_key(name: str, kind: pl.DataType) -> Typed:
    """A column of an event's key: int64 where it holds whole numbers, datetime[us] of times, otherwise text.

    Files that store one key in several types agree once each is text (`as_text`): 17, 17.0 and '17' are one key.

    Raises:
        UnfitColumnError: no key can be of this type.
    """
    if kind.is_integer() and kind not in (pl.UInt64, pl.Int128, pl.UInt128):
        return Typed(pl.col(name).cast(pl.Int64), pl.lit(value=False))
    if is_moment(kind):
        return Typed(calendar(pl.col(name), kind).cast(pl.Datetime("us")), pl.lit(value=False))
    return category(name, kind)


def as_text(key: pl.Expr) -> pl.Expr:
    """A key as text, the same whichever type it had."""
    return key.cast(pl.String)
