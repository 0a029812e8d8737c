"""Samples that real banks bring: sixty clients, bent in one way each."""

import datetime as dt
import decimal
import gzip
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anna_core.errors import AnnaError
from anna_core.keys import sample_key
from anna_core.samples.inbox import find_upload
from anna_core.samples.resting import stamps_of
from anna_core.samples.sample import Sample
from anna_core.samples.staging import stage_sample

CLIENTS = 60
KEY = sample_key("churn", "q1")
HEX = "3636638817772e42"  # an id that looks like a float's exponent

Content = bytes | pl.DataFrame


@dataclass(frozen=True)
class SampleCase:
    """One upload, and what becomes of it.

    Attributes:
        told: what a person would say was wrong with it, or odd.
        content: bytes of the file, or a table that is written as the file's name says.
        file: its name.
        says: where it is refused, what the message must hold; empty where it is read.
        right: where it is read, whether the sample is right.
        options: what the user says of the task.
    """

    told: str
    content: Content
    file: str = "q1.csv"
    says: tuple[str, ...] = ()
    right: Callable[[Sample], bool] = lambda made: len(made) == CLIENTS and made.task.type == "binary"
    options: dict[str, object] = field(default_factory=dict)

    def put(self, folder: Path) -> Path:
        """Write the file into a folder."""
        path = folder / self.file
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
        else:
            self.content.write_parquet(path)
        return path

    def bring(self, folder: Path) -> Sample:
        """Register the sample as `anna submit`, GraphQL and the Launchpad do."""
        origin = str(self.put(folder))
        return stage_sample(origin, KEY, self.options, folder / "inbox", stamps_of(origin))


def table(**columns: list) -> pl.DataFrame:
    """The sample that is right, with other or further columns."""
    right = {
        "client_id": [f"c{i:02}" for i in range(CLIENTS)],
        "as_of": ["2024-03-31"] * CLIENTS,
        "target": [i % 2 for i in range(CLIENTS)],
    }
    return pl.DataFrame(right | columns)


def text(**columns: list) -> str:
    """The same as CSV."""
    return table(**columns).write_csv()


def each(*head: object, then: tuple = ()) -> list:
    """A column: these values first, then others in turn, or the same ones again."""
    return list(islice(chain(head, cycle(then or head)), CLIENTS))


def _with_line(number: int, line: str) -> bytes:
    lines = text(shop=["s"] * CLIENTS).splitlines()
    lines[number - 1] = line
    return "\n".join(lines).encode()


def _excel() -> bytes:
    return b"PK\x03\x04" + bytes(100)


def _parquet(**columns: pa.Array) -> bytes:
    """A sample as Parquet, with columns of types that Polars may lack."""
    made = table().to_arrow()
    for name, values in columns.items():
        place = made.schema.get_field_index(name)
        made = made.set_column(place, name, values) if place >= 0 else made.append_column(name, values)
    file = pa.BufferOutputStream()
    pq.write_table(made, file)
    return file.getvalue().to_pybytes()


def _csv(**columns: list) -> bytes:
    return text(**columns).encode()


NUMBERED = list(range(CLIENTS))
AMOUNTS = [f"{i}.25" for i in range(CLIENTS)]

