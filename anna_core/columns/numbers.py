"""Numbers: those that a float32 can hold, or missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.columns.typed import NO_VALUE, Typed, UnfitColumnError, in_any_case, is_text, plain_text
from anna_core.columns.wrapped import PADDING, unwrapped

CURE = "write numbers as 1234.5"
LARGEST = float(np.finfo(np.float32).max)  # marts, nets and targets are float32
TOO_LARGE = "infinite or beyond 3.4e38"
SEPARATED = "written with separate thousands or a decimal comma"
DOTTED = "written with points between thousands"
NEGATIVE = "negative as accountants write it"
SMALLER = "leave empty what is not known, and give what is so large in a greater unit"

_NO_VALUE = in_any_case(NO_VALUE)
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
        in_no_form: bool, never null: a value is unreadable for none of these reasons.
    """

    too_large: pl.Expr
    separated: pl.Expr
    dotted: pl.Expr
    negative: pl.Expr
    in_no_form: pl.Expr


def number(name: str, kind: pl.DataType) -> TypedNumber:
    """A column of numbers as float64, none of them beyond what a float32 can hold; NaN is missing.

    Raises:
        UnfitColumnError: numbers cannot be of this type.
    """
    never = pl.lit(value=False)
    if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
        found = pl.col(name).cast(pl.Float64)
        may_be_large = kind.is_float() or kind == pl.UInt128
        return TypedNumber(_small(found), never, _too_large(found) if may_be_large else never, *([never] * 4))
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, not a number: {CURE}")
    text = plain_text(name, kind)
    value = text.map_batches(_small_numbers, return_dtype=pl.Float64, is_elementwise=True)
    found = text.map_batches(_numbers, return_dtype=pl.Float64, is_elementwise=True)
    separated = _odd(text, lambda bare: bare.str.contains(_SEPARATED))
    dotted = _odd(text, lambda bare: bare.str.contains(_DOTTED))
    negative = _odd(text, lambda bare: bare.str.contains(f"^(?:{_NEGATIVE})$") & ~bare.str.contains(_SEPARATED))
    unreadable = _odd(text, lambda bare: ~bare.is_in(_NO_VALUE))
    forms = f"{_SEPARATED}|^(?:{_NEGATIVE})$"
    in_no_form = _odd(text, lambda bare: ~(bare.is_in(_NO_VALUE) | bare.str.contains(forms)))
    return TypedNumber(value, unreadable, _too_large(found), separated, dotted, negative, in_no_form)


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
    return with_plain_minus(unwrapped(texts))


def _plain_numbers(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The numbers of texts as they are, and the places, none of most columns, of the texts that are none."""
    found = texts.cast(pl.Float64, strict=False)
    if found.null_count() == texts.null_count():
        return found, pl.Series(dtype=pl.UInt32)
    return found, (found.is_null() & texts.is_not_null()).arg_true()


def _numbers(texts: pl.Series) -> pl.Series:
    found, left = _plain_numbers(texts)
    return found if left.is_empty() else found.scatter(left, _bare(texts[left]).cast(pl.Float64, strict=False))


def _small_numbers(texts: pl.Series) -> pl.Series:
    found = _numbers(texts)
    small = found.abs() <= LARGEST
    return found if small.all() else found.to_frame("x").select(pl.when(small).then("x")).to_series()


def _odd(text: pl.Expr, judge: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    """Whether a text is no number, and what `judge` says of it once it is bare: bool, never null."""

    def judged(texts: pl.Series) -> pl.Series:
        flags = pl.repeat(value=False, n=len(texts), eager=True)
        _, left = _plain_numbers(texts)
        if left.is_empty():
            return flags
        bare = _bare(texts[left])
        return flags.scatter(left, judge(bare) & bare.cast(pl.Float64, strict=False).is_null())

    return text.map_batches(judged, return_dtype=pl.Boolean, is_elementwise=True)


def _small(values: pl.Expr) -> pl.Expr:
    return pl.when(values.abs() <= LARGEST).then(values)  # NaN is greater than any number here


def _too_large(values: pl.Expr) -> pl.Expr:
    return ((values.abs() > LARGEST) & values.is_not_nan()).fill_null(value=False)
