"""The typed door: the one canonical value of whatever a column holds."""

import datetime as dt
import decimal
import itertools
import zoneinfo

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from anna_core.columns.booleans import boolean
from anna_core.columns.categories import category
from anna_core.columns.clients import client
from anna_core.columns.days import day
from anna_core.columns.event_keys import event_key
from anna_core.columns.numbers import LARGEST, cure_of, number, written_otherwise
from anna_core.columns.shares import percent
from anna_core.columns.times import ERA, time
from anna_core.columns.typed import Typed, UnfitColumnError
from anna_core.columns.value_keys import boolean_key, number_key, time_key
from anna_core.columns.versions import version

BERLIN, MOSCOW = "Europe/Berlin", "Europe/Moscow"
NAN, INF = float("nan"), float("inf")
FIRST_DAY, LAST_DAY = -719_162 * 86400e6, 2_932_896 * 86400e6  # of the calendar, in microseconds since 1970


def values(typed: Typed, column: pl.Series) -> list:
    """The canonical values; "?" for what is unreadable, "!" for a time of no era of ours, or a number too large."""
    frame = column.to_frame("x").lazy().select(typed.value.alias("v"), typed.unreadable.alias("u"), *outside(typed))
    return ["?" if row["u"] else "!" if row.get("o") else row["v"] for row in frame.collect().rows(named=True)]


def outside(typed: Typed) -> list[pl.Expr]:
    found = getattr(typed, "outside", getattr(typed, "too_large", None))
    return [] if found is None else [found.alias("o")]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["5411", " 5411.0 ", "5411.00", "05411", "-3.0", "100", "a.0", "1.50"]),
         ["5411", "5411", "5411", "05411", "-3", "100", "a.0", "1.50"]),
        (pl.Series(["", " ", "NULL", "nan", "N/A", "<NA>", None, "None"]), [None] * 7 + ["None"]),
        (pl.Series(["\\N", "(null)", "[NULL]", "<null>", "#NULL!", "?", "."]), [None] * 5 + ["?", "."]),
        (pl.Series([5411.0, 1.5, 0.1, -0.0, NAN, INF, None]), ["5411", "1.5", "0.1", "0", None, None, None]),
        (pl.Series([0.1, 3.0], dtype=pl.Float32), ["0.1", "3"]),
        (pl.Series([5411, -1, None]), ["5411", "-1", None]),
        (pl.Series([decimal.Decimal("5411.00"), decimal.Decimal("1.50")]), ["5411", "1.5"]),
        (pl.Series([b"5411.0", b"x"]), ["5411", "x"]),
        (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
        (pl.Series([1e15, 1e16, -(2.0**62)]), ["1000000000000000", "10000000000000000", str(-(2**62))]),
        (pl.Series([decimal.Decimal("10000000000000000.00")]), ["10000000000000000"]),
        (pl.Series([True, False, None]), ["true", "false", None]),
        (pl.Series(["True", " TRUE", "true", "FALSE", "False", "tRUE", "yes"]),
         ["true", "true", "true", "false", "false", "tRUE", "yes"]),
        (pl.Series(["True", "nan", "5411.0", "x", None]), ["true", None, "5411", "x", None]),
        (pl.Series([dt.date(2024, 3, 1)]), ["2024-03-01"]),
    ],
)  # fmt: skip
def test_a_category_is_one_text_a_value(column, expected):
    assert values(category("x", column.dtype), column) == expected


@given(st.integers(-(2**52), 2**52) | st.integers(-(2**53), 2**53).map(lambda number: number * 512))
def test_a_whole_number_is_the_same_category_in_every_type(whole):
    stored = [
        pl.Series([whole]), pl.Series([float(whole)]), pl.Series([decimal.Decimal(whole)], dtype=pl.Decimal(38, 2)),
        pl.Series([str(whole)]), pl.Series([f"{whole}.0"]), pl.Series([f"  {whole}.000\t"]),
    ]  # fmt: skip
    assert {values(category("x", column.dtype), column)[0] for column in stored} == {str(whole)}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["17", " a ", "NULL", "None", "", None]), ["17", "a", None, None, None, None]),
        (pl.Series(["\\N", "(NULL)", "[null]", "<null>", "#null!", "?", " . ", "-", "-1"]), [None] * 8 + ["-1"]),
        (pl.Series(["17.0", "1.2e+10", "1e+16", "1.5E10"]), ["?"] * 4),
        (pl.Series(["3636638817772e42", "1E10", "12.50", "1.2"]), ["3636638817772e42", "1E10", "12.50", "1.2"]),
        (pl.Series([17, None]), ["17", None]),
        (pl.Series([decimal.Decimal(17)], dtype=pl.Decimal(20, 0)), ["17"]),
    ],
)
def test_a_client_is_text_or_a_whole_number(column, expected):
    assert values(client("x", column.dtype), column) == expected


@given(st.integers(0, 16**16 - 1).map(lambda number: f"{number:016x}"))
def test_an_id_in_hex_is_an_id(name):
    assert values(client("x", pl.String()), pl.Series([name])) == [name]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["1", " 2.5 ", "1e3", "-7"]), [1.0, 2.5, 1000.0, -7.0]),
        (pl.Series(["", "NULL", "None", "NaN", None]), [None] * 5),
        (pl.Series(["\\N", "(null)", "[NULL]", "?", ".", "-"]), [None] * 3 + ["?"] * 3),
        (pl.Series(["inf", "-Infinity", "1e39", "-1e400", "3.4e38"]), ["!", "!", "!", "!", 3.4e38]),
        (pl.Series([-INF, 3.5e38, LARGEST, -LARGEST]), ["!", "!", LARGEST, -LARGEST]),
        (pl.Series([INF, 1.0], dtype=pl.Float32), ["!", 1.0]),
        (pl.Series(["1 234,5", "1,234.5", "12%", "5 USD", "-", "x"]), ["?"] * 6),
        (pl.Series([1.5, INF, NAN, None]), [1.5, "!", None, None]),
        (pl.Series([True, None]), [1.0, None]),
        (pl.Series([decimal.Decimal("1.50")]), [1.5]),
    ],
)
def test_a_number_is_finite_or_missing(column, expected):
    assert values(number("x", column.dtype), column) == expected


