"""Yes or no: the words and numbers that mean one of them."""

import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, in_any_case, is_text, plain_text
from anna_core.columns.wrapped import unwrapped

YES = ("1", "true", "yes", "y", "t")
NO = ("0", "false", "no", "n", "f")
# 1.0, SAS's and NumPy's "1.", +1, 1e0, and Java's 0E-10 of a decimal
_AT_LENGTH = r"^\+?(?:(1)(?:\.0*)?(?:e[+-]?0+)?|(0)(?:\.0*)?(?:e[+-]?\d+)?)$"
_YES, _KNOWN = in_any_case(YES), in_any_case((*YES, *NO))
CURE = "write true or false, yes or no, t or f, 1 or 0"


def boolean(name: str, kind: pl.DataType) -> Typed:
    """A column of yes/no.

    Raises:
        UnfitColumnError: yes/no cannot be of this type.
    """
    column = pl.col(name)
    if kind in (pl.Boolean, pl.Null):
        return Typed(column.cast(pl.Boolean), pl.lit(value=False))
    if kind.is_numeric():
        there = column.is_not_null() & (column.is_not_nan() if kind.is_float() else pl.lit(value=True))
        known = column.is_in([0, 1]) if kind.is_integer() else column.cast(pl.Float64).is_in([0.0, 1.0])
        return Typed(pl.when(there & known).then(column == 1), there & ~known)
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a yes or no: {CURE}")
    text = plain_text(name, kind)
    return Typed(
        text.map_batches(_flags, return_dtype=pl.Boolean, is_elementwise=True),
        text.map_batches(_unreadable, return_dtype=pl.Boolean, is_elementwise=True),
    )


def _flags(texts: pl.Series) -> pl.Series:
    """What most columns hold is looked up at once; only what is left is looked at more closely."""
    found = _known(texts)
    left = (found.is_null() & texts.is_not_null()).arg_true()
    if left.is_empty():
        return found
    return found.scatter(left, _known(unwrapped(texts[left]).str.to_lowercase().str.replace(_AT_LENGTH, "${1}${2}")))


def _unreadable(texts: pl.Series) -> pl.Series:
    odd = _flags(texts).is_null() & texts.is_not_null()
    return odd & ~unwrapped(texts).is_in(in_any_case(NO_VALUE)).fill_null(value=False) if odd.any() else odd


def _known(texts: pl.Series) -> pl.Series:
    yes, known = texts.is_in(_YES), texts.is_in(_KNOWN)
    return yes if known.all(ignore_nulls=False) else yes.to_frame("x").select(pl.when(known).then("x")).to_series()
