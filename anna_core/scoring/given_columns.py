"""Python's values as a column of Polars', of a type that the typed door knows."""

import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from anna_core.columns.event_keys import EXACT
from anna_core.errors import AnnaError

_SINGLE = (str, bytes, bool, int, float, Decimal, dt.date, np.generic)  # a datetime is a date


class UnfitValueError(AnnaError):
    """A value is none that a column can hold.

    Attributes:
        place: its position.
        told: what is wrong with it.
    """

    def __init__(self, place: int, told: str = "is not a single value") -> None:
        super().__init__(f"value {place + 1} {told}")
        self.place, self.told = place, told


def given_column(name: str, values: Sequence[Any]) -> pl.Series:
    """Values (n,) of one column, as they were given; None where there is none.

    Values of several kinds become text, each as it is written, as in a CSV file. Thus a value means the same, whatever
    stands beside it.

    Raises:
        UnfitValueError: one is a list, an object or the like, or text that cannot be written down.
    """
    try:
        return _column(name, values)
    except UnicodeEncodeError:  # JSON's "\\ud800" is half a sign, which no column holds
        place = next(place for place, value in enumerate(values) if _is_broken(value))
        raise UnfitValueError(place, "is text with half a sign of Unicode") from None


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    if isinstance(values, (np.ndarray, pl.Series)):
        values = values.tolist() if isinstance(values, np.ndarray) else values.to_list()
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, [None] * len(values), dtype=pl.Null)
    if len(kinds) == 1:
        (kind,) = kinds
        if kind in (str, float, bool, bytes, dt.date):
            return pl.Series(name, values)
        if kind is int:
            return _whole(name, values)
        if kind is dt.datetime and len({value.tzinfo for value in values if value is not None}) == 1:
            return pl.Series(name, values)
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, _SINGLE):
            raise UnfitValueError(place)
    if kinds == {int, float} and all(abs(value) < EXACT for value in values if type(value) is int):
        return pl.Series(name, [None if value is None else float(value) for value in values])
    return pl.Series(name, [None if value is None else _written(value) for value in values], dtype=pl.String)


def _whole(name: str, values: Sequence[int | None]) -> pl.Series:
    with suppress(OverflowError, TypeError):  # beyond 64 bits
        return pl.Series(name, values, dtype=pl.Int64)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


def _is_broken(value: Any) -> bool:
    try:
        if isinstance(value, str):
            value.encode()
    except UnicodeEncodeError:
        return True
    return False


def _written(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return str(value)
