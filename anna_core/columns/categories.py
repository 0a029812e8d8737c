"""Categories: one text a value, whichever type stores it.

5411, 5411.0, a decimal and the text of either are `5411`; so are 12345678 and 1.2345678E7 or 1.2345678e+07, as programs
write it once it is a float; a yes or no and the texts TRUE and True are `true`. A text such as 1e7 or 3636638817772e42,
with neither a point nor a sign before its exponent, may well be a code, and stays what it is.
"""

from collections.abc import Callable

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
)
from anna_core.columns.wrapped import WRAPPED, unwrapped
from anna_core.columns.written_floats import WITH_EXPONENT

_WHOLE_WITH_DECIMALS = r"^-?\d+\.0+$"
_NUMBER = f"{_WHOLE_WITH_DECIMALS}|^{WITH_EXPONENT}$"
RARE = f"{_NUMBER}|{WRAPPED}"  # looked for at once
_EXPONENT = ["e", "E"]
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
        text = plain_text(name, kind)
        same = text.map_batches(
            lambda texts: canonical_texts(texts, _in_digits), return_dtype=pl.String, is_elementwise=True
        )
        return Typed(same, pl.lit(value=False))
    if kind.is_float():
        return Typed(_of_float(column), pl.lit(value=False))
    if is_moment(kind):
        return Typed(moment_text(column, kind), pl.lit(value=False))
    text = column.cast(pl.String)
    return Typed(text.str.strip_chars_end("0").str.strip_suffix(".") if is_float(kind) else text, pl.lit(value=False))


def canonical_texts(texts: pl.Series, with_exponent: Callable[[pl.Expr], pl.Expr]) -> pl.Series:
    """Texts without padding as one text a value, null where they stand for nothing.

    What is rare is looked for in all of them at once, and put right only where there is any.

    Args:
        texts: the texts.
        with_exponent: what becomes of texts `WITH_EXPONENT`, an expression of them.
    """
    if not texts.str.contains(RARE).any():
        return canonical_words(texts)
    found = texts = unwrapped(texts)
    rare = texts.str.contains(_NUMBER)
    if rare.any():
        text, exponent = pl.col("text"), pl.lit(texts.str.contains_any(_EXPONENT))
        whole = text.str.strip_chars_end("0").str.strip_suffix(".")
        same = pl.when(exponent).then(with_exponent(text)).otherwise(whole)
        found = (
            texts.to_frame("text")
            .select(pl.when(pl.lit(rare)).then(same).otherwise(text).alias(texts.name))
            .to_series()
        )
    return canonical_words(found)


def canonical_words(texts: pl.Series) -> pl.Series:
    """Texts with the words for yes and no written in one way, null where they stand for nothing."""
    words = texts.is_in(_WORDS)
    if not words.any():
        return texts
    return texts.replace_strict(_SAME, default=None, return_dtype=pl.String).zip_with(words, texts)


def _of_float(column: pl.Expr) -> pl.Expr:
    """In digits where it is whole, as integers are written; else a float's own shortest text: 0.1 of 32 bits is 0.1."""
    number = column.cast(pl.Float64)
    return pl.when(number.is_finite()).then(pl.coalesce(_digits(number), column.cast(pl.String)))


def _in_digits(text: pl.Expr) -> pl.Expr:
    """Numbers with an exponent in digits where they are whole, as those of floats are; else as they are written."""
    return pl.coalesce(_digits(text.cast(pl.Float64, strict=False)), text)


def _digits(number: pl.Expr) -> pl.Expr:
    """Floats in digits, null where they are not whole or beyond 64 bits."""
    whole = (number == number.round()) & (number.abs() < _INT64)
    return pl.when(whole).then(number).cast(pl.Int64).cast(pl.String)
