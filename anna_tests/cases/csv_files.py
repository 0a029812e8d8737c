"""CSV files: quotes, commas, headers, encodings."""

import gzip
from collections.abc import Callable

import polars as pl
import pyarrow as pa

from anna_tests.cases.bank import CITIES, EVENTS, CaseBank, as_text, events
from anna_tests.cases.case import Bend, Case

CSV = {"format": "csv"}
CAPITALS = "EVENT_ID,CLIENT_ID,EVENT_TIME,MCC,CITY,AMOUNT,IS_ONLINE"  # as Oracle and Teradata write names


def _notes(text: str, notes: dict[int, str], header: str = "note") -> str:
    """Add a last column that no field uses: `ok`, or some row's own text."""
    head, *lines = text.splitlines()
    return "\n".join([f"{head},{header}", *(f"{line},{notes.get(row, 'ok')}" for row, line in enumerate(lines))]) + "\n"


def _rows_of(frame: pl.DataFrame) -> str:
    return as_text(frame).split("\n", 1)[1]


def _noted(notes: dict[int, str]):
    return lambda bank: bank.put_text(_notes(as_text(events()), notes)) and None


def _shop(bank: CaseBank) -> None:
    head, *lines = as_text(events()).splitlines()
    rows = [line.split(",") for line in lines]
    shops = ["SHOP, LTD" if row % 5 == 0 else "SHOP" for row in range(len(rows))]
    text = [",".join([*row[:3], shop, *row[3:]]) for row, shop in zip(rows, shops, strict=True)]
    columns = head.split(",")
    bank.put_text("\n".join([",".join([*columns[:3], "description", *columns[3:]]), *text]))


def _last_line_cut(bank: CaseBank) -> None:
    bank.put_text(as_text(events())[:-20])


def _separated(sign: str, decimal: str = "."):
    def bend(bank: CaseBank) -> None:
        text = as_text(events()).replace(",", sign)
        bank.put_text(text.replace(".", decimal) if decimal != "." else text)

    return bend


def _one_separated(bank: CaseBank) -> None:
    bank.put_text(as_text(events()[::2]), "a.csv")
    bank.put_text(as_text(events()[1::2]).replace(",", ";"), "b.csv")


def _padded_header(bank: CaseBank) -> None:
    bank.put_text(as_text(events()[::2]), "a.csv")
    head, rows = as_text(events()[1::2]).split("\n", 1)
    bank.put_text(f"{head.replace(',', ' , ')}\n{rows}", "b.csv")


def _named(names: str) -> str:
    """The second half of the events under other names."""
    return "\n".join([names, *as_text(events()[1::2]).splitlines()[1:]])


def _one_in_capitals(bank: CaseBank) -> None:
    bank.put_text(as_text(events()[::2]), "a.csv")
    bank.put_text(_named(CAPITALS), "b.csv")


def _skippable(bank: CaseBank) -> None:
    frame = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size"
    bank.put_text(frame + pa.compress(as_text(events()).encode(), codec="zstd", asbytes=True), "all.csv.zst")


def _encoded(encoding: str):
    return lambda bank: bank.put_text(as_text(events()).replace("São", "Sao").encode(encoding)) and None