REFUSED_FILES = (
    SampleCase("An Excel workbook", _excel(), "q1.xlsx", ("is an Excel workbook", "save its sheet as CSV")),
    SampleCase(
        "An Excel workbook that is called .csv", _excel(), "q1.csv", ("Excel workbook", "save it as CSV in UTF-8")
    ),
    SampleCase("An archive", _excel(), "q1.zip", ("q1.zip: is an archive", "unpack it")),
    SampleCase("A file of another kind", b"x", "q1.txt", ("is no sample by its name", ".csv.gz")),
    SampleCase("CSV that is called .parquet", _csv(), "q1.parquet", ("is not Parquet, whatever its name says",)),
    SampleCase("An empty file", b"", says=("has no line of column names",)),
    SampleCase("A header alone", b"client_id,as_of,target\n", says=("has no rows",)),
    SampleCase(
        "A column of decimals that are too long",
        _parquet(note=pa.array([decimal.Decimal("1.5")] * CLIENTS, pa.decimal256(50, 2))),
        "q1.parquet",
        ("column 'note' holds decimals of 50 digits", "Write it as DECIMAL(38, 9)", "not used may be left out"),
    ),
    SampleCase(
        "A column of bytes that are no text",
        _parquet(client_id=pa.array([b"c", b"\xcc", *[b"d"] * (CLIENTS - 2)])),
        "q1.parquet",
        ("column client_id holds bytes that are no text in UTF-8, first in row 2", "a UUID in its letters"),
    ),
    SampleCase(
        "Names of columns in capitals",
        text().upper().encode(),
        says=(
            "found ['CLIENT_ID', 'AS_OF', 'TARGET']",
            "Rename CLIENT_ID to client_id, AS_OF to as_of, TARGET to target: letter case and padding count.",
        ),
    ),
    SampleCase("A damaged .csv.gz", gzip.compress(_csv())[:60], "q1.csv.gz", ("is damaged or incomplete",)),
    SampleCase(
        "Semicolons between the values",
        _csv().replace(b",", b";"),
        says=("line 1", "parted by semicolons", "write commas"),
    ),
    SampleCase(
        "Tabs between the values", _csv().replace(b",", b"\t"), says=("line 1", "parted by tabs", "write commas")
    ),
    SampleCase(
        "A title above the header",
        b"Churn, first quarter\n\n" + _csv(),
        says=("line 3", "Remove what is above this line"),
    ),
    SampleCase("Text in Windows-1251", text(city=["Омск"] * CLIENTS).encode("cp1251"), says=("line 2", "not UTF-8")),
    SampleCase("Text in UTF-16", text().encode("utf-16"), says=("UTF-16", "save it as CSV in UTF-8")),
    SampleCase("Lines of an old Mac", _csv().replace(b"\n", b"\r"), says=("carriage returns alone",)),
)

REFUSED_LINES = (
    SampleCase(
        "A stray quote in a column that is not used", _with_line(5, 'c03,2024-03-31,1,5" pipe'),
        says=("line 5", "a quote stands within a value", '5" pipe', "in quotes"),
    ),
    SampleCase(
        "A quote that is never closed", _with_line(61, 'c59,2024-03-31,1,"pipe'), says=("line 61", "never closed")
    ),
    SampleCase(
        "A comma without quotes", _with_line(7, "c05,2024-03-31,1,SHOP, LTD"),
        says=("line 7", "5 fields below a header of 4", "SHOP, LTD", "in quotes"),
    ),
    SampleCase(
        "A line with too few values",
        _with_line(9, "c07,2024-03-31,1"), says=("line 9", "3 fields below", "also those that are empty")
    ),
    SampleCase(
        "One column name twice", b"client_id,as_of,target,target\na,2024-03-31,1,1\n",
        says=("line 1", "'target' is there twice"),
    ),
    SampleCase("No column client_id", _csv().replace(b"client_id", b"client"), says=("has the columns", "['client',")),
)  # fmt: skip

