"""Values: clients, times, categories, numbers, booleans."""

import datetime as dt

import polars as pl

from anna_tests.cases.bank import EVENTS, CaseBank, events
from anna_tests.cases.case import Bend, Case

CSV = {"format": "csv"}
MCC = {"mcc": {"5411", "6011", "5812", "4111"}}
ROW = pl.int_range(pl.len())


def _with(**columns: pl.Expr | pl.Series | float) -> Bend:
    return lambda bank: bank.put(events().with_columns(**columns)) and None


def _halves(**columns: pl.Expr) -> Bend:
    """The younger file has its columns otherwise."""
    return lambda bank: bank.put_halves(events(), events().with_columns(**columns))


def _some(column: str, every: int, value: object, kind: pl.DataType | None = None) -> dict[str, pl.Expr]:
    """Let every so-many-th row of a column have a value."""
    own = pl.col(column) if kind is None else pl.col(column).cast(kind)
    return {column: pl.when(ROW % every == 0).then(pl.lit(value)).otherwise(own)}


def _text_times(form: str) -> pl.Expr:
    return pl.col("event_time").dt.strftime(form)


def _half_german(bank: CaseBank) -> None:
    moment = pl.when(ROW % 2 == 0).then(_text_times("%d.%m.%Y %H:%M:%S")).otherwise(_text_times("%Y-%m-%d %H:%M:%S"))
    bank.put(events().with_columns(event_time=moment))


def _odd_years(bank: CaseBank) -> None:
    years = pl.Series(["0001-01-01", "1753-01-01", "9999-12-31", "0202-01-01", "1970-01-01"])
    moment = pl.when(len(years) > ROW).then(pl.lit(years).gather(ROW % len(years)))
    bank.put(events().with_columns(event_time=moment.otherwise(_text_times("%Y-%m-%d %H:%M:%S"))))


def _one_moment(stored: pl.DataType, value: int, kind: pl.DataType) -> Bend:
    """Let the row 5,000 have a moment that no calendar has."""
    own = pl.col("event_time").dt.date() if kind == pl.Date else pl.col("event_time").cast(kind)
    return _with(event_time=pl.when(ROW == 5000).then(pl.lit(value, stored)).otherwise(own.to_physical()).cast(kind))


def _moved_days(bank: CaseBank) -> None:
    for day in range(1, 11):
        of_day = events().filter(pl.col("event_time").dt.date() == dt.date(2024, 1, day))
        bank.put(of_day.with_columns(event_time=_text_times("%Y-%m-%dT00:00:00+05:00")), f"{day}")


def _in_the_east(clock: pl.Expr) -> pl.Expr:
    return clock.dt.replace_time_zone("Asia/Tokyo").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")


def _moved_but(every: int) -> Bend:
    """All but every so-many-th event have moved days for times."""
    time = pl.col("event_time")
    return _with(event_time=_in_the_east(pl.when(ROW % every == 0).then(time).otherwise(time.dt.truncate("1d"))))