@pytest.mark.parametrize("minus", ["-", "\u2212", "\u2013", "\u200e-", "\u200e\u2212", "\u061c-", "-\u200e", "\u202a-"])
def test_the_minus_of_a_number_is_read_in_every_script(minus):
    column = pl.Series([f"{minus}15.33", f" {minus}15.33\u202c ", f"{minus}1e3", "7", "12\u22127"])
    assert values(number("x", pl.String()), column) == [-15.33, -15.33, -1000.0, 7.0, "?"]
    keys = pl.Series([f"{minus}15.330", "-15.33"])
    assert values(number_key("x", pl.String(), MOSCOW), keys) == ["-15.33"] * 2


@pytest.mark.parametrize(
    "wrap",
    ["\u200b{}", "{}\ufeff", "{}\0\0", '="{}"', "'{}", " \u202a{}\u202c ", "\u2066{}\u2069", "\u061c{}"],
)
def test_what_is_wrapped_around_a_value_is_no_part_of_it_in_any_column(wrap):
    def read(typed: Typed, *texts: str) -> list:
        return values(typed, pl.Series([wrap.format(text) for text in texts]))

    kind, moment = pl.String(), dt.datetime(2024, 3, 5, 12)
    assert read(number("x", kind), "12.5", "-3", "1e39") == [12.5, -3.0, "!"]
    assert read(boolean("x", kind), "1", "0.0") == [True, False]
    times = time("x", kind, MOSCOW, MOSCOW)
    assert read(times, "2024-03-05 12:00:00", "2024-03-05T12:00", "2024-03-05T09:00:00Z") == [moment] * 3
    assert read(times, "2024-03-05", "9999-12-31") == [dt.datetime(2024, 3, 5), "!"]
    assert read(day("x", kind), "2024-03-31", "2024-03-31 00:00:00 UTC") == [MARCH_31] * 2
    assert read(client("x", kind), "c1", "007") == ["c1", "007"]
    assert read(category("x", kind), "5411.0") == ["5411"]


def test_what_is_nothing_but_wrapping_or_a_wrapped_word_for_nothing_is_nothing():
    column = pl.Series(["\u200b", '=""', '="NULL"', "NULL\0", "\u202a\u202c"])
    kind = pl.String()
    for typed in (number("x", kind), boolean("x", kind), time("x", kind, MOSCOW, MOSCOW)):
        assert values(typed, column) == [None] * 5


def test_yes_and_no_are_read_wrapped():
    column = pl.Series(["Y\0", '="No"', "\ufeffTRUE", "\u200bmaybe", "1"])
    assert values(boolean("x", pl.String()), column) == [True, False, True, "?", True]


@pytest.mark.parametrize(
    ("text", "cure"),
    [("1 234,5", "decimal sign"), ("1234,5", "decimal sign"), ("1,234.5", "thousands"), ("12 %", "percent"),
     ("$5", "currency"), ("5 USD", "unit"), ("x", "leave empty"), ("15.33 CR", "minus in front"),
     ("-$15.33", "minus in front"), ("\u200e(1,234.50)", "minus in front"), ("18-", "minus in front"),
     ("1\u2019234.50", "thousands"), ("1\u2009234", "thousands"), ("1,23,456.50", "thousands"), (",5", "decimal sign")],
)  # fmt: skip
def test_the_cure_of_a_text_that_is_no_number_fits_it(text, cure):
    assert cure in cure_of(text)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["t", "F", "Yes", " no ", "1.0", "0", "TRUE"]), [True, False, True, False, True, False, True]),
        (pl.Series(["1.00", "0.0", "1.01"]), [True, False, "?"]),
        (pl.Series(["0E-10", "0.00e+5", "1E-10", "1e0", "10"]), [False, False, "?", True, "?"]),
        (pl.Series(["maybe", "2", "", "None", None]), ["?", "?", None, None, None]),
        (pl.Series([0, 1, 2, -1, None]), [False, True, "?", "?", None]),
        (pl.Series([0.0, 1.0, 0.5, NAN, None]), [False, True, "?", None, None]),
        (pl.Series([True, None]), [True, None]),
    ],
)
def test_a_yes_or_no(column, expected):
    assert values(boolean("x", column.dtype), column) == expected


def test_moments_are_one_key_in_any_unit_and_as_text():
    nanoseconds = pl.Series([0, 1, 1_000, 43_200_500_000_000]).cast(pl.Datetime("ns"))
    keys = ["1970-01-01", "1970-01-01 00:00:00.000000001", "1970-01-01 00:00:00.000001", "1970-01-01 12:00:00.500"]
    assert values(event_key("x", nanoseconds.dtype, "UTC"), nanoseconds) == keys
    whole = pl.Series([0, 43_200_500]).cast(pl.Datetime("ms"))
    assert values(event_key("x", whole.dtype, "UTC"), whole) == [keys[0], keys[3]]
    texts = pl.Series(["1970-01-01 00:00:00.000", "1970-01-01T00:00:00.000000001", "1970-01-01 00:00:00.000001000",
                       "1970-01-01 12:00:00.500"])  # fmt: skip
    assert values(event_key("x", pl.String(), "UTC"), texts) == keys
    assert values(event_key("x", pl.Date(), "UTC"), pl.Series([dt.date(1970, 1, 1)])) == keys[:1]


