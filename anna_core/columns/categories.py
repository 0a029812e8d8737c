"""Categories: one text a value, whichever type stores it.

5411, 5411.0, a decimal and the text of either are `5411`; a yes or no and the texts TRUE and True are `true`.
"""

import polars as pl

from anna_core.columns.typed import (
    NOTHING,
    Typed,
    UnfitColumnError,
    is_float,
    is_nested,
    is_nothing,
    is_text,
    plain_text,
)

_WHOLE_WITH_DECIMALS = r"^-?\d+\.0+$"
_INT64 = 2.0**63
_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")  # as programs write them


def category(name: str, kind: pl.DataType) -> Typed:
    """A column of categories as text, null where there is none.

    Of text this takes some 90 ns a row, twice as long as reading it: where there are many rows, ask it of their
    distinct values.

    Raises:
        UnfitColumnError: categories cannot be of this type.
    """
    if is_nested(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, but a category is one text or number")
    column = pl.col(name)
    if is_text(kind):
        text = plain_text(name, kind)
        bare = text.str.strip_chars_end("0").str.strip_suffix(".")  # half the time of replacing by the pattern
        whole = pl.when(text.str.contains(_WHOLE_WITH_DECIMALS)).then(bare).otherwise(text)
        known = pl.when(text.is_in(_TRUE)).then(pl.lit("true")).when(text.is_in(_FALSE)).then(pl.lit("false"))
        return Typed(pl.when(~is_nothing(text, NOTHING)).then(known.otherwise(whole)), pl.lit(value=False))
    if kind.is_float():
        return Typed(_of_float(column), pl.lit(value=False))
    text = column.cast(pl.String)
    return Typed(text.str.strip_chars_end("0").str.strip_suffix(".") if is_float(kind) else text, pl.lit(value=False))


def _of_float(column: pl.Expr) -> pl.Expr:
    """In digits where it is whole, as an integer is written; else a float's own shortest text: 0.1 of 32 bits is 0.1."""
    number = column.cast(pl.Float64)
    whole = (number == number.round()) & (number.abs() < _INT64)
    digits = pl.when(whole).then(number).cast(pl.Int64).cast(pl.String)
    return pl.when(number.is_finite()).then(pl.coalesce(digits, column.cast(pl.String)))