def _glued(otherwise: Callable[[str], str], count: int = 3) -> Bend:
    """Files put together, all but the first of them otherwise."""

    def bend(bank: CaseBank) -> None:
        first, *others = (as_text(part) for part in events().iter_slices(EVENTS // count))
        bank.put_text("\ufeff".join([first, *map(otherwise, others)]))

    return bend


def _in_quotes_or_capitals(text: str) -> str:
    header, _, rows = text.partition("\n")
    names = header.split(",")
    quoted = int(rows.partition(",")[0]) % 4  # by the first event's id
    again = ", ".join(names).upper() if quoted else ",".join(f'"{name}"' for name in names)
    return f"{again}\n{rows}"


CASES = [
    Case("plain", "a sound CSV file", lambda bank: bank.put(events()) and None, CSV),
    Case("windows", "line ends of Windows, and a byte order mark",
         lambda bank: bank.put_text("\ufeff" + as_text(events()).replace("\n", "\r\n")) and None, CSV),
    Case("compressed", "a CSV file compressed by gzip",
         lambda bank: bank.put_text(gzip.compress(as_text(events()).encode()), "all.csv.gz") and None, CSV),
    Case("02b_two_stray_quotes_unused", "inch marks in two rows of a text column that no field uses",
         _noted({99: '12" pipe', 200: '5" pipe'}), CSV,
         refused="all.csv, line 101: a quote stands within a value: '99,"),
    Case("quotes_in_pairs", "a company's name in quotes within an unquoted value",
         _noted({99: 'OOO "Рога" и копыта'}), CSV),
    Case("open_quote", "a quoted value that never ends",
         _noted({5990: '"pipe'}), CSV, refused="all.csv, line 5,992: a quote is opened and never closed"),
    Case("15_unquoted_comma_unused_middle", "`SHOP, LTD` unquoted in a column that no field uses",
         _shop, CSV, refused="all.csv, line 2: 9 fields below a header of 8: '0,"),
    Case("cut_off", "a file that ends within a row, as a copy that broke off", _last_line_cut, CSV,
         refused="all.csv, line 6,001: 4 fields below a header of 7: '5999,"),
    Case("10_duplicate_column", "a column's name twice",
         lambda bank: bank.put_text(_notes(as_text(events()), {}, "amount")) and None, CSV,
         refused="all.csv, line 1: column 'amount' is there twice"),
    Case("no_header", "a file without a line of column names",
         lambda bank: bank.put_text(as_text(events()).split("\n", 1)[1]) and None, CSV,
         refused="all.csv, line 1: there is no column ['client_id', 'event_time', 'event_id', 'mcc', 'city', "),
    Case("empty_file", "an empty file", lambda bank: bank.put_text("") and None, CSV,
         refused="all.csv has no line of column names"),
    Case("title_above", "a title above the line of column names",
         lambda bank: bank.put_text("Cards of 2024\n" + as_text(events())) and None, CSV,
         refused="but ['Cards of 2024']. The columns' names stand in line 2: remove what is above it."),
    Case("title_above_semicolons", "two lines of title, and semicolons between columns",
         lambda bank: bank.put_text("Cards of 2024\n\n" + as_text(events()).replace(",", ";")) and None, CSV,
         refused="but ['Cards of 2024']. The columns' names stand in line 3: remove what is above it."),
    Case("one_of_two_with_semicolons", "semicolons in one of two files", _one_separated, CSV,
         refused="b.csv, line 1: there is no column ['client_id', 'event_time', 'event_id'], but ['event_id;"),
    Case("semicolons", "semicolons between columns", _separated(";"), CSV,
         refused="Its columns seem to be parted by semicolons: write commas"),
    Case("tabs", "tabs between columns", _separated("\t"), CSV, refused="parted by tabs: write commas"),
    Case("hive_signs", "Hive's own sign between columns", _separated("\x01"), CSV,
         refused=r"parted by Hive's sign \x01: write commas"),
    Case("tildes", "tildes between columns", _separated("~"), CSV, refused="parted by tildes: write commas"),
    Case("spaces", "two spaces between columns", _separated("  "), CSV, refused="parted by spaces: write commas"),
    Case("capitals", "the columns' names in capitals", lambda bank: bank.put_text(_named(CAPITALS)) and None, CSV,
         refused="'CLIENT_ID', 'EVENT_TIME', 'EVENT_ID', 'MCC', 'CITY', 'AMOUNT', 'IS_ONLINE' are there, and letter "
                 "case and padding count: write `columns: {client_id: CLIENT_ID, event_time: EVENT_TIME}`, "
                 "`event_key: [EVENT_ID]`, `fields: {MCC: categorical, CITY: categorical, AMOUNT: numeric, "
                 "IS_ONLINE: boolean}` in cards.yaml."),
    Case("capitals_of_two", "two columns that only letter case tells apart, neither of them as it is asked for",
         lambda bank: bank.put_text(_named("event_id,Client_Id,event_time,Amount,city,amounT,is_online")) and None,
         CSV | {"fields": {"amount": "numeric"}},
         refused="'Client_Id' is there, and letter case and padding count: write `columns: {client_id: Client_Id, "
                 "event_time: event_time}` in cards.yaml. The others are not there. Correct them in cards.yaml."),
    Case("one_of_two_in_capitals", "capitals in one of two files", _one_in_capitals, CSV,
         refused="Rename 'CLIENT_ID' to 'client_id', 'EVENT_TIME' to 'event_time', 'EVENT_ID' to 'event_id' in it: "),
    Case("padded_header", "spaces around the columns' names of one of two files", _padded_header, CSV),
    Case("no_header_but_a_value_twice", "a first row that has one value twice in place of the columns' names",
         lambda bank: bank.put_text(as_text(events()).split("\n", 1)[1].replace("0,239,", "239,239,", 1)) and None, CSV,
         refused="column '239' is there twice. Rename or drop one; if it is a value, write the columns' names above"),
    Case("cp1251", "text of Windows' Cyrillic code page", _encoded("cp1251"), CSV,
         refused=r"all.csv, line 2: the text is not UTF-8: '0,239,2024-01-01 00:49:47,4111,\xcf\xf1\xea\xee\xe2,"),
    Case("utf_16", "UTF-16, as Excel's `Unicode text`", _encoded("utf-16"), CSV,
         refused="all.csv: is text in UTF-16; save it as CSV in UTF-8"),
    Case("utf_32", "UTF-32", _encoded("utf-32"), CSV, refused="all.csv: is text in UTF-32; save it as CSV in UTF-8"),
    Case("utf_16_unmarked", "UTF-16 without the mark at its beginning", _encoded("utf-16-le"), CSV,
         refused="all.csv: its first line holds zero bytes, as of text in UTF-16; save it as CSV in UTF-8"),
    Case("skippable_frame", "a CSV file that pzstd compressed", _skippable, CSV,
         refused="all.csv.zst: is compressed by zstd in a form that is not read, as of pzstd"),
    Case("glued", "three files glued together, with their byte order marks", _glued(lambda text: text), CSV,
         rows=EVENTS, left={"event_time holds the column's name, as a header does": 2}),
    Case("glued_of_many", "a thousand small files glued together", _glued(lambda text: text, 1000), CSV,
         rows=EVENTS, left={"event_time holds the column's name, as a header does": 999}),
    Case("glued_in_quotes", "a thousand small files glued together whose names are in quotes, or capitals with spaces",
         _glued(_in_quotes_or_capitals, 1000), CSV,
         rows=EVENTS, left={"event_time holds the column's name, as a header does": 999}),
    Case("glued_with_another_time", "files glued together of which one calls its time otherwise",
         _glued(lambda part: part.replace("event_time", "ts")), CSV,
         refused="all.csv, line 2,002: the columns' names stand here again, but not the same: 'event_id,client_id,ts,"),
    Case("glued_of_other_names", "files glued together of which one has no name of the others but the time's",
         _glued(lambda part: "id,customer,event_time,town,code,sum,online\n" + part.partition("\n")[2]), CSV,
         refused="all.csv, line 2,002: the columns' names stand here again, but not the same: 'id,customer,event"),
    Case("glued_in_another_order", "files glued together that have their columns in another order",
         _glued(lambda part: as_text(pl.read_csv(part.encode()).select("event_id", "client_id", "event_time", "city",
                                                                       "mcc", "amount", "is_online"))), CSV,
         refused="all.csv, line 2,002: the columns' names stand here again, in another order: 'event_id,client_id,"),
    Case("glued_of_other_columns", "files glued together of which some have another column in the place of one",
         _glued(lambda part: part.replace("mcc", "mcc_group")), CSV,
         refused="all.csv, line 2,002: the columns' names stand here again, but not the same: 'event_id,client_id,"),
    Case("empty_lines", "an empty line at the end", lambda bank: bank.put_text(as_text(events()) + "\n") and None, CSV,
         left={"no column has a value": 1}, rows=EVENTS),
    Case("blank_end", "a spreadsheet's commas below the table, a thousand lines of them",
         lambda bank: bank.put_text(as_text(events()) + ",,,,,,\n , ,,,,, \n" * 500) and None, CSV,
         left={"no column has a value": 1000}, rows=EVENTS),
    Case("blank_between", "such lines between the rows of glued sheets, beside two rows without a time",
         lambda bank: bank.put_text(
             as_text(events().head(3000)) + ",,,,,,\n" * 1000 + _rows_of(events().tail(3000)) + "1,1,,,,,\n" * 2)
         and None, CSV, left={"no column has a value": 1000, "event_time is missing": 2}, rows=EVENTS),
    Case("blank_but_for_others", "rows that have a value in a column that no field uses, and none elsewhere",
         lambda bank: bank.put_text(_notes(as_text(events()) + ",,,,,,\n" * 1000, {})) and None, CSV,
         refused="event_time is missing in 1,000 of them (all.csv, line 6,002"),
    Case("wrapped_header", "what programs put around names, around those of one of two files",
         lambda bank: bank.put_halves(events(), events().rename(
             {"city": "\u200bcity", "event_time": "event_time\0\0", "amount": '="amount"', "mcc": "\u202amcc\u202c"}))
         and None, CSV, codes={"mcc": {"5411", "6011", "5812", "4111"}, "city": set(CITIES)}),
]  # fmt: skip