REFUSED_VALUES = (
    SampleCase(
        "Client ids that were floats", _csv(client_id=[f"{i}.0" for i in NUMBERED]),
        says=("column client_id holds numbers with decimals", "write 17, not 17.0", "row 1: client_id '0.0'"),
    ),
    SampleCase(
        "Client ids that a spreadsheet rounded", _csv(client_id=["4.2E+15", *map(str, NUMBERED[1:])]),
        says=("column client_id holds numbers", "1 of 60 rows", "row 1: client_id '4.2E+15'"),
    ),
    SampleCase(
        "Client ids that were floats, below zero or without a digit behind the point",
        _csv(client_id=["17.", "-17.0", "-1.5e+18", "-2.", *map(str, NUMBERED[4:])]),
        says=("column client_id holds numbers", "4 of 60 rows", "row 2: client_id '-17.0'"),
    ),
    SampleCase(
        "Client ids stored as floats", table(client_id=[float(i) for i in NUMBERED]), "q1.parquet",
        ("column 'client_id' is Float64", "17 and not 17.0"),
    ),
    SampleCase(
        "NULL for a client", _csv(client_id=["NULL", *map(str, NUMBERED[1:])]), says=("client_id is empty", "row 1")
    ),
    SampleCase(
        "None for a client", _csv(client_id=["None", *map(str, NUMBERED[1:])]), says=("client_id is empty", "row 1")
    ),
    SampleCase(
        "A client twice at one date", _csv(client_id=["1", " 1 ", *map(str, NUMBERED[2:])]),
        says=("the same client_id and as_of", "row 1", "row 2"),
    ),
    SampleCase(
        "Dates as 31.03.2024", _csv(as_of=each("31.03.2024")), says=("as_of is not a whole day", "60 of 60", "row 1")
    ),
    SampleCase(
        "A moment within a day", table(as_of=each(dt.datetime(2024, 3, 31, 12))), "q1.parquet",
        ("as_of is not a whole day", "write dates as 2024-03-31"),
    ),
    SampleCase(
        "9999-12-31 and 1970-01-01 for no date", _csv(as_of=each("9999-12-31", "1970-01-01", then=("2024-03-31",))),
        says=("as_of is not a whole day of our time", "2 of 60 rows"),
    ),
    SampleCase(
        "A date that PostgreSQL and DuckDB call infinity",
        table(as_of=pl.Series([2**31 - 1] + [19_813] * (CLIENTS - 1), dtype=pl.Int32).cast(pl.Date)), "q1.parquet",
        ("as_of is not a whole day of our time", "1 of 60 rows", "row 1: client_id 'c00', as_of 'after the year 9999'"),
    ),
    SampleCase(
        "The same as a time stamp",
        table(as_of=pl.Series([2**63 - 1] + [1_711_843_200_000_000] * (CLIENTS - 1), dtype=pl.Int64)
              .cast(pl.Datetime("us"))), "q1.parquet",
        ("as_of is not a whole day of our time", "1 of 60 rows", "row 1: client_id 'c00', as_of 'after the year 9999'"),
    ),
    SampleCase(
        "No target in some rows", _csv(target=each("NA", "", then=("1", "0"))), says=("target is empty", "2 of 60")
    ),
    SampleCase("One outcome in all rows", _csv(target=each("1", "1.0")), says=("there is nothing to learn",)),
    SampleCase(
        "None beside yes and no",
        _csv(target=each("None", then=("1", "0"))), says=("None beside yes and no, first in row 1",)
    ),
    SampleCase(
        "A sign for nothing beside 0 and 1", _csv(target=each("1", "?", then=("1", "0"))),
        says=("the target is missing in row 2, which has '?'", "say `type: multiclass`"),
    ),
    SampleCase(
        "A sign for nothing beside words", _csv(target=each("yes", ".", then=("yes", "no"))),
        says=("the target is missing in row 2, which has '.'", "say `type: multiclass`"),
    ),
    SampleCase(
        "Amounts with a decimal comma", table(target=[f"{i},25" for i in NUMBERED]), "q1.parquet",
        ("'0,25' in row 1", "the decimal sign is a point"),
    ),
    SampleCase(
        "Amounts with thousands apart", _csv(target=[*AMOUNTS[1:], "1 234.50"]),
        says=("'1 234.50' in row 60", "thousands are not separated"),
    ),
    SampleCase(
        "Amounts with a percent sign", _csv(target=[f"{i}%" for i in NUMBERED]),
        says=("'0%' in row 1", "a percent sign is")
    ),
    SampleCase(
        "Amounts with a currency", _csv(target=[f"${i}" for i in NUMBERED]),
        says=("'$0' in row 1", "no unit or currency")
    ),
    SampleCase(
        "A word among amounts that are to be predicted", _csv(target=["x", *AMOUNTS[1:]]),
        options={"type": "regression"},
        says=("target holds 'x' in row 1 (1 of 60 rows are so)", "write numbers as 1234.5"),
    ),
    SampleCase(
        "An infinite amount among few", _csv(target=each("inf", then=("0.5", "1.5"))),
        says=("target holds 'inf' in row 1 (1 of 60 rows are so)", "remove these rows"),
    ),
    SampleCase(
        "An amount of more than 3.4e38", table(target=[1e39, *map(float, NUMBERED[1:])]), "q1.parquet",
        ("target holds 1e+39 in row 1", "below 3e38", "a greater unit"),
    ),
    SampleCase(
        "Amounts that differ in the tenth digit only", _csv(target=[f"{1e9 + 0.001 * i:.3f}" for i in NUMBERED]),
        says=("goes from 1000000000.0 to 1000000000.059", "7 digits", "Subtract the same amount, such as 1000000000.0"),
    ),
    SampleCase(
        "Another value beside yes and no", _csv(target=each(2, then=(1, 0))), options={"type": "binary"},
        says=("target holds '2' in row 1", "write 1 and 0"),
    ),
    SampleCase(
        "Weights with a decimal comma", table(weight=["0,5"] * CLIENTS), "q1.parquet",
        ("weight must hold positive numbers, 1e-12 to 1e+12; the decimal sign is a point", "60 of 60"),
    ),
    SampleCase(
        "Infinite weights", _csv(weight=each("inf", "1e39", then=("2.0",))),
        says=("weight must hold positive numbers", "2 of 60 rows", "weight 'inf'"),
    ),
    SampleCase(
        "Weights that no sum can hold", _csv(weight=each("1e38", "1e-30", then=("2.0",))),
        says=("weight must hold positive numbers, 1e-12 to 1e+12", "2 of 60 rows", "weight '1e38'"),
    ),
    SampleCase(
        "Weights below zero", _csv(weight=each(-1.0, then=(2.0,))), says=("weight must hold positive numbers", "row 1")
    ),
)  # fmt: skip

