"""Event keys: what identifies an event, comparable between files that store it in different types."""

import re
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from anna_core.columns.categories import RARE, canonical_texts, canonical_words, category
from anna_core.columns.moments import calendar, is_moment
from anna_core.columns.typed import NO_CLIENT, Typed, in_any_case, is_text, plain_text
from anna_core.columns.wrapped import PADDING
from anna_core.columns.written_floats import LARGE_WITH_EXPONENT

CURE = "write keys as text or whole numbers, 4081781000000007 and not 4.08178e+15"

EXACT = 2.0**53
_EXACT_FLOATS: dict[type[pl.DataType], float] = {
    pl.Float16: 2.0**11,
    pl.Float32: 2.0**24,
    pl.Float64: EXACT,
}  # from here on neighbours are one float
_MOMENT = "%Y-%m-%d %H:%M:%S%.f"  # as many digits after the second as there are: 0, 3, 6 or 9
_AGAIN = " again"  # behind times of the hour that a clock repeats in autumn, the second time
# As programs write a time stamp: with no digits after the second, or 3, 6 or 9. One or two may as well count something.
_STAMP = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.(?:\d{3}){1,3})?$"
_ODD = rf"{RARE}|{_STAMP}"  # looked for at once: most keys are nothing of it
_MIDNIGHT = " 00:00:00"
_NOTHING = f"(?i:{'|'.join(map(re.escape, NO_CLIENT))})"  # as of clients: a key tells one event from all others
_NO_KEYS = in_any_case(NO_CLIENT)


@dataclass(frozen=True)
class TypedKey(Typed):
    """A column of a key. What is unreadable in it has lost digits, so that two keys may look like one.

    Attributes:
        missing: bool, never null: the value is null. It does without the value, whose making takes its time.
    """

    missing: pl.Expr


def event_key(name: str, kind: pl.DataType, zone: str) -> TypedKey:
    """A column of an event's key: int64 where it holds whole numbers, otherwise text.

    Files that store one key in several types agree once each is text (`as_text`): 17, 17.0 and '17' are one key, and so
    are 1e-7 and the decimal 0.0000001, and a time stamp, in whatever unit, with a zone or on the clock of `zone`, and
    '2024-03-31 12:00:00' or '…T12:00:00.000', and a midnight and its date. No two moments become one, and no two texts
    other than of one whole number or one time stamp: '1.1' and '1.10' are two keys, and so are '2024-03-31 12:00:00.1'
    and '….10'. A text that names its zone stays as it is.

    A float so large that whole numbers are not told apart (from 2^53 on, of 32 bits from 2^24), and a text as programs
    write large floats, 4.08178e+15, is no key: several ids may have become one, and digits in another file would not
    meet it. A text with neither a point nor a sign before its exponent, 3636638817772e42 or 1e7, is an id like others,
    and so is the text of a tiny number, 1e-7.

    Args:
        name: of the column.
        kind: its type.
        zone: the zone of time stamps that carry none.

    Raises:
        UnfitColumnError: no key can be of this type.
    """
    if kind.is_integer() and kind not in (pl.UInt64, pl.Int128, pl.UInt128):
        whole = pl.col(name).cast(pl.Int64)
        return TypedKey(whole, pl.lit(value=False), whole.is_null())
    if is_moment(kind):
        moment = moment_key(pl.col(name), kind, zone)
        return TypedKey(moment, pl.lit(value=False), moment.is_null())
    if is_text(kind):
        text = plain_text(name, kind)
        value = text.map_batches(text_keys, return_dtype=pl.String, is_elementwise=True)
        # To take the padding off once more would take longer than to look past it.
        stored, padding = (pl.col(name), rf"\s{PADDING}") if kind == pl.String else (text, f" {PADDING}")
        lost, nothing = (
            stored.str.contains(rf'^[{padding}]*(?:{form}|="[{padding}]*(?:{form})[{padding}]*")[{padding}]*$')
            for form in (rf"{LARGE_WITH_EXPONENT}|'{LARGE_WITH_EXPONENT}'?", _NOTHING)
        )
        return TypedKey(value, lost.fill_null(value=False), nothing.fill_null(value=True))
    key = category(name, kind)
    if kind.is_float():
        number = pl.col(name)
        finite = number.is_finite().fill_null(value=False)
        lost = finite & (number.cast(pl.Float64).abs() >= _EXACT_FLOATS[kind.base_type()])
        value = key.value.map_batches(_digits, return_dtype=pl.String, is_elementwise=True)
        return TypedKey(pl.when(~lost).then(value), lost, ~finite)
    return TypedKey(key.value, key.unreadable, key.value.is_null())


def as_text(key: pl.Expr) -> pl.Expr:
    """A key as text, the same whichever type it had."""
    return key.cast(pl.String)


def without_zeros(stamp: pl.Expr) -> pl.Expr:
    """Texts of time stamps with 0, 3, 6 or 9 digits behind the second, as few as hold it, and no midnight."""
    for zeros in ("000", "000", "000", ".", _MIDNIGHT):
        stamp = stamp.str.strip_suffix(zeros)
    return stamp


def without_no_keys(texts: pl.Series) -> pl.Series:
    """Texts, null where they are words for nothing that may be a category: None, or a lone sign."""
    words = texts.is_in(_NO_KEYS)
    return texts.zip_with(~words, pl.Series([None], dtype=pl.String)) if words.any() else texts


def _digits(floats: pl.Series) -> pl.Series:
    """Texts of floats, those with an exponent as decimals are written: 0.0000001, not 1e-7."""
    short = floats.filter(floats.str.contains("e")).unique()
    return floats.replace(short, [f"{Decimal(text):f}" for text in short]) if len(short) else floats


def text_keys(texts: pl.Series) -> pl.Series:
    """Keys of texts without padding."""
    if not texts.str.contains(_ODD).any():
        return without_no_keys(canonical_words(texts))
    return without_no_keys(
        _stamps(canonical_texts(texts, lambda text: pl.when(~text.str.contains(f"^{LARGE_WITH_EXPONENT}$")).then(text)))
    )


def _stamps(texts: pl.Series) -> pl.Series:
    """Texts, those of time stamps in the form that `moment_key` gives them."""
    are_stamps = texts.str.contains(_STAMP)
    if not are_stamps.any():
        return texts
    text = pl.col("text")
    stamp = pl.concat_str(text.str.slice(0, 10), pl.lit(" "), text.str.slice(11))
    found = pl.when(are_stamps).then(without_zeros(stamp)).otherwise(text)
    return texts.to_frame("text").select(found.alias(texts.name)).to_series()


def moment_key(column: pl.Expr, kind: pl.DataType, zone: str) -> pl.Expr:
    """Dates or time stamps of a type as keys; those with a zone on the clock of `zone`."""
    found = calendar(column, kind)
    if not isinstance(kind, pl.Datetime):
        return found.cast(pl.String)
    if kind.time_zone is None:
        return found.dt.to_string(_MOMENT).str.strip_suffix(_MIDNIGHT)
    local = found.dt.convert_time_zone(zone)
    clock = local.dt.replace_time_zone(None)
    again = clock.dt.replace_time_zone(zone, ambiguous="earliest") != local
    return clock.dt.to_string(_MOMENT).str.strip_suffix(_MIDNIGHT) + pl.when(again).then(pl.lit(_AGAIN)).otherwise(
        pl.lit("")
    )
