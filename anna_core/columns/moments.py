"""Dates and time stamps of whatever size, where it is safe to calculate with them and to write them.

Polars panics where it casts, cuts or writes a date that no calendar has, such as the `infinity` of PostgreSQL and
DuckDB: the query ends, and no word of it names the row.
"""

import datetime as dt

import polars as pl

FIRST, LAST = dt.datetime.min, dt.datetime.max  # of what can be written: the years 1 to 9999
_BEFORE, _AFTER = "before the year 1", "after the year 9999"


def is_moment(kind: pl.DataType) -> bool:
    """Whether a type stores dates or time stamps."""
    return kind == pl.Date or isinstance(kind, pl.Datetime)


def calendar(moment: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Moments of the same type within `FIRST` and `LAST`; what lies beyond becomes the one or the other.

    Args:
        moment: dates or time stamps.
        kind: their type.
    """
    if kind == pl.Date:
        return moment.clip(FIRST.date(), LAST.date())
    assert isinstance(kind, pl.Datetime)
    if kind.time_unit == "ns":
        return moment  # these reach from 1677 to 2262
    bounds = [pl.lit(bound, pl.Datetime("us")) for bound in (FIRST, LAST)]
    if kind.time_zone is not None:
        bounds = [bound.dt.replace_time_zone("UTC").dt.convert_time_zone(kind.time_zone) for bound in bounds]
    return moment.clip(*(bound.dt.cast_time_unit(kind.time_unit) for bound in bounds))


def moment_text(moment: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Moments as text, those beyond the calendar as words."""
    near = calendar(moment, kind)
    return (
        pl.when(moment < near)
        .then(pl.lit(_BEFORE))
        .when(moment > near)
        .then(pl.lit(_AFTER))
        .otherwise(near.cast(pl.String))
    )
