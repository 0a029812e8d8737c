"""Categories: one text a value, whichever type stores it.

5411, 5411.0, a decimal and the text of either are `5411`; a yes or no and the texts TRUE and True are `true`.
"""

import polars as pl

from anna_core.columns.moments import is_moment, moment_text
from anna_core.columns.typed import (
    NOTHING,
    Typed,
    UnfitColumnError,
    in_any_case,
    is_float,
    is_nested,
    is_text,
    plain_text,
    without_nuls,
)

_WHOLE_WITH_DECIMALS = r"^-?\d+\.0+$"
_INT64 = 2.0**63
_SAME = {word: same for same in ("true", "false") for word in (same, same.capitalize(), same.upper())}
_WORDS = [*in_any_case(NOTHING), *_SAME]


def category(name: str, kind: pl.DataType) -> Typed:
    """A column of categories as text, null where there is none.

    Of text this takes some 50 ns a row: where there are many rows, ask it of their
    distinct values.

    Raises:
        UnfitColumnError: categories cannot be of this type.
    """
    if is_nested(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, but a category is one text or number")
    if kind == pl.Duration:
        raise UnfitColumnError(
            f"column '{name}' is {kind}, a length of time, which is no category: write it as a number of seconds, and "
            "make the field numeric"
        )
    column = pl.col(name)
    if is_text(kind):
        text = plain_text(name, kind).map_batches(_of_text, return_dtype=pl.String, is_elementwise=True)
        return Typed(text, pl.lit(value=False))
    if kind.is_float():
        return Typed(_of_float(column), pl.lit(value=False))
    if is_moment(kind):
        return Typed(moment_text(column, kind), pl.lit(value=False))
    text = column.cast(pl.String)
    return Typed(text.str.strip_chars_end("0").str.strip_suffix(".") if is_float(kind) else text, pl.lit(value=False))


def _of_text(texts: pl.Series) -> pl.Series:
    """Canonical texts; what is rare is looked for in all of them, and put right only where there is any."""
    found = texts
    if texts.str.ends_with("\0").any():
        found = texts = texts.to_frame("text").select(without_nuls(pl.col("text")).alias(texts.name)).to_series()
    decimals = texts.str.contains(_WHOLE_WITH_DECIMALS)
    if decimals.any():
        found = texts.str.strip_chars_end("0").str.strip_suffix(".").zip_with(decimals, texts)
    words = texts.is_in(_WORDS)
    if words.any():
        found = texts.replace_strict(_SAME, default=None, return_dtype=pl.String).zip_with(words, found)
    return found


def _of_float(column: pl.Expr) -> pl.Expr:
    """In digits where it is whole, as integers are written; else a float's own shortest text: 0.1 of 32 bits is 0.1."""
    number = column.cast(pl.Float64)
    whole = (number == number.round()) & (number.abs() < _INT64)
    digits = pl.when(whole).then(number).cast(pl.Int64).cast(pl.String)
    return pl.when(number.is_finite()).then(pl.coalesce(digits, column.cast(pl.String)))