READ = (
    SampleCase(
        "A target that Arrow calls bool8, and text that it calls JSON",
        _parquet(
            target=pa.ExtensionArray.from_storage(pa.bool8(), pa.array([i % 2 for i in range(CLIENTS)], pa.int8())),
            note=pa.ExtensionArray.from_storage(pa.json_(pa.string()), pa.array(["{}"] * CLIENTS)),
        ),
        "q1.parquet",
    ),
    SampleCase(
        "Midnights of a zone, which are moments of the day before in UTC",
        table(as_of=pl.Series([dt.datetime(2024, 3, 31)] * CLIENTS).dt.replace_time_zone("Europe/Moscow")),
        "q1.parquet",
        right=lambda made: made.rows["as_of"].to_list() == [dt.date(2024, 3, 31)] * CLIENTS,
    ),
    SampleCase("A mark of UTF-8 at the begin", text().encode("utf-8-sig")),
    SampleCase("Lines that end as on Windows", _csv().replace(b"\n", b"\r\n")),
    SampleCase("Quotes where they belong", _with_line(5, '"c03","2024-03-31","1","5"" pipe, LTD"')),
    SampleCase("Empty lines and commas alone at the end", _csv() + b",,\n , , \n\n\n"),
    SampleCase("Empty lines and commas alone between rows", _csv().replace(b"\nc05", b"\n,,\n\n , ,\nc05")),
    SampleCase(
        "Names with signs that nobody sees around them",
        _csv().replace(b"client_id,as_of", "\u200bclient_id,as_of\0".encode()),
    ),
    SampleCase("An ending in capitals", _csv(), "Q1.CSV"),
    SampleCase("Compressed", gzip.compress(_csv()), "q1.csv.gz"),
    SampleCase("Compressed, in capitals", gzip.compress(_csv()), "Q1.CSV.GZ"),
    SampleCase(
        "Columns without a name", _csv().replace(b"\n", b",,\n")
    ),
    SampleCase(
        "Columns whose names look like patterns",
        text(**{"*": NUMBERED, "^.*$": NUMBERED, "target*": NUMBERED}).encode(),
        right=lambda made: made.rows.columns == ["client_id", "as_of", "target", "weight", "split", "fold"],
    ),
    SampleCase(
        "Columns whose names look like patterns, as Parquet",
        table(**{"*": NUMBERED, "^c.*$": NUMBERED}), "q1.parquet",
        right=lambda made: made.rows["client_id"].to_list() == [f"c{i:02}" for i in NUMBERED],
    ),
    SampleCase(
        "Ids in hex", _csv(client_id=[HEX, *(f"{i:016x}" for i in NUMBERED[1:])]),
        right=lambda made: made.rows["client_id"][0] == HEX,
    ),
    SampleCase(
        "Padded ids", _csv(client_id=[f"  {i} " for i in NUMBERED]),
        right=lambda made: made.rows["client_id"].to_list() == [str(i) for i in NUMBERED],
    ),
    SampleCase(
        "Ids with leading zeros", _csv(client_id=[f"{i:04}" for i in NUMBERED]),
        right=lambda made: made.rows["client_id"][7] == "0007",
    ),
    SampleCase(
        "Whole ids of a database", table(client_id=[decimal.Decimal(i) for i in NUMBERED]).with_columns(
            pl.col("client_id").cast(pl.Decimal(20, 0))
        ),
        "q1.parquet", right=lambda made: made.rows["client_id"][7] == "7",
    ),
    SampleCase(
        "Classes 1 and 1.0", _csv(target=each("1", "1.0", "2", "2.0", "3", "3")),
        right=lambda made: made.task.classes == ("1", "2", "3") and made.target[:4].tolist() == [0, 0, 1, 1],
    ),
    SampleCase(
        "Classes as floats", table(target=each(1.0, 2.0, 3.0)), "q1.parquet",
        right=lambda made: made.task.classes == ("1", "2", "3"),
    ),
    SampleCase(
        "Classes as decimals",
        table(target=each("1.00", "2.00", "3.00")).with_columns(pl.col("target").str.to_decimal(scale=2)), "q1.parquet",
        right=lambda made: made.task.classes == ("1", "2", "3"),
    ),
    SampleCase("Yes and no in several ways", _csv(target=each("Y", "n", "1.0", "0", "TRUE", "f", "yes"))),
    SampleCase(
        "Signs for no group", _csv(group_id=["?", ".", "-", "NULL", ""] * 12),
        right=lambda made: made.rows["group_id"].to_list()[:3] == [None] * 3 and "Group" not in str(made.task.guesses),
    ),
    SampleCase("t and f", _csv(target=each("t", "f"))),
    SampleCase("Midnight in a zone", _csv(as_of=each("2024-03-31 00:00:00+03:00"))),
    SampleCase(
        "Dates as BigQuery, Snowflake, PostgreSQL, spreadsheets and people write them",
        _csv(as_of=each("2024-03-31 00:00:00 UTC", "2024-03-31 00:00:00.000 +0000", "2024-03-31 00:00:00+03",
                        "'2024-03-31", "2024-03-31\0", "2024-3-31")),
        right=lambda made: made.rows["as_of"].to_list() == [dt.date(2024, 3, 31)] * CLIENTS,
    ),
    SampleCase(
        "good and bad", _csv(target=each("good", "bad")),
        right=lambda made: (made.task.type, made.task.classes) == ("multiclass", ("bad", "good")),
    ),
    SampleCase(
        "None as a class", _csv(target=each("None", "card", "loan")),
        right=lambda made: made.task.classes == ("None", "card", "loan"),
    ),
    SampleCase(
        "Bands beside 0 and 1", _csv(target=each("0", "1", "2+")), right=lambda made: made.task.type == "multiclass"
    ),
    SampleCase(
        "A word beside 0 and 1 as a class, said so", _csv(target=each("0", "1", "many")),
        options={"type": "multiclass"},
        right=lambda made: made.task.classes == ("0", "1", "many"),
    ),
    SampleCase(
        "Plus and minus as classes", _csv(target=each("+", "-")), right=lambda made: made.task.classes == ("+", "-")
    ),
    SampleCase(
        "Bands as classes", _csv(target=each("A1", "18+", "1-2")), right=lambda made: made.task.type == "multiclass"
    ),
    SampleCase(
        "Percent as classes, said so", _csv(target=each("10%", "20%")), options={"type": "multiclass"},
        right=lambda made: made.task.classes == ("10%", "20%"),
    ),
)  # fmt: skip