def test_other_texts_are_as_many_keys_as_they_are():
    texts = ["1.1", "1.10", "1.100", "2024-01", "2024-01-01 00:00", "00:00:00", "x 00:00:00", "12:30:00.50",
             "2024-01-01 12:00:00", "2024-01-01 12:00:000", "2024-01-01 12:00:00.", "2024-01-01 12:00:00.1",
             "2024-01-01 12:00:00.10", "2024-01-01 12:00:00+00", "2024-01-01 00:00:00.0", "1e-7", "1E-7", "0.0000001",
             "1e20", "100000000000000000000", "-0", "0"]  # fmt: skip
    assert values(event_key("x", pl.String(), "UTC"), pl.Series(texts)) == texts


def test_texts_of_moments_are_keys_of_moments_whatever_stands_before_them():
    texts = pl.Series(["k-17", None, "2024-03-05 00:00:00", "2024-03-05T12:00:00.500000"])
    keys = ["k-17", None, "2024-03-05", "2024-03-05 12:00:00.500"]
    assert values(event_key("x", texts.dtype, "UTC"), texts) == keys


def test_a_midnight_with_a_zone_is_one_key_with_its_date():
    midnight = pl.Series([dt.datetime(2024, 3, 4, 21)]).dt.replace_time_zone("UTC")
    assert values(event_key("x", midnight.dtype, MOSCOW), midnight) == ["2024-03-05"]


def test_moments_with_a_zone_are_one_key_with_those_on_the_bank_s_clock_and_no_two_of_autumn_are_one():
    # At 01:00 UTC clocks in Berlin went from 03:00 back to 02:00, so that the hour from 00:00 UTC on came twice.
    utc = [dt.datetime(2023, 10, 29, 0, 30), dt.datetime(2023, 10, 29, 1, 30), dt.datetime(2023, 7, 1, 12)]
    zoned = pl.Series(utc, dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("America/Lima")
    texts = ["2023-10-29 02:30:00", "2023-10-29 02:30:00 again", "2023-07-01 14:00:00"]
    assert values(event_key("x", zoned.dtype, "Europe/Berlin"), zoned) == texts
    naive = pl.Series([dt.datetime(2023, 10, 29, 2, 30), dt.datetime(2023, 7, 1, 14)], dtype=pl.Datetime("us"))
    assert values(event_key("x", naive.dtype, "Europe/Berlin"), naive) == [texts[0], texts[2]]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-03-05 12:00", "2024-03-05T12:00:00.0", "2024-03-05 09:00:00Z", "2024-03-05T12:00+03:00",
          "2024-03-05 09:00:00.000000 UTC", " 2024-03-05 12:00:00 "], "2024-03-05 12:00:00"),
        (["2024-03-05 12:00:00.1", "2024-03-05 12:00:00.10", "2024-03-05T09:00:00.100000Z"], "2024-03-05 12:00:00.100"),
        (["2024-03-05", "2024-03-05 00:00", "2024-03-05 00:00:00.00", "2024-03-04T21:00:00Z"], "2024-03-05"),
        (["NULL", "", None], None),
    ],
)  # fmt: skip
def test_one_moment_is_one_key_where_it_is_the_event_s_time(texts, expected):
    column = pl.Series(texts)
    assert values(time_key("x", column.dtype, MOSCOW, MOSCOW), column) == [expected] * len(texts)


def test_other_moments_are_other_keys_where_they_are_the_event_s_time():
    # The hour that Berlin repeats, the hour that it skips, what is finer than a microsecond, and what is no time.
    texts = ["2023-10-29T02:30:00+02:00", "2023-10-29T02:30:00+01:00", "2024-03-31 02:30", "2024-03-31 03:30",
             "2024-01-01 12:00:00.0000001", "2024-01-01T12:00:00.0000001Z", "2024-01-01T12:00:00.0000002Z", "1.10",
             "1.1", "31.12.2024"]  # fmt: skip
    keys = ["2023-10-29 02:30:00", "2023-10-29 02:30:00 again", "2024-03-31 02:30:00", "2024-03-31 03:30:00",
            "2024-01-01 12:00:00.000000100", *texts[5:]]  # fmt: skip
    column, berlin = pl.Series(texts), "Europe/Berlin"
    assert values(time_key("x", column.dtype, berlin, berlin), column) == keys
    zoned = pl.Series(texts[:2]).str.to_datetime(time_zone="UTC").cast(pl.Datetime("ms", "UTC"))
    assert values(time_key("x", zoned.dtype, berlin, berlin), zoned) == keys[:2]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["5.5", "5.50", "+5.500", "05.5", "5.5e0", "55E-1", " 5.5 "], "5.5"),
        (["12345678", "12345678.0", "1.2345678E7", "12345678.", "1.2345678e+07"], "12345678"),
        (["0", "-0", "0.00", "-0.0", "0E-10", ".0"], "0"),
        (["-.5", "-0.50", "-5e-1"], "-0.5"),
        (["0.0000001", "1e-7", "1E-7"], "0.0000001"),
        (["90071992547409930001", "90071992547409930001.0"], "90071992547409930001"),
        (["1.2345678901234567890123", "1.23456789012345678901230"], "1.2345678901234567890123"),
        (["12500000", "1.25E7", "1.250e7", "12500000.0"], "12500000"),
        (["1.5e+20", "1E+16", "2.024012E+13", "'4.08E+15", "1.5e+3", "1.0E16"], "?"),
        (["nan", "NULL", "", None], None),
    ],
)
def test_one_number_is_one_key_where_it_is_a_number(texts, expected):
    column = pl.Series(texts)
    assert values(number_key("x", column.dtype, MOSCOW), column) == [expected] * len(texts)


