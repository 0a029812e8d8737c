"""Event keys of columns that are an event's time, a number or a yes/no as well: equal values are one key.

The text of an id is the id, so '1.1' and '1.10' are two. But 12:00, 12:00:00.0 and 09:00:00Z are one moment for a bank
in Moscow, 5.5 and 5.50 one amount, and T and yes one answer; whoever delivers an event again may write either.

Most texts are in the form of keys as they stand: that is asked of all in a tenth of the time that the others take.
"""

from collections.abc import Callable

import polars as pl

from anna_core.columns.booleans import boolean
from anna_core.columns.categories import canonical_texts
from anna_core.columns.event_keys import (
    EXACT,
    TypedKey,
    as_text,
    event_key,
    moment_key,
    text_keys,
    without_no_keys,
    without_zeros,
)
from anna_core.columns.numbers import with_plain_minus
from anna_core.columns.times import moment
from anna_core.columns.typed import is_text, plain_text

_TEXT = "text"
_NAIVE = r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?:(:\d\d)(?:\.(\d{1,9}))?)?$"
_DAY = r"^\d{4}-\d\d-\d\d$"
_STAMP_AS_KEY = (
    r"^\d{4}-\d\d-\d\d (?:\d\d:\d\d:(?:0[1-9]|[1-5]\d)|\d\d:(?:0[1-9]|[1-5]\d):00|(?:0[1-9]|1\d|2\d):00:00)$"
)
_IN_UTC = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?: ?UTC| ?Z| ?[+-]00(?::?00)?)$"
_SECONDS, _WHOLE = 19, "%Y-%m-%d %H:%M:%S"  # characters of a time stamp, and their form
_FRACTION = r"(\.\d+)"
_DECIMALS, _POWER = r"\.(\d*)[eE]", r"[eE]\+?(\d{1,9})$"
_UNSIGNED = r"[eE]\d+$"  # as Java and Spark write a float, with all digits that tell it from others: 1.25E7 is 12500000
_NUMBER_AS_KEY = r"^(?:-?(?:[1-9]\d*(?:\.\d*[1-9])?|0\.\d*[1-9])|0)$"
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
        return _mended(texts, texts.str.contains(_STAMP_AS_KEY), of_utc)

    def of_utc(texts: pl.Series) -> pl.Series:
        stamps = texts.str.contains(_IN_UTC)
        found = _mended(texts, stamps, others)
        utc = stamps.fill_null(value=False)
        return _mended(found, ~utc, lambda texts: told(_utc(texts), texts))

    def others(texts: pl.Series) -> pl.Series:
        found = text_keys(texts).to_frame(_TEXT).select(_padded(pl.col(_TEXT))).to_series()
        return _mended(found, found.str.contains(f"{_NAIVE}|{_DAY}|{_BEYOND_MICROSECONDS}"), of_zones)

    def of_zones(texts: pl.Series) -> pl.Series:
        utc = moment(_TEXT, pl.String(), zone, bank_zone, "UTC").value
        return told(texts.to_frame(_TEXT).select(utc).to_series(), texts)

    def told(utc: pl.Series, texts: pl.Series) -> pl.Series:
        moments = utc.dt.replace_time_zone("UTC").to_frame(_TEXT)
        keys = moments.select(moment_key(pl.col(_TEXT), pl.Datetime("us", "UTC"), zone)).to_series()
        return keys.zip_with(keys.is_not_null(), texts) if keys.has_nulls() else keys

    value = plain_text(name, kind).map_batches(in_one_form, return_dtype=pl.String, is_elementwise=True)
    return TypedKey(value, key.unreadable, key.missing)


def number_key(name: str, kind: pl.DataType, zone: str) -> TypedKey:
    """A key of numbers: equal where these are, with or without zeros at their ends, a plus sign or an exponent.

    Digits count one by one, however many there are. A number with an exponent behind a plus that does not show all of
    them, as 2.024012E+13, or one with more than a float holds, is read as `event_key` reads it.

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
    shown, power = text.str.extract(_DECIMALS).str.len_chars().fill_null(0), text.str.extract(_POWER).cast(pl.Int32)
    shows_all = (shown >= power) | text.str.contains(_UNSIGNED)
    exact = (shows_all & number.is_finite() & (number.abs() < EXACT)).fill_null(value=False)

    def in_one_form(texts: pl.Series) -> pl.Series:
        return _mended(texts, texts.str.contains(_NUMBER_AS_KEY), others)

    def others(texts: pl.Series) -> pl.Series:
        same = without_no_keys(with_plain_minus(canonical_texts(texts, lambda text: text)))
        found = same.to_frame(_TEXT).select(_bare(pl.col(_TEXT))).to_series()
        return _mended(found, found.to_frame(_TEXT).select(_is_decimal(pl.col(_TEXT))).to_series(), of_floats)

    def of_floats(texts: pl.Series) -> pl.Series:
        number = texts.to_frame(_TEXT).select(pl.col(_TEXT).cast(pl.Float64, strict=False))
        stored = number.select(as_text(event_key(_TEXT, pl.Float64(), zone).value)).to_series()
        return stored.zip_with(stored.is_not_null(), texts)

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


def _mended(texts: pl.Series, sound: pl.Series, mend: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The same texts, mended where they are neither sound, (n,) bool, nor null."""
    left = ~sound.fill_null(value=True)
    if not left.any():
        return texts
    return mend(texts) if left.all() else texts.scatter(left.arg_true(), mend(texts.filter(left)))


def _utc(texts: pl.Series) -> pl.Series:
    """Texts `_IN_UTC` as moments without a zone."""
    whole = texts.str.slice(0, _SECONDS).str.replace("T", " ", literal=True)
    found = whole.str.to_datetime(_WHOLE, time_unit="us", strict=False)
    fraction = texts.str.extract(_FRACTION)
    if fraction.null_count() == len(fraction):
        return found
    return found + (fraction.cast(pl.Float64).fill_null(0.0) * 1e6).round().cast(pl.Int64).cast(pl.Duration("us"))


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
