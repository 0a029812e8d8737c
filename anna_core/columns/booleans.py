"""Yes or no: the words and numbers that mean one of them."""

import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, is_nothing, is_text, plain_text
from anna_core.columns.wrapped import unwrapped_text

YES = ("1", "true", "yes", "y", "t")
NO = ("0", "false", "no", "n", "f")
# 1.0, SAS's and NumPy's "1.", +1, 1e0, and Java's 0E-10 of a decimal
_WRITTEN_AT_LENGTH = r"^\+?(?:(1)(?:\.0*)?(?:e[+-]?0+)?|(0)(?:\.0*)?(?:e[+-]?\d+)?)$"
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
    flag = _flag(text)
    bare = unwrapped_text(pl.when(flag.is_null()).then(text))
    found = pl.coalesce(flag, _flag(bare))
    there = column.is_not_null() & ~is_nothing(bare, NO_VALUE)
    return Typed(found, there & found.is_null())


def _flag(text: pl.Expr) -> pl.Expr:
    word = text.str.to_lowercase().str.replace(_WRITTEN_AT_LENGTH, "${1}${2}")
    return pl.when(word.is_in(YES)).then(pl.lit(value=True)).when(word.is_in(NO)).then(pl.lit(value=False))