def test_what_is_no_number_is_a_key_as_it_is():
    texts = ["n/a?", "--", "1,5", "3636638817772e42", "a1"]
    assert values(number_key("x", pl.String(), MOSCOW), pl.Series(texts)) == texts
    assert values(number_key("x", pl.String(), MOSCOW), pl.Series(["-", ".", "None", "#Н/Д"])) == [None] * 4


@given(st.lists(st.floats(-(2.0**52), 2.0**52).map(lambda amount: round(amount, 4)), min_size=1))
def test_numbers_are_one_key_as_floats_and_as_text(amounts):
    stored, texts = (
        pl.Series(amounts),
        pl.Series([f"{amount:.6f}" for amount in map(decimal.Decimal, map(str, amounts))]),
    )
    as_floats = stored.to_frame("x").select(number_key("x", pl.Float64(), MOSCOW).value.cast(pl.String)).to_series()
    assert values(number_key("x", pl.String(), MOSCOW), texts) == as_floats.to_list()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["t", "YES", "1.0", " true ", "F", "0", "maybe", "", None]), [*["true"] * 4, "false", "false"]),
        (pl.Series([1, 1, 1, 1, 0, 0, 7, None, None]), [*["true"] * 4, "false", "false"]),
        (pl.Series([True] * 4 + [False] * 2 + [None] * 3), [*["true"] * 4, "false", "false"]),
    ],
)
def test_one_answer_is_one_key_where_it_is_a_yes_or_no(column, expected):
    odd = {pl.String(): "maybe", pl.Int64(): "7"}.get(column.dtype)
    assert values(boolean_key("x", column.dtype, MOSCOW), column) == [*expected, odd, None, None]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1.5, 100.0, 0.25, None]),
        pl.Series(["1.50", "100.00", "0.250", None]).cast(pl.Decimal(10, 3)),
        pl.Series(["1.5", "100.00", "0.25", "NULL"], dtype=pl.Categorical),
    ],
)
def test_decimal_numbers_are_one_key_in_any_type(column):
    assert values(event_key("x", column.dtype, "UTC"), column) == ["1.5", "100", "0.25", None]


@pytest.mark.parametrize("kind", [pl.Float32, pl.Float64])
def test_floats_are_one_key_with_decimals_however_small(kind):
    floats = pl.Series([1e-7, -2.5e-9, 1.5e6, -0.0, 0.0, None, float("inf"), float("nan")], dtype=kind)
    keys = ["0.0000001", "-0.0000000025", "1500000", "0", "0", None, None, None]
    assert values(event_key("x", kind(), "UTC"), floats) == keys
    decimals = pl.Series(keys).cast(pl.Decimal(38, 12))
    assert values(event_key("x", decimals.dtype, "UTC"), decimals) == keys
    assert values(event_key("x", pl.String(), "UTC"), pl.Series(keys)) == keys


@pytest.mark.parametrize(("kind", "bits"), [(pl.Float32, 24), (pl.Float64, 53)])
def test_a_float_whose_neighbour_is_no_other_float_is_no_key(kind, bits):
    floats = pl.Series([2.0**bits - 1, 2.0**bits, -(2.0**bits), 1 - 2.0**bits, 1e20], dtype=kind)
    assert values(event_key("x", kind(), "UTC"), floats) == [str(2**bits - 1), "?", "?", str(1 - 2**bits), "?"]


def test_a_text_of_a_large_float_is_no_key_and_an_id_in_hex_is_one():
    texts = ["4.081781000000007E15", "1e+16", "4.08178E+15", "-1.5e7", " 1.E+7 ", "'4.08e+15", "'1e+16' ",
             "3636638817772e42", "1e7", "1E7", "1e-7", "2.5E-9", "a1e+16", "17.0", "True", "n/a"]  # fmt: skip
    expected = ["?"] * 7 + ["3636638817772e42", "1e7", "1E7", "1e-7", "2.5E-9", "a1e+16", "17", "true", None]
    assert values(event_key("x", pl.String(), "UTC"), pl.Series(texts)) == expected


def test_a_key_is_missing_where_it_is_neither_there_nor_unreadable():
    texts = pl.Series([" Null\t", "(NULL)", "\\N", "", "  ", None, "None", "?", " 1e+16", "17", "xnull", "nul"])
    for column in (texts, texts.cast(pl.Categorical), texts.cast(pl.Binary)):
        key = event_key("x", column.dtype, "UTC")
        found = column.to_frame("x").select(value=key.value, lost=key.unreadable, missing=key.missing)
        expected = found["value"].is_null() & ~found["lost"]
        tab = column.dtype == pl.Binary  # of bytes, it may be part of a number
        assert found["missing"].to_list() == expected.to_list() == [not tab, *[True] * 7, *[False] * 4]