CASES = [
    # Clients
    Case("float_ids", "client ids 17.0, as a column with a gap becomes",
         _with(client_id=pl.col("client_id").cast(float)),
         refused="column 'client_id' is Float64, but clients are text or whole numbers"),
    Case("20d_csv_float_ids", "client ids 17.0 in a CSV file", _with(client_id=pl.col("client_id").cast(float)), CSV,
         refused="client_id is a decimal number in 1,"),
    Case("few_float_ids", "one id of a hundred written as 17.0", _with(**_some("client_id", 100, "17.0", pl.String())),
         rows=EVENTS - 60, left={"client_id is a decimal number": 60}),
    Case("null_ids", "NULL, None and nothing in place of one id of fifty",
         _with(**_some("client_id", 50, "NULL", pl.String())), CSV,
         rows=EVENTS - 120, left={"client_id is missing": 120}),
    Case("many_null_ids", "a fifth of the rows without a client", _with(**_some("client_id", 5, None)),
         refused="client_id is missing in "),
    Case("null_marks", "what databases write for nothing in place of one id of fifty",
         _with(client_id=pl.when(ROW % 50 == 0)
               .then(pl.lit(pl.Series(["\\N", "(null)", "[NULL]", "?", ".", "-"])).gather(ROW // 50 % 6))
               .otherwise(pl.col("client_id").cast(pl.String))), CSV,
         rows=EVENTS - 120, left={"client_id is missing": 120}),
    Case("lost_ids", "ids of which the export has lost the letters, in a fifth of the rows",
         _with(client_id=pl.when(ROW % 5 == 0).then(pl.lit(pl.Series(["????", "¿¿17"])).gather(ROW % 2))
               .otherwise(pl.col("client_id").cast(pl.String))), CSV,
         refused="client_id has lost its letters in 208 of them (all.csv, line 2: '????'"),
    Case("few_lost_ids", "the same in one row of a hundred",
         _with(**_some("client_id", 100, "?????", pl.String())), CSV,
         rows=EVENTS - 60, left={"client_id has lost its letters": 60}),
    Case("wrapped_ids", "ids and codes as spreadsheets and glued files leave them",
         lambda bank: bank.put_halves(events(), events().with_columns(
             client_id=pl.when(ROW % 3 == 0).then(pl.format("\ufeff{}", "client_id"))
             .when(ROW % 3 == 1).then(pl.format("'{}", "client_id")).otherwise(pl.format('="{}"', "client_id")),
             mcc=pl.format("{}\u200b", "mcc"))) and None, CSV | {"event_key": ["client_id", "event_id"]}, codes=MCC),
    Case("ids_of_128_bits", "clients and codes of 128 bits", _with(
        client_id=pl.col("client_id").cast(pl.Int128) + 2**100, mcc=pl.col("mcc").cast(pl.UInt128)), codes=MCC),
    # Times
    Case("63_year_0001", "the years 1, 202, 1753, 1970 and 9999, which stand for `none`", _odd_years, CSV,
         rows=EVENTS - 5, left={"event_time is outside the years 1971 to 2199": 5}),
    Case("63_year_0001_parquet", "the same as time stamps of Parquet",
         _with(**_some("event_time", 1000, dt.datetime(1, 1, 1))),
         rows=EVENTS - 6, left={"event_time is outside the years 1971 to 2199": 6}),
    Case("infinity_date", "dates that PostgreSQL and DuckDB call infinity, and leave in one row",
         _one_moment(pl.Int32(), 2**31 - 1, pl.Date()),
         rows=EVENTS - 1, left={"event_time is outside the years 1971 to 2199": 1}),
    Case("infinity_us", "the same as time stamps in microseconds",
         _one_moment(pl.Int64(), 2**63 - 1, pl.Datetime("us")),
         rows=EVENTS - 1, left={"event_time is outside the years 1971 to 2199": 1}),
    Case("nanoseconds_for_ms", "a time in nanoseconds that its writer took for milliseconds",
         _one_moment(pl.Int64(), 1_704_070_187 * 10**9, pl.Datetime("ms", "UTC")),
         rows=EVENTS - 1, left={"event_time is outside the years 1971 to 2199": 1}),
    Case("infinity_all", "infinity as all times", _with(event_time=pl.lit(2**63 - 1, pl.Int64).cast(pl.Datetime("us"))),
         refused="event_time is outside the years 1971 to 2199 in 6,000 of them (all.parquet, row 1: 'after the "),
    Case("infinity_values", "infinity in an event's key and as a category",
         _with(valid_to=pl.when(ROW % 2 == 0).then(pl.lit(2**31 - 1)).otherwise(19_723).cast(pl.Int32).cast(pl.Date)),
         {"event_key": ["event_id", "valid_to"], "fields": {"valid_to": "categorical"}},
         codes={"valid_to": {"after the year 9999", "2024-01-01"}}),
    Case("22_half_ddmmyyyy", "half of the times as dd.mm.yyyy", _half_german, CSV,
         refused="event_time is no time in 3,000 of them (all.csv, line 2: '01.01.2024 "),
    Case("few_ddmmyyyy", "one time of a hundred as dd.mm.yyyy",
         _with(**_some("event_time", 100, "31.01.2024", pl.String())),
         rows=EVENTS - 60, left={"event_time is no time": 60}),
    Case("times_as_numbers", "times as 20240331", _with(event_time=_text_times("%Y%m%d").cast(pl.Int64)),
         refused="column 'event_time' is Int64, not a date, a time stamp or text of one"),
    Case("no_times", "a quarter of the rows without a time", _with(**_some("event_time", 4, None)),
         refused="event_time is missing in 1,500 of them (all.parquet, row 1, all.parquet, row 5"),
    Case("moved_days", "days that were cast to time stamps with a zone east of the bank",
         _with(event_time=pl.col("event_time").dt.truncate("1d").dt.replace_time_zone("Asia/Tokyo")),
         refused="all times of $ANNA_HOME/warehouse/cards/all.parquet (6,000) are midnights of a zone other than"),
    Case("nearly_all_moved_days", "the same with the time of a hundred and one events told",
         _moved_but(every=101), refused="5,940 of 6,000 times of $ANNA_HOME/warehouse/cards/all.parquet are midnights"),
    Case("some_moved_days", "the same of one kind of event", _moved_but(every=3), CSV,
         notes=("4,000 of 6,000 times of ",)),
    Case("hourly_events", "events that are counted by the hour, in a zone east of the bank",
         _with(event_time=_in_the_east(pl.col("event_time").dt.truncate("1h")))),
    Case("moved_days_csv", "the same as text, a file a day", _moved_days, CSV,
         refused="1.csv and of 9 more (357) are midnights of a zone other than the bank's, as of days that were "),
    Case("days_west", "days that were cast to time stamps with a zone west of the bank, where they stay their day",
         _with(event_time=pl.col("event_time").dt.truncate("1d").dt.replace_time_zone("UTC"))),
    # Categories
    Case("18_float_codes", "codes that are int64 in old files and float64 in young ones",
         _halves(mcc=pl.col("mcc").cast(float)), codes=MCC,
         notes=("column 'mcc' differs between files: Int64 in 2024Q1.parquet, Float64 in 2024Q2.parquet",)),
    Case("nuls", "codes that are padded with NULs in young files",
         _halves(mcc=pl.format("{}  \0\0", "mcc")), CSV, codes=MCC),
    Case("decimal_codes", "codes that are decimals in young files",
         _halves(mcc=pl.col("mcc").cast(pl.Decimal(10, 2))),
         codes=MCC, notes=("column 'mcc' differs",)),
    Case("text_codes", "codes that are padded text in young files",
         _halves(mcc=pl.format(" {} ", pl.col("mcc").cast(pl.String))), codes=MCC, notes=("column 'mcc' differs",)),
    Case("flag_codes", "a yes/no that is text in young files, as a category",
         _halves(is_online=pl.when("is_online").then(pl.lit("TRUE")).otherwise(pl.lit("False"))),
         {"fields": {"is_online": "categorical"}}, codes={"is_online": {"true", "false"}},
         notes=("column 'is_online' differs",)),
    Case("long_float_codes", "codes of 17 digits that are floats in young files",
         lambda bank: bank.put_halves(
             events().with_columns(mcc=pl.col("mcc") * 10**13),
             events().with_columns(mcc=(pl.col("mcc") * 10**13).cast(float))),
         codes={"mcc": {f"{code}{0:013}" for code in (5411, 6011, 5812, 4111)}}, notes=("column 'mcc' differs",)),
    Case("codes_with_exponent", "codes that Java wrote as floats, 5.411E7, in young files",
         lambda bank: bank.put_halves(
             events().with_columns(mcc=pl.col("mcc") * 10**4),
             events().with_columns(mcc=pl.format(
                 "{}.{}E7", pl.col("mcc") // 1000, (pl.col("mcc") % 1000).cast(pl.String).str.zfill(3)))), CSV,
         codes={"mcc": {f"{code}0000" for code in (5411, 6011, 5812, 4111)}}),
    Case("nothing_words", "NULL, nan and nothing where there is no category",
         _with(city=pl.Series([["NULL", "nan", "", "Riga"][row % 4] for row in range(EVENTS)])), CSV,
         codes={"city": {"<missing>", "Riga"}}),
    Case("duration", "a length of time where a category should be", _with(city=pl.duration(seconds="amount")),
         refused="column 'city' is Duration(time_unit='us'), a length of time, which is no category: write"),
    Case("nested", "a list where a category should be", _with(city=pl.concat_list("city")),
         refused="column 'city' is List(String), but a category is one text or number"),
    # Numbers
    Case("decimal_commas", "amounts as 1.234,50", _with(amount=pl.lit("1.234,50")), CSV,
         refused="amount is written with separate thousands or a decimal comma in 6,0"),
    Case("few_thousands", "thousands that are separated, in the few amounts that have any",
         _with(**_some("amount", 100, "1,234.50", pl.String())), CSV,
         refused="all.csv is refused: of its rows (6,000), amount is written with separate thousands or a decimal "
                 "comma in 60 of them (all.csv, line 2: '1,234.50'"),
    Case("slips_of_thousands", "thousands that are separated in four amounts of 6,000",
         _with(**_some("amount", 1500, "1,234.50", pl.String())), CSV,
         left={"amount is written with separate thousands or a decimal comma": 4}),
    Case("one_million", "one amount of a whole file that shows how its amounts of 1.234 are meant",
         _with(amount=pl.when(ROW == 5000).then(pl.lit("1.234.567")).otherwise(pl.lit("1.234"))), CSV,
         refused="(all.csv, line 5,002: '1.234.567'): thousands are not separated: write numbers as 1234.5. One such"),
    Case("odd_marks", "n/a?, ??? and tbd for one amount of fifty",
         _with(amount=pl.when(ROW % 50 == 0).then(pl.lit(pl.Series(["n/a?", "???", "tbd"])).gather(ROW // 50 % 3))
               .otherwise(pl.col("amount").cast(pl.String))), CSV,
         left={"amount is no number": EVENTS // 50}),
    Case("negatives", "negative amounts as accountants write them",
         _with(amount=pl.when(ROW % 5 == 0).then(pl.format("({})", "amount"))
               .otherwise(pl.col("amount").cast(pl.String))), CSV,
         refused="a negative number has its minus in front: write -1234.5"),
    Case("few_negatives", "negative amounts as accountants write them, in the one of a hundred that is negative",
         _with(amount=pl.when(ROW % 100 == 0).then(pl.format("({})", "amount"))
               .otherwise(pl.col("amount").cast(pl.String))), CSV,
         refused="all.csv is refused: of its rows (6,000), amount is negative as accountants write it in 60 of them "
                 "(all.csv, line 2: '(33.03)'"),
    Case("credits", "CR behind the one amount of a hundred that is a credit",
         _with(**_some("amount", 100, "15.33 CR", pl.String())), CSV,
         refused="a negative number has its minus in front: write -1234.5. So many"),
    Case("swiss_thousands", "thousands as in Switzerland, in the few amounts that have any",
         _with(**_some("amount", 100, "1\u2019234.50", pl.String())), CSV,
         refused="amount is written with separate thousands or a decimal comma in 60 of them"),
    Case("lakhs", "thousands as in India, likewise", _with(**_some("amount", 100, "1,23,456.50", pl.String())), CSV,
         refused="amount is written with separate thousands or a decimal comma in 60 of them"),
    Case("minus_signs", "the minus of mathematics, or one beside a mark of direction, in one amount of a hundred",
         _with(amount=pl.when(ROW % 200 == 0).then(pl.lit("\u22125")).when(ROW % 200 == 100).then(pl.lit("\u200e-5"))
               .otherwise(pl.col("amount").cast(pl.String))), CSV),
    Case("rarely_filled", "a currency beside the amounts of a column that has any in one row of twenty",
         _with(amount=pl.when(ROW % 20 == 0).then(pl.format("${}", "amount"))), CSV,
         refused="2024-01 is refused, as more than 10% of its rows (1,037), or of the values of a column, cannot be "
                 "used: amount is no number in 52 of the 52 rows that have a value in it (all.csv, line 2: '$"),
    Case("slips_of_few", "three slips in a column that has a value in one row of a hundred",
         _with(amount=pl.when(ROW % 2000 == 0).then(pl.lit("x")).when(ROW % 100 == 0).then(pl.lit("5"))), CSV,
         left={"amount is no number": 3}),
    Case("few_odd_numbers", "one amount of a hundred with a currency",
         _with(**_some("amount", 100, "12 EUR", pl.String())),
         left={"amount is no number": 60}),
    Case("infinite", "amounts that are infinite", _with(amount=pl.lit(float("inf"))),
         refused="amount is infinite or beyond 3.4e38 in 1,0"),
    Case("few_too_large", "1e39, 1e400 or -inf for one amount of fifty",
         _with(amount=pl.when(ROW % 50 == 0).then(pl.lit(pl.Series(["1e39", "1e400", "-inf"])).gather(ROW // 50 % 3))
               .otherwise(pl.col("amount").cast(pl.String))), CSV,
         left={"amount is infinite or beyond 3.4e38": EVENTS // 50}),
    Case("nan", "NaN for half of the amounts", _with(**_some("amount", 2, float("nan")))),
    Case("numbers_as_text", "amounts as text", _with(amount=pl.col("amount").cast(pl.String))),
    # Keys
    Case("words_for_no_key", "an event key of which some values are None, ? or the #Н/Д of a spreadsheet",
         _with(event_id=pl.when(ROW % 10 < 3).then(pl.lit(pl.Series(["None", "?", "#Н/Д"])).gather(ROW % 3))
               .otherwise(pl.col("event_id").cast(pl.String))),
         left={"event_id is missing from the event key": 1800},
         notes=("events without 'event_id' have no key",)),
    # Booleans
    Case("13_tf", "t and f", _with(is_online=pl.when("is_online").then(pl.lit("t")).otherwise(pl.lit("f"))), CSV),
    Case("yn", "Y and N", _with(is_online=pl.when("is_online").then(pl.lit("Y")).otherwise(pl.lit("N")))),
    Case("float_flags", "1.0 and 0.0", _with(is_online=pl.col("is_online").cast(float)), CSV),
    Case("other_flags", "words that ANNA does not know as yes or no", _with(is_online=pl.lit("да")), CSV,
         refused="is_online is neither yes nor no in 1,0"),
    Case("flags_of_sap", "X or nothing, as SAP writes yes and no, with one yes of fifty",
         _with(is_online=pl.when(ROW % 50 == 0).then(pl.lit("X"))), CSV,
         refused="is_online is neither yes nor no in 21 of the 21 rows that have a value in it (all.csv, line 2: 'X'"),
    # All of them
    Case("wrapped_values", "what programs put around texts, around all values of the younger file",
         lambda bank: bank.put_halves(events(), events().with_columns(
             event_time=pl.format('="{}"', _text_times("%Y-%m-%d %H:%M:%S")),
             amount=pl.format("\u202a{}\u202c", "amount"), is_online=pl.format("{}\0", "is_online"),
             mcc=pl.format("\u2066{}\u2069", "mcc"))) and None, CSV, codes=MCC),
]  # fmt: skip
