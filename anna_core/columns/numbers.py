"""Numbers: finite, or missing."""

import re

import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, is_nothing, is_text, plain_text

CURE = "write numbers as 1234.5"


def number(name: str, kind: pl.DataType) -> Typed:
    """A column of numbers as float64; what is not finite is missing.

    Raises:
        UnfitColumnError: numbers cannot be of this type.
    """
    if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
        return Typed(_finite(pl.col(name).cast(pl.Float64)), pl.lit(value=False))
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a number: {CURE}")
    text = plain_text(name, kind)
    parsed = text.cast(pl.Float64, strict=False)
    there = pl.col(name).is_not_null() & ~is_nothing(text, NO_VALUE)
    return Typed(_finite(parsed), there & parsed.is_null())


def cure_of(text: str) -> str:
    """What to do about a text that is no number, for the message that shows it."""
    bare = text.strip()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?\s*%", bare):
        return "a percent sign is not part of a number: write 12.5, or 0.125, without it"
    if re.fullmatch(r"[+-]?\d{1,3}([ \u00a0\u202f',]\d{3})+([.]\d+)?", bare):
        return f"thousands are not separated: {CURE}"
    if re.fullmatch(r"[+-]?[\d. \u00a0\u202f']*\d,\d+", bare):
        return f"the decimal sign is a point: {CURE}"
    if re.fullmatch(r"[^\d\s+-]*\s*[+-]?\d[\d., ]*\s*[^\d\s]*", bare):
        return f"no unit or currency beside it: {CURE}"
    return f"{CURE}, and leave empty what is missing"


def _finite(values: pl.Expr) -> pl.Expr:
    return pl.when(values.is_finite()).then(values)