REFUSED = {
    "The file": REFUSED_FILES,
    "Lines of a CSV": REFUSED_LINES,
    "Columns and values": REFUSED_VALUES,
}


def two_files_of_one_sample(folder: Path) -> None:
    """Ask for a sample that lies in the inbox as CSV and as Parquet."""
    inbox = folder / "inbox" / KEY.task
    inbox.mkdir(parents=True)
    (inbox / "q1.csv").write_bytes(_csv())
    table().write_parquet(inbox / "q1.parquet")
    find_upload(folder / "inbox", str(KEY))


_SAMPLES = """
## Samples

`anna submit`, GraphQL and the Launchpad say it at once, the page of `uploads` and `anna status` of files that were
dropped into the inbox. Row 1 is the first one below a CSV's header; lines are counted as an editor does. What can be
read in one way only is read, such as a byte order mark, `.CSV`, `.csv.gz`, padding, classes that are stored as 1.0.
"""


def sample_refusals() -> str:
    """The part of docs/errors.md on samples."""
    told = {group: [(case.told, _said(case.bring)) for case in cases] for group, cases in REFUSED.items()}
    told["The file"].append(("A sample as CSV and as Parquet", _said(two_files_of_one_sample)))
    parts = [_SAMPLES]
    for group, entries in told.items():
        parts.append(f"\n### {group}\n")
        parts += [f"\n**{what}**\n\n```\n{said}\n```\n" for what, said in entries]
    return "".join(parts)


def _said(bring: Callable[[Path], object]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        try:
            bring(Path(folder))
        except AnnaError as error:
            return str(error).replace(folder, "/data")
    raise AssertionError("was not refused")