@given(st.integers(0, 16**16 - 1).map(lambda number: f"{number:016x}"))
def test_an_id_in_hex_is_a_key_and_a_category(name):
    column = pl.Series([name])
    assert values(event_key("x", pl.String(), "UTC"), column) == values(category("x", pl.String()), column) == [name]


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_written_as_a_float_is_one_category(whole):
    python = repr(float(whole) * 1e6)  # from 10^16 on with an exponent
    java = f"{whole:.16E}".replace("E+", "E")
    column = pl.Series([java, f"{whole:.16e}", str(whole), python, str(round(float(whole) * 1e6))])
    found = values(category("x", pl.String()), column)
    assert found[:3] == [str(whole)] * 3
    assert found[3] == found[4] or abs(whole * 10**6) >= 2**63


def test_what_is_no_whole_number_with_an_exponent_stays_the_category_that_it_is():
    texts = ["1e7", "1E10", "3636638817772e42", "1.5E-7", "1e+30", "12E-5", "+1e+2", "0E-10", "1.0E7x"]
    expected = ["1e7", "1E10", "3636638817772e42", "1.5E-7", "1e+30", "12E-5", "100", "0", "1.0E7x"]
    assert values(category("x", pl.String()), pl.Series(texts)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-04-01", dt.datetime(2024, 4, 1)),  # a day is the bank's, whatever the zone
        ("2024-04-01 00:00", dt.datetime(2024, 4, 1, 1)),
        (" 2024-04-01T12:00:00.5 ", dt.datetime(2024, 4, 1, 13, 0, 0, 500_000)),
        ("2024-04-01T12:00:00Z", dt.datetime(2024, 4, 1, 15)),
        ("2024-04-01 12:00:00+02:00", dt.datetime(2024, 4, 1, 13)),
        ("2024-04-01 12:00:00.5+02", dt.datetime(2024, 4, 1, 13, 0, 0, 500_000)),  # as PostgreSQL writes it
        ("2024-04-01 12:00:00 UTC", dt.datetime(2024, 4, 1, 15)),  # and BigQuery
        ("2024-03-31 02:30:00", dt.datetime(2024, 3, 31, 4, 30)),  # skipped in spring: 3:30 in summer time
        ("2024-10-27 02:30:00", dt.datetime(2024, 10, 27, 3, 30)),  # repeated in autumn: the first
        ("0001-01-01", "!"), ("0202-03-04 10:00", "!"), ("1753-01-01", "!"), ("1970-01-01 00:00:00", "!"),
        ("2024-03-31 10:15-10:30", "?"), ("2024-03-31 10:15-11", "?"),  # spans
        ("2024-03-31 10:15 - 10:30", "?"), ("NaT", None),
        ("9999-12-31 23:59:59", "!"), ("31.03.2024", "?"), ("2024-13-01", "?"), ("NULL", None), ("", None),
    ],
)  # fmt: skip
def test_a_time_as_text(text, expected):
    column = pl.Series([text])
    assert values(time("x", column.dtype, BERLIN, MOSCOW), column) == [expected]


@pytest.mark.parametrize("parted", ["T", " "])
@pytest.mark.parametrize("clock", ["12:00", "12:00:00", "12:00:00.0", "12:00:00.000000"])
@pytest.mark.parametrize("zone", ["Z", "+00:00", "+0000", "+00", "-00:00", " UTC", " Z", " +00:00", " +0000", " +00"])
def test_every_form_of_a_time_may_have_every_spelling_of_a_zone(parted, clock, zone):
    """But directly behind the minutes one is read after a T alone: 10:15-10:30 is a span."""
    column = pl.Series([f"2024-04-01{parted}{clock}{zone}"])
    expected = "?" if (parted, clock) == (" ", "12:00") and zone.lstrip() == zone else dt.datetime(2024, 4, 1, 15)
    assert values(time("x", column.dtype, BERLIN, MOSCOW), column) == [expected]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_a_time_stamp(unit, zone):
    moments = [dt.datetime(2024, 1, 1), None]
    column = pl.Series(moments, dtype=pl.Datetime("us")).dt.replace_time_zone(zone).dt.cast_time_unit(unit)
    own = zoneinfo.ZoneInfo(zone or BERLIN)
    there = moments[0].replace(tzinfo=own).astimezone(zoneinfo.ZoneInfo(MOSCOW)).replace(tzinfo=None)
    assert values(time("x", column.dtype, BERLIN, MOSCOW), column) == [there, None]


@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_time_stamp_that_is_not_of_our_era(unit, zone):
    moments = [dt.datetime(1, 1, 1), dt.datetime(1970, 1, 1), dt.datetime(9999, 12, 31, 23, 59), None]
    column = pl.Series(moments, dtype=pl.Datetime("us")).dt.replace_time_zone(zone).dt.cast_time_unit(unit)
    assert values(time("x", column.dtype, BERLIN, MOSCOW), column) == ["!", "!", "!", None]


def test_a_date_is_the_start_of_its_day():
    column = pl.Series([dt.date(2024, 4, 1), dt.date(1, 1, 1), None])
    assert values(time("x", column.dtype, "America/New_York", MOSCOW), column) == [dt.datetime(2024, 4, 1), "!", None]


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.sampled_from(["ms", "us", "ns"]), st.sampled_from([None, BERLIN]))
@example(2**63 - 1, "us", None)  # `infinity` of PostgreSQL
@example(-(2**63) + 1, "ms", BERLIN)
def test_a_time_stamp_of_any_size_is_a_time_or_of_no_era_of_ours(number, unit, zone):
    column = pl.Series([number], dtype=pl.Int64).cast(pl.Datetime(unit)).dt.replace_time_zone("UTC")
    column = column.dt.convert_time_zone(zone) if zone else column.dt.replace_time_zone(None)
    (found,) = values(time("x", column.dtype, "UTC", "UTC"), column)
    micros = number // 1000 if unit == "ns" else number * 1000 if unit == "ms" else number
    first, end = ((moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) for moment in ERA)
    wanted = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros) if first <= micros < end else "!"
    assert found == wanted
    assert None not in [*values(event_key("x", column.dtype, "Asia/Tokyo"), column), *versions(column)]
    assert None not in values(category("x", column.dtype), column)


