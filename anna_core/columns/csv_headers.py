"""The header of a CSV file: the names of its columns, or what the file is instead, as far as its beginning tells."""

import csv
import io
from pathlib import Path

import numpy as np

from anna_core.columns.csv_files import BOM, END, QUOTE, BrokenLineError, CsvError, decoded, opened, outside_quotes
from anna_core.columns.parquet_files import PARQUET_MARK
from anna_core.columns.wrapped import unwrapped_name

_MOST = 2**24  # bytes of a header
_READ, _LINES_ABOVE = 2**16, 20  # bytes and lines in which the columns' names are looked for
csv.field_size_limit(_MOST)  # Python's own reader refuses values of more than 128 KiB otherwise
_AS_CSV = "save it as CSV in UTF-8"
_ZSTD_FRAME = b"\x2a\x4d\x18"  # behind one of 16 bytes at the beginning of a frame that readers are to skip
_OTHER_KINDS = {
    b"\xff\xfe\0\0": f"is text in UTF-32; {_AS_CSV}",  # before UTF-16, with which it begins
    b"\0\0\xfe\xff": f"is text in UTF-32; {_AS_CSV}",
    b"\xff\xfe": f"is text in UTF-16; {_AS_CSV} (Excel: CSV UTF-8)",
    b"\xfe\xff": f"is text in UTF-16; {_AS_CSV} (Excel: CSV UTF-8)",
    b"PK\x03\x04": f"is an Excel workbook or another archive, whatever its name says; {_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"is an old Excel workbook, whatever its name says; {_AS_CSV}",
    PARQUET_MARK: "is Parquet, whatever its name says; call it .parquet",
} | {
    bytes([mark]) + _ZSTD_FRAME: (
        "is compressed by zstd in a form that is not read, as of pzstd: it begins with a frame of no data. Compress it "
        "anew by plain zstd or gzip"
    )
    for mark in range(0x50, 0x60)
}
_OTHER_SEPARATORS = {
    ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", "~": "tildes", "\x01": r"Hive's sign \x01",
    "  ": "spaces",
}  # fmt: skip


def csv_header(file: Path) -> list[str]:
    """Names of a CSV file's columns, without what is wrapped around them; "" is a column without a name.

    Raises:
        CsvError: it has none, or one twice, or is not UTF-8 text.
    """
    head = _head(file)
    for mark, kind in _OTHER_KINDS.items():
        if head.startswith(mark):
            raise CsvError(f"{file}: {kind}.")
    if b"\r" in head and b"\n" not in head:
        raise CsvError(f"{file}: its lines end in carriage returns alone, as on old Macs; {_AS_CSV}.")
    try:
        text = decoded(head.removeprefix(BOM), 1, whole=False)
        names = [unwrapped_name(name) for name in next(csv.reader(io.StringIO(text, newline="")), [])]
    except BrokenLineError as broken:
        raise CsvError(f"{file}, {broken}") from None
    except csv.Error as error:
        raise CsvError(f"{file}, line 1: the names of the columns cannot be read: {error}. Correct them.") from None
    if any("\0" in name for name in names):
        raise CsvError(f"{file}: its first line holds zero bytes, as of text in UTF-16; {_AS_CSV}.")
    if not any(names):
        raise CsvError(f"{file} has no line of column names. Write them into its first line.")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        cure = "Rename or drop one; if it is a value, write the columns' names above it."
        raise CsvError(f"{file}, line 1: column {twice[0]!r} is there twice. {cure}")
    return names


def lines_below_first(file: Path) -> list[tuple[int, str]]:
    """Lines 2 to 20 of a file, with their numbers: among them the columns' names may stand, below a title."""
    with opened(file) as stream:
        lines = stream.read(_READ).decode("utf-8", "replace").splitlines()
    return list(enumerate(lines[1:_LINES_ABOVE], start=2))


def title_hint(file: Path, wanted: list[str]) -> str:
    """A sentence for a header that stands below other lines, else nothing.

    Args:
        file: whose line 1 is not it.
        wanted: columns that are in it.
    """
    for number, line in lines_below_first(file):
        if any(set(wanted) <= {name.strip(' "') for name in line.split(sign)} for sign in (",", *_OTHER_SEPARATORS)):
            return f" The columns' names stand in line {number}: remove what is above it."
    return ""


def separator_hint(names: list[str]) -> str:
    """A sentence for a header that is one name with another separator in it, else nothing."""
    found = [word for sign, word in _OTHER_SEPARATORS.items() if len(names) == 1 and sign in names[0]]
    return f" Its columns seem to be parted by {found[0]}: write commas." if found else ""


def _head(file: Path) -> bytes:
    """The beginning of a file, as far as the first record reaches, but no more than `_MOST`."""
    head = b""
    with opened(file) as stream:
        while len(head) < _MOST:
            more = stream.read(min(max(_READ, len(head)), _MOST - len(head)))
            head += more
            codes = np.frombuffer(head, dtype=np.uint8)
            quotes, ends = np.flatnonzero(codes == QUOTE), np.flatnonzero(codes == END)
            if not more or len(outside_quotes(ends, quotes)):
                break
    return head
