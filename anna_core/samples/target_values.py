"""What the values of a target say, however they are written: the names of classes, and numbers."""

import polars as pl

from anna_core.columns.categories import category
from anna_core.columns.numbers import number
from anna_core.columns.typed import is_text

CODE = r"^-?0\d+$"  # a number keeps no zeros before it, so one that has them is a code
_PLAIN_WHOLE = r"^(0|-?[1-9]\d*)$"
_EXACT = 2.0**53  # up to here, a float64 holds each whole number


def class_names(target: pl.Series) -> pl.Series:
    """The class that each value of a target names, text (n,): 1, 1.0, a decimal 1.00 and texts of these are all `1`.

    Where all texts are numbers, so are 1., +1 and 1e0; but 01 is a code of its own.
    """
    names = target.to_frame().select(category(target.name, target.dtype).value).to_series()
    if not is_text(target.dtype):
        return names
    values = names.unique()
    numbers, _ = numbers_of(values)
    if numbers.is_null().any() or values.str.contains(CODE).any():
        return names
    otherwise = (numbers == numbers.round()) & (numbers.abs() < _EXACT) & ~values.str.contains(_PLAIN_WHOLE)
    odd = values.filter(otherwise)
    return names.replace(odd, numbers.filter(otherwise).cast(pl.Int64).cast(pl.String)) if len(odd) else names


def numbers_of(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The numbers of a column, (n,) float64 and null where there is none that can be used, and which are too large."""
    typed = number(column.name, column.dtype)
    found = column.to_frame().select(typed.value.alias("value"), typed.too_large.alias("too large"))
    return found["value"], found["too large"]