def test_a_date_that_no_calendar_has_is_of_no_era_of_ours():
    column = pl.Series([2**31 - 1, -(2**31), 19_723, None], dtype=pl.Int32).cast(pl.Date)
    stamps = pl.Series([2**63 - 1, -(2**63) + 1, 19_723 * 86_400_000_000, None], dtype=pl.Int64)
    moment = dt.datetime(2024, 1, 1)
    assert values(time("x", column.dtype, BERLIN, MOSCOW), column) == ["!", "!", moment, None]
    assert values(day("x", column.dtype), column) == ["?", "?", moment.date(), None]
    assert values(category("x", column.dtype), column) == [
        "after the year 9999", "before the year 1", "2024-01-01", None]  # fmt: skip
    dates, times = versions(column), versions(stamps.cast(pl.Datetime("us")))
    assert dates[:2] == [(on_moscow_clock(LAST_DAY), 0.0), (FIRST_DAY - LONG_AGO, 0.0)]
    assert times[1] < times[2] < times[0]
    days = values(day("x", pl.Datetime("us")), stamps.cast(pl.Datetime("us")))
    assert days == ["?", "?", moment.date(), None]


@given(st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)), st.sampled_from([BERLIN, "Asia/Almaty", "UTC"]))
def test_no_time_without_a_zone_is_lost(moment, zone):
    """Not even within the hour that a clock skips; what it becomes is at most that hour away from Python's own."""
    column = pl.Series([moment])
    (found,) = values(time("x", column.dtype, zone, "UTC"), column)
    wanted = moment.replace(tzinfo=zoneinfo.ZoneInfo(zone)).astimezone(dt.UTC).replace(tzinfo=None)
    assert found in (wanted, wanted - dt.timedelta(hours=1), wanted + dt.timedelta(hours=1))
    assert ERA[0] <= found < ERA[1]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (client, pl.Series([1.0])), (client, pl.Series([True])), (client, pl.Series([[1]])),
        (client, pl.Series([decimal.Decimal("1.5")])), (category, pl.Series([[1]])),
        (number, pl.Series([dt.date(2024, 1, 1)])), (boolean, pl.Series([dt.date(2024, 1, 1)])),
    ],
)  # fmt: skip
def test_a_type_that_can_never_be_of_the_kind_is_refused(kind, column):
    with pytest.raises(UnfitColumnError, match="column 'x' is"):
        kind("x", column.dtype)


def test_a_number_is_no_time():
    with pytest.raises(UnfitColumnError, match=r"column 'x' is Int64.*write times as 2024-03-31"):
        time("x", pl.Int64(), "UTC", "UTC")


def versions(column: pl.Series) -> list[tuple[float, float] | None]:
    typed = version("x", column.dtype, BERLIN, MOSCOW)
    found = column.to_frame("x").select(typed.value.alias("v"), typed.rest.alias("r"), typed.unreadable.alias("u"))
    return [("?", 0.0) if unreadable else None if v is None else (v, r) for v, r, unreadable in found.iter_rows()]


LONG_AGO = 9017e6  # Moscow's clock was 2:30:17 before UTC's


def on_moscow_clock(micros: float) -> float:
    return micros - 3 * 3600e6


WHOLE = st.integers(-(2**63), 2**64 - 1) | st.integers(-3, 3).map(lambda near: 2**53 + near)


@given(st.lists(WHOLE, min_size=2, max_size=8))
def test_versions_are_ordered_as_whole_numbers_are_whichever_type_stores_them(whole):
    stored = [
        pl.Series([str(number) for number in whole]), pl.Series([f" {number}.0 " for number in whole]),
        pl.Series(whole, dtype=pl.Int128), pl.Series([decimal.Decimal(n) for n in whole], dtype=pl.Decimal(38, 0)),
        pl.Series([decimal.Decimal(n) for n in whole], dtype=pl.Decimal(38, 4)),
    ]  # fmt: skip
    stored += [pl.Series(whole, dtype=pl.Int64)] if max(whole) < 2**63 else []
    stored += [pl.Series(whole, dtype=pl.UInt64)] if min(whole) >= 0 else []
    found = [versions(column) for column in stored]
    assert all(other == found[0] for other in found)
    places = range(len(whole))
    assert sorted(places, key=lambda place: found[0][place]) == sorted(places, key=lambda place: whole[place])
    assert all((found[0][a] == found[0][b]) == (whole[a] == whole[b]) for a in places for b in places)


@given(st.lists(st.integers(0, 2**128 - 1) | st.integers(2**127 - 2, 2**127 + 2), min_size=2, max_size=8))
@example([2**127, 5, 2**128 - 1])
def test_versions_beyond_whole_numbers_with_a_sign_keep_their_order(whole):
    """As far as float64 tells them apart: no more digits than `TypedVersion` promises."""
    found = versions(pl.Series(whole, dtype=pl.UInt128))
    assert [value for value, _ in found] == [float(number) for number in whole]
    ordered = [found[place] for place in sorted(range(len(whole)), key=lambda place: whole[place])]
    sizes = [value for value, _ in ordered]
    assert sizes == sorted(sizes)
    assert all(a <= b for a, b in itertools.pairwise(ordered) if abs(b[0]) < 2.0**127)


