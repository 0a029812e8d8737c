"""Event keys of columns that are an event's time, a number or a yes/no as well: equal values are one key.

The text of an id is the id, so '1.1' and '1.10' are two. But 12:00, 12:00:00.0 and 09:00:00Z are one moment for a bank
in Moscow, 5.5 and 5.50 one amount, and T and yes one answer; whoever delivers an event again may write either.
"""

import polars as pl

from anna_core.columns.booleans import boolean
from anna_core.columns.categories import canonical_texts
from anna_core.columns.event_keys import EXACT, TypedKey, as_text, event_key, moment_key, without_no_keys, without_zeros
from anna_core.columns.times import moment
from anna_core.columns.typed import is_text, plain_text

_TEXT = "text"
_NAIVE = r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?:(:\d\d)(?:\.(\d{1,9}))?)?$"
_DAY = r"^\d{4}-\d\d-\d\d$"
_BEYOND_MICROSECONDS = r":\d\d[.,]\d{6}0*[1-9]"
_DECIMAL = r"^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$"


def time_key(name: str, kind: pl.DataType, zone: str, bank_zone: str) -> TypedKey:
    """A key of times: equal where the moments are, however text writes them.

    Times without a zone stay apart as they are written, as in the hour that a clock skips. A text that is no time, or
    tells more than microseconds beside a zone, is a key as it is.

    Args:
        name: of the column.
        kind: its type.
        zone: of time stamps that carry none.
        bank_zone: the bank's.

    Raises:
        UnfitColumnError: no key can be of this type.
    """
    key = event_key(name, kind, zone)
    if not is_text(kind):
        return key

    def in_one_form(texts: pl.Series) -> pl.Series:
        found = texts.to_frame(_TEXT).select(_padded(pl.col(_TEXT))).to_series()
        left = ~found.str.contains(f"{_NAIVE}|{_DAY}|{_BEYOND_MICROSECONDS}").fill_null(value=True)
        if not left.any():
            return found
        utc = moment(_TEXT, pl.String(), zone, bank_zone, "UTC").value.dt.replace_time_zone("UTC")
        told = moment_key(utc, pl.Datetime("us", "UTC"), zone)
        others = found.filter(left).to_frame(_TEXT).select(pl.coalesce(told, _TEXT)).to_series()
        return found.scatter(left.arg_true(), others)

    value = key.value.map_batches(in_one_form, return_dtype=pl.String, is_elementwise=True)
    return TypedKey(value, key.unreadable, key.missing)


def number_key(name: str, kind: pl.DataType, zone: str) -> TypedKey:
    """A key of numbers: equal where these are, with or without zeros at their ends, a plus sign or an exponent.

    Digits count one by one, however many there are. A number with an exponent whose digits a float cannot hold is read
    as `event_key` reads it.

    Args:
        name: of the column.
        kind: its type.
        zone: of time stamps that carry none.

    Raises:
        UnfitColumnError: no key can be of this type.
    """
    key = event_key(name, kind, zone)
    if not is_text(kind):
        return key
    text = plain_text(name, kind)
    number = text.cast(pl.Float64, strict=False)
    exact = (number.is_finite() & (number.abs() < EXACT)).fill_null(value=False)

    def in_one_form(texts: pl.Series) -> pl.Series:
        same = without_no_keys(canonical_texts(texts, lambda text: text))
        found = same.to_frame(_TEXT).select(_bare(pl.col(_TEXT))).to_series()
        left = ~found.to_frame(_TEXT).select(_is_decimal(pl.col(_TEXT)).fill_null(value=True)).to_series()
        if not left.any():
            return found
        floats = found.filter(left).to_frame(_TEXT)
        number = floats.select(pl.col(_TEXT).cast(pl.Float64, strict=False)).to_series()
        stored = number.to_frame(_TEXT).select(as_text(event_key(_TEXT, pl.Float64(), zone).value)).to_series()
        others = stored.zip_with(stored.is_not_null(), floats.to_series())
        return found.scatter(left.arg_true(), others)

    lost = key.unreadable & ~exact
    value = text.map_batches(in_one_form, return_dtype=pl.String, is_elementwise=True)
    return TypedKey(pl.when(~lost).then(value), lost, key.missing)


def boolean_key(name: str, kind: pl.DataType, zone: str) -> TypedKey:
    """A key of yes/no: `true` or `false`, whichever word or number means it; what means neither is a key as it is.

    Args:
        name: of the column.
        kind: its type.
        zone: of time stamps that carry none.

    Raises:
        UnfitColumnError: no key, or no yes/no, can be of this type.
    """
    key, flag = event_key(name, kind, zone), boolean(name, kind).value
    return TypedKey(pl.coalesce(flag.cast(pl.String), as_text(key.value)), key.unreadable, key.missing)


def _padded(text: pl.Expr) -> pl.Expr:
    """Time stamps without a zone in the form of keys: seconds, 0, 3, 6 or 9 digits behind them, no midnight."""
    day, minute, second, digits = (text.str.extract(_NAIVE, group) for group in range(1, 5))
    exact = digits.fill_null("").str.pad_end(9, "0")
    stamp = pl.concat_str(day, pl.lit(" "), minute, second.fill_null(":00"), pl.lit("."), exact)
    return pl.coalesce(without_zeros(stamp), text)


def _bare(text: pl.Expr) -> pl.Expr:
    """Decimal numbers without what means nothing in them; other texts as they are."""
    sign, whole, part = (text.str.extract(_DECIMAL, group).fill_null("") for group in range(1, 4))
    digits = pl.when(whole == "").then(pl.lit("0")).otherwise(whole)
    digits += pl.when(part != "").then(pl.lit(".") + part).otherwise(pl.lit(""))
    minus = pl.when((sign == "-") & (digits != "0")).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.when(_is_decimal(text)).then(minus + digits).otherwise(text)


def _is_decimal(text: pl.Expr) -> pl.Expr:
    return text.str.contains(_DECIMAL) & text.str.contains(r"\d")
