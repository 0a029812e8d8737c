"""Numbers: those that a float32 can hold, or missing."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, is_nothing, is_text, plain_text
from anna_core.columns.wrapped import PADDING, unwrapped

CURE = "write numbers as 1234.5"
LARGEST = float(np.finfo(np.float32).max)  # marts, nets and targets are float32
TOO_LARGE = "infinite or beyond 3.4e38"
SEPARATED = "written with separate thousands or a decimal comma"
DOTTED = "written with points between thousands"
NEGATIVE = "negative as accountants write it"
SMALLER = "leave empty what is not known, and give what is so large in a greater unit"

_IN_FRONT = "a negative number has its minus in front: write -1234.5"
_NO_UNIT = f"no unit or currency beside it: {CURE}"
_SPACE = r"[ \u00a0\u2007\u2009\u202f]"  # spaces that do not break among them, and thin ones
_DIGITS = rf"\d[\d.,']*(?:{_SPACE}\d{{3}})*(?:[.,]\d+)?"
_CURRENCY = r"(?:[$€£¥₽₸₴₺₹₾֏₼]|\b(?:RUB|USD|EUR|GBP|CHF|CNY|JPY|TRY|INR|KZT|UAH|BYN|AMD|AZN|GEL|UZS|руб|р)\b\.?)"
_POINTS = r"\d{1,3}(?:\.\d{3}){2,}"
_LAKHS = r"\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?"  # as in India
_THOUSANDS = rf"\d{{1,3}}(?:(?:{_SPACE}|[',\u2019])\d{{3}})+(?:\.\d+)?|{_LAKHS}|{_POINTS}"
_COMMA = rf"\d{{1,3}}(?:(?:[.'\u2019]|{_SPACE})?\d{{3}})*,\d+|\d*,\d+"
_DOTTED = rf"^[+(-]?{_POINTS}[)-]?$"
_SEPARATED = rf"^[+(-]?(?:{_THOUSANDS}|{_COMMA})[)-]?$"
_WITH_POINT = rf"(?:\d+\.\d+|{_THOUSANDS}|{_COMMA})"  # or a comma: what is surely an amount
_AMOUNT = rf"(?:\d+|{_WITH_POINT})"
_BY_SIDE = r"(?:CR|DR|Cr|Dr|cr|dr)"  # credit and debit
_IN_BRACKETS = rf"\((?:{_CURRENCY}{_SPACE}*)?{_AMOUNT}(?:{_SPACE}*{_CURRENCY})?\)"
_BESIDE_CURRENCY = rf"-{_SPACE}*{_CURRENCY}{_SPACE}*{_AMOUNT}|{_CURRENCY}{_SPACE}*-{_AMOUNT}"
_NEGATIVE = rf"{_IN_BRACKETS}|{_BESIDE_CURRENCY}|{_AMOUNT}{_SPACE}*(?:-|{_BY_SIDE})"
_MINUS = r"^[\u2010-\u2013\u2212\ufe63\uff0d]"  # of mathematics, as in Scandinavia, and of typesetters
_MINUS_APART = rf"^-[{PADDING}]+"
# How people and spreadsheets write numbers otherwise, and what to do about it; the first that fits is told.
_WRITTEN_OTHERWISE = {
    rf"[+-]?\d+([.,]\d+)?{_SPACE}*%": "a percent sign is not part of a number: write 12.5, or 0.125, without it",
    rf"[+-]?(?:{_THOUSANDS})": f"thousands are not separated: {CURE}",
    rf"[+-]?(?:{_COMMA})": f"the decimal sign is a point: {CURE}",
    # Accountants', and SAP's, whose amounts have decimals; `18-` may be a class.
    rf"{_IN_BRACKETS}|{_BESIDE_CURRENCY}|{_WITH_POINT}{_SPACE}*(?:-|{_BY_SIDE})": _IN_FRONT,
    rf"[+-]?{_CURRENCY}{_SPACE}*[+-]?{_DIGITS}|[+-]?{_DIGITS}{_SPACE}*{_CURRENCY}": _NO_UNIT,
}
_BESIDE_A_UNIT = r"[^\d\s+-]*\s*[+-]?\d[\d., ]*\s*[^\d\s]*"


@dataclass(frozen=True)
class TypedNumber(Typed):
    """A column of numbers.

    Attributes:
        too_large: bool, never null: a number is there, but it is infinite or beyond `LARGEST`.
        separated: bool, never null: a value is unreadable as its thousands are separated, or as its sign is a comma.
        dotted: bool, never null: it is separated, and by points. One such value shows how others are written: `1.234`,
            beside a `1.234.567`, would be read as another number.
        negative: bool, never null: a value is unreadable as its minus is brackets, or stands behind it or beside a
            currency, or as CR or DR say its sign.
    """

    too_large: pl.Expr
    separated: pl.Expr
    dotted: pl.Expr
    negative: pl.Expr


def number(name: str, kind: pl.DataType) -> TypedNumber:
    """A column of numbers as float64, none of them beyond what a float32 can hold; NaN is missing.

    Raises:
        UnfitColumnError: numbers cannot be of this type.
    """
    never = pl.lit(value=False)
    if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
        found = pl.col(name).cast(pl.Float64)
        may_be_large = kind.is_float() or kind == pl.UInt128
        return TypedNumber(_small(found), never, _too_large(found) if may_be_large else never, never, never, never)
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a number: {CURE}")
    text = plain_text(name, kind)
    parsed = text.cast(pl.Float64, strict=False)
    # Nothing of a sound column is left here, and to look further costs nothing.
    bare = pl.when(parsed.is_null()).then(text).map_batches(_bare, return_dtype=pl.String, is_elementwise=True)
    found = pl.coalesce(parsed, bare.cast(pl.Float64, strict=False))
    there = pl.col(name).is_not_null() & ~is_nothing(bare, NO_VALUE)
    separated, dotted, negative = (
        pl.when(found.is_null()).then(bare).str.contains(form).fill_null(value=False)
        for form in (_SEPARATED, _DOTTED, f"^(?:{_NEGATIVE})$")
    )
    return TypedNumber(
        _small(found), there & found.is_null(), _too_large(found), separated, dotted, negative & ~separated
    )


def written_otherwise(text: pl.Expr) -> pl.Expr:
    """Whether a text, free of padding, is surely a number, but one that is written as no `number` is."""
    return text.str.contains(f"^(?:{'|'.join(_WRITTEN_OTHERWISE)})$") & text.cast(pl.Float64, strict=False).is_null()


def cure_of(text: str) -> str:
    """What to do about a text that is no number, for the message that shows it."""
    bare = _bare(pl.Series([text.strip()])).item()
    if re.fullmatch(_NEGATIVE, bare):
        return _IN_FRONT
    for pattern, cure in _WRITTEN_OTHERWISE.items():
        if re.fullmatch(pattern, bare):
            return cure
    if re.fullmatch(_BESIDE_A_UNIT, bare):
        return _NO_UNIT
    return f"{CURE}, and leave empty what is missing"


def with_plain_minus(texts: pl.Series) -> pl.Series:
    """Texts with a plain minus in front of what follows, where they have another one."""
    return texts.str.replace(_MINUS, "-").str.replace(_MINUS_APART, "-")


def _bare(texts: pl.Series) -> pl.Series:
    if texts.null_count() == len(texts):
        return texts
    return with_plain_minus(unwrapped(texts))


def _small(values: pl.Expr) -> pl.Expr:
    return pl.when(values.abs() <= LARGEST).then(values)  # NaN is greater than any number here


def _too_large(values: pl.Expr) -> pl.Expr:
    return ((values.abs() > LARGEST) & values.is_not_nan()).fill_null(value=False)