@given(st.floats(-1e38, 1e38), st.integers(-(2**63), 2**63 - 1))
def test_a_version_that_is_a_float_compares_with_whole_numbers_as_numbers_do(number, whole):
    (one,), (other,) = versions(pl.Series([number])), versions(pl.Series([whole]))
    assert (one < other, one == other) == (number < whole, number == whole)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series([1.5, NAN, INF, None]), [(1.5, 0.0), None, (INF, 0.0), None]),
        (pl.Series(["1.5", "soon", "Infinity", "", None]), [(1.5, 0.0), ("?", 0.0), (INF, 0.0), None, None]),
        (pl.Series(["9999-12-31", "0001-01-01", "1e39"]),
         [(on_moscow_clock(LAST_DAY), 0.0), (FIRST_DAY - LONG_AGO, 0.0), (1e39, 0.0)]),
        (pl.Series([dt.date(9999, 12, 31), dt.date(1, 1, 1)]),
         [(on_moscow_clock(LAST_DAY), 0.0), (FIRST_DAY - LONG_AGO, 0.0)]),
        (pl.Series([dt.date(1971, 1, 2)]), [(on_moscow_clock(366 * 86400e6), 0.0)]),
        (pl.Series([366 * 86400 * 10**9 + 1_234_567, None]).cast(pl.Datetime("ns", MOSCOW)),
         [(366 * 86400e6 + 1234.0, 567.0), None]),
    ],
)  # fmt: skip
def test_a_version_is_a_number_or_a_time(column, expected):
    assert versions(column) == expected


@pytest.mark.parametrize("zone", ["", "Z"])
def test_versions_that_are_times_as_text_are_exact_to_the_nanosecond(zone):
    texts = [f"2024-05-01T10:00:00.{fraction}{zone}" for fraction in ("123456788", "123456789", "1234568", "2")]
    found = versions(pl.Series(texts))
    assert found == sorted(set(found))
    assert [rest for _, rest in found] == [788.0, 789.0, 800.0, 0.0]


MOMENTS = st.datetimes(dt.datetime(2024, 10, 26, 21), dt.datetime(2024, 10, 27, 5)) | st.datetimes(
    dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)
)  # many around the hour that Berlin's clock repeats


@given(st.lists(MOMENTS, min_size=2, max_size=8))
@example([dt.datetime(2024, 10, 27, 0, 30), dt.datetime(2024, 10, 27, 1, 15)])
def test_versions_that_are_times_are_in_the_order_of_the_moments(moments):
    """Whichever way they are written, and also where the bank's clock goes back in between."""
    naive = pl.Series(moments, dtype=pl.Datetime("us"))
    utc = naive.dt.replace_time_zone("UTC")
    stored = [
        (naive, "UTC"), (utc, BERLIN), (utc.dt.convert_time_zone("America/New_York"), BERLIN),
        (naive.dt.to_string("%Y-%m-%d %H:%M:%S%.6f"), "UTC"), (naive.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"), BERLIN),
        (utc.dt.convert_time_zone(BERLIN).dt.to_string("%Y-%m-%d %H:%M:%S%.6f%:z"), MOSCOW),
    ]  # fmt: skip
    for column, zone in stored:
        typed = version("x", column.dtype, zone, BERLIN)
        found = column.to_frame("x").select(typed.value).to_series()
        assert found.to_list() == naive.to_physical().cast(pl.Float64).to_list()


def test_a_version_that_is_a_day_is_the_start_of_that_day_on_the_banks_clock():
    midnight = dt.datetime(2024, 10, 27, tzinfo=zoneinfo.ZoneInfo(BERLIN)).timestamp() * 1e6
    for column in (pl.Series([dt.date(2024, 10, 27)]), pl.Series(["2024-10-27"])):
        typed = version("x", column.dtype, "UTC", BERLIN)
        assert column.to_frame("x").select(typed.value).item() == midnight


MARCH_31 = dt.date(2024, 3, 31)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pl.Series(["2024-03-31", " 2024-03-31T00:00 ", "2024-03-31 00:00:00.000"]), [MARCH_31] * 3),
        (pl.Series(["2024-03-31 00:00:00+03:00", "2024-03-31T00:00:00Z"]), [MARCH_31] * 2),  # as it is written
        (pl.Series(["2024-3-31", "2024-03-31 0:00", "2024-03-31 00:00:00 +0000"]), [MARCH_31] * 3),
        (pl.Series(["2024-03-31 00:00:00.000 UTC", "2024-03-31 00:00:00+03", "2024-03-31T00:00Z"]), [MARCH_31] * 3),
        (pl.Series(["31.03.2024", "20240331", "2024-02-30", "2024-03-31 12:00:00", "today"]), ["?"] * 5),
        (pl.Series(["0001-01-01", "1970-01-01", "9999-12-31", None]), ["?", "?", "?", None]),
        (pl.Series([MARCH_31, None]), [MARCH_31, None]),
        (pl.Series([dt.datetime(2024, 3, 31), dt.datetime(2024, 3, 31, 1)]), [MARCH_31, "?"]),
        (pl.Series([dt.datetime(2024, 3, 31, tzinfo=dt.UTC)]), [MARCH_31]),
        (pl.Series([None, None]), [None, None]),
    ],
)
def test_a_day_is_a_whole_day_of_our_era(column, expected):
    assert values(day("x", column.dtype), column) == expected


def test_a_day_is_no_number():
    with pytest.raises(
        UnfitColumnError, match="column 'x' is Int64, not a date or text of one: write dates as 2024-03-31"
    ):
        day("x", pl.Int64())


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234.50", "1.234.567", "1.234,50", "1 234", "1'234.5", "12,5", " -1\u00a0234 "], True),
        (["(1,234.50)", "1.234,50-", "1\u2019234.50", "1\u2009234", "1,23,456.50", "12,34,567", ",5"], True),
        (["1.234", "1e5", "n/a?", "12 EUR", "12.5%", "(15.33)", "15.33-", "1,2,3", "01.02.2024", "", "NULL"], False),
    ],
)
def test_thousands_and_commas_of_numbers_are_told(texts, expected):
    typed = number("x", pl.String())
    frame = pl.DataFrame({"x": texts})
    assert frame.select(typed.separated).to_series().to_list() == [expected] * len(texts)
    dotted = [text == "1.234.567" for text in texts]
    assert frame.select(typed.dotted).to_series().to_list() == dotted
    assert not expected or frame.select(typed.unreadable).to_series().all()


def test_negative_numbers_of_accountants_are_told():
    typed = number("x", pl.String())
    texts = ["(15.33)", "15.33-", "18-", "15.33 CR", "15DR", "-$15.33", "$-5", "(€5)", "\u200e15.33-"]
    others = ["(1,234.50)", "-1,234.50", "-15.33", "$5", "12-13", "CR", "()", "-", "5 EUR", "NULL"]
    frame = pl.DataFrame({"x": texts + others})
    assert frame.select(typed.negative).to_series().to_list() == [True] * len(texts) + [False] * len(others)
    reasons = frame.select(typed.separated, a=typed.negative, b=typed.in_no_form).sum_horizontal()
    assert reasons.to_list() == frame.select(typed.unreadable.cast(int)).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(15.33)", True), ("15.33-", True), ("15.33 CR", True), ("18 CR", False), ("1\u2019234", True),
     ("1,23,456", True), ("(1,234.50)", True), ("18-", False),
     ("1 234,5", True), ("12 %", True), ("12,5%", True), ("1.234.567", True), ("1'234.50", True), ("$5", True),
     ("100 руб.", True), ("5 USD", True), ("12.5", False), ("1e5", False), ("A1", False), ("18+", False),
     ("1-2", False), ("q1", False), ("USD100", False), ("1,2,3", False), ("", False)],
)  # fmt: skip
def test_a_number_that_is_written_otherwise_is_told_from_a_class(text, expected):
    assert pl.select(written_otherwise(pl.lit(text))).item() is expected


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0, "0%"), (0.001, "0.1%"), (0.00004, "0.004%"), (1e-7, "0.00001%"), (1 / 3000, "0.033%"), (0.01, "1%"),
        (0.025, "2.5%"), (1 / 30, "3.3%"), (0.1, "10%"), (0.125, "12.5%"), (3 / 7, "43%"), (1, "100%"),
    ],
)  # fmt: skip
def test_a_share_is_told_as_it_was_set_or_in_two_digits(share, told):
    assert percent(share) == told


def test_nuls_at_the_end_are_padding():
    padded, plain = pl.Series(["c1\0\0", "c1 \0", "c1\0 ", "\0\0"]), ["c1", "c1", "c1", None]
    for kind in (client, category, lambda name, stored: event_key(name, stored, MOSCOW)):
        assert padded.to_frame("x").select(kind("x", pl.String()).value).to_series().to_list() == plain
    missing = event_key("x", pl.String(), MOSCOW).missing
    assert padded.to_frame("x").select(missing).to_series().to_list() == [False, False, False, True]


def test_what_programs_put_around_a_text_is_no_part_of_it():
    wrapped = ["\ufeff007", "007\u200b", " 007 \u200b ", '="007"', "'007", "'007'", '="\u200b007 "', "007\u2060\0"]
    own = ["'s-Gravenhage", "0'07", '="a"b"', "=007", "'", "a\u200bb", "a\u0438\u0306"]
    nothing = ['=""', "\u200b", "\ufeffNULL", '="null"']
    column = pl.DataFrame({"x": [*wrapped, *own, *nothing]})
    expected = [*["007"] * len(wrapped), *own, *[None] * len(nothing)]
    for kind in (client, category, lambda name, stored: event_key(name, stored, MOSCOW)):
        assert column.select(kind("x", pl.String()).value).to_series().to_list() == expected
    missing = column.select(event_key("x", pl.String(), MOSCOW).missing).to_series()
    assert missing.to_list() == [value is None for value in expected]
    assert values(client("x", pl.String()), pl.Series(["\u200b17.0", '="1.7e+1"'])) == ["?", "?"]


@pytest.mark.parametrize("kind", [pl.String(), pl.Categorical(), pl.Binary()])
@given(ids=st.lists(st.sampled_from(["17", "17.0", "1.7e+1", "??", "?", " a ", "", "NULL", "'17", None])))
def test_a_client_is_usable_where_it_is_neither_unreadable_nor_lost(kind, ids):
    column, typed = pl.DataFrame({"x": pl.Series(ids, dtype=pl.String).cast(kind)}), client("x", kind)
    expected = column.select(pl.when(~typed.unreadable & ~typed.lost).then(typed.value).alias("x")).to_series()
    assert column.select(typed.usable.alias("x")).to_series().to_list() == expected.to_list()


def test_clients_that_have_lost_their_letters_are_told():
    ids = pl.DataFrame(
        {"x": ["??", "?????", "\ufffd17", "a\ufffd", "?", "a?", "??1", None, "17", "¿¿¿¿", "ï¿½1", "?17", "a¿"]}
    )
    found = ids.select(client("x", pl.String()).lost).to_series().to_list()
    assert found == [True] * 4 + [False, False, True, False, False] + [True] * 4
