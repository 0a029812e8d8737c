"""Whether a CSV file is whole and even: every record has the header's number of fields, every quote its partner.

A reader that parses some columns alone does not look at the quotes of the others and loses rows without a word (with
Polars: 100 of 6,000 by two inch marks). So each file is looked over once, byte by byte, before it is read.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from anna_core.errors import AnnaError

_BLOCK = 2**24  # bytes read at once
_LONGEST_RECORD = 2**26  # bytes; a longer one is an open quote that swallows the rest of the file
_QUOTE, _COMMA, _END, _RETURN = (ord(sign) for sign in '",\n\r')
csv.field_size_limit(_LONGEST_RECORD)  # Python's own reader refuses values of more than 128 KiB otherwise
_HEAD, _LINES_ABOVE = 2**16, 20  # bytes and lines in which the columns' names are looked for
_SHOWN = 120  # characters of a line in a message
_BOM = b"\xef\xbb\xbf"
_AS_CSV = "save it as CSV in UTF-8"
_ZSTD_FRAME = b"\x2a\x4d\x18"  # behind one of 16 bytes at the beginning of a frame that readers are to skip
_OTHER_KINDS = {
    b"\xff\xfe\0\0": f"is text in UTF-32; {_AS_CSV}",  # before UTF-16, with which it begins
    b"\0\0\xfe\xff": f"is text in UTF-32; {_AS_CSV}",
    b"\xff\xfe": f"is text in UTF-16; {_AS_CSV} (Excel: CSV UTF-8)",
    b"\xfe\xff": f"is text in UTF-16; {_AS_CSV} (Excel: CSV UTF-8)",
    b"PK\x03\x04": f"is an Excel workbook or another archive, whatever its name says; {_AS_CSV}",
    b"\xd0\xcf\x11\xe0": f"is an old Excel workbook, whatever its name says; {_AS_CSV}",
    b"PAR1": "is Parquet, whatever its name says; call it .parquet",
} | {
    bytes([mark]) + _ZSTD_FRAME: (
        "is compressed by zstd in a form that is not read, as of pzstd: it begins with a frame of no data. Compress it "
        "anew by plain zstd or gzip"
    )
    for mark in range(0x50, 0x60)
}
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_OTHER_SEPARATORS = {
    ";": "semicolons", "\t": "tabs", "|": "bars", "^": "carets", "~": "tildes", "\x01": r"Hive's sign \x01",
    "  ": "spaces",
}  # fmt: skip
_QUOTING = "Write a value that holds a comma, a quote or a line's end in quotes, and a quote within it twice."
_SHORT = "If the file was cut off, copy it again. Else write every value of a row, also those that are empty."


class CsvError(AnnaError):
    """A CSV file can be read in several ways, or in none; the message names the file, the line and the cure."""


class _BrokenError(Exception):
    """What is wrong with a line, and what to do about it."""

    def __init__(self, line: int, text: str, problem: str, cure: str) -> None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        super().__init__(f"line {line:,}: {problem}: {shown!r}. {cure}")


@dataclass(frozen=True)
class _Block:
    """Whole records: their bytes, the places (ascending) of commas and line ends outside quotes, and the first line."""

    data: np.ndarray
    commas: np.ndarray
    ends: np.ndarray
    line: int


def csv_header(file: Path) -> list[str]:
    """Names of a CSV file's columns, without the padding around them; "" is a column without a name.

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
        text = _decoded(head.removeprefix(_BOM), 1, whole=False)
        names = [name.strip() for name in next(csv.reader(io.StringIO(text, newline="")), [])]
    except _BrokenError as broken:
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


def count_records(file: Path, width: int) -> int:
    """Records of a CSV file below its header, an empty line being one.

    Args:
        file: plain, or compressed by gzip or zstd.
        width: number of its columns.

    Raises:
        CsvError: naming the file, the line, its text and the cure.
    """
    try:
        return sum(_check(block, width) for block in _blocks(file)) - 1
    except _BrokenError as broken:
        raise CsvError(f"{file}, {broken}") from None


def check_beginning(file: Path, width: int) -> None:
    """Look over the records of a CSV file's first 16 MiB alone, as `count_records` looks over all.

    Raises:
        CsvError: likewise.
    """
    try:
        for block in islice(_blocks(file), 1):
            _check(block, width)
    except _BrokenError as broken:
        raise CsvError(f"{file}, {broken}") from None


def has_records(file: Path) -> bool:
    """Whether anything stands below the header of a CSV file, be it an empty line."""
    with opened(file) as stream:
        quotes = 0
        while data := stream.read(_HEAD):
            codes = np.frombuffer(data, dtype=np.uint8)
            marks, ends = np.flatnonzero(codes == _QUOTE), np.flatnonzero(codes == _END)
            header = ends[(quotes + marks.searchsorted(ends)) % 2 == 0]
            if len(header):
                return int(header[0]) + 1 < len(data) or bool(stream.read(1))
            quotes += len(marks)
    return False


def line_of(file: Path, row: int) -> int:
    """Line on which a record of a sound CSV file ends; 0 is the first below the header."""
    left = row + 2  # records up to it, with the header
    for block in _blocks(file):
        if left <= len(block.ends):
            return block.line + int(np.count_nonzero(block.data[: block.ends[left - 1]] == _END))
        left -= len(block.ends)
    raise IndexError(f"{file} has no row {row}")


def opened(file: Path) -> pa.NativeFile:
    """A file's bytes, decompressed where they are compressed, whatever its name says."""
    with file.open("rb") as stream:
        head = stream.read(4)
    compression = next((name for mark, name in _COMPRESSED.items() if head.startswith(mark)), None)
    return pa.input_stream(str(file), compression=compression)


def title_hint(file: Path, wanted: list[str]) -> str:
    """A sentence for a header that stands below other lines, else nothing.

    Args:
        file: whose line 1 is not it.
        wanted: columns that are in it.
    """
    with opened(file) as stream:
        lines = stream.read(_HEAD).decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines[1:_LINES_ABOVE], start=2):
        if any(set(wanted) <= {name.strip(' "') for name in line.split(sign)} for sign in (",", *_OTHER_SEPARATORS)):
            return f" The columns' names stand in line {number}: remove what is above it."
    return ""


def separator_hint(names: list[str]) -> str:
    """A sentence for a header that is one name with another separator in it, else nothing."""
    found = [word for sign, word in _OTHER_SEPARATORS.items() if len(names) == 1 and sign in names[0]]
    return f" Its columns seem to be parted by {found[0]}: write commas." if found else ""


def _head(file: Path) -> bytes:
    """The beginning of a file, as far as the first record reaches, but no more than a block."""
    head = b""
    with opened(file) as stream:
        while len(head) < _BLOCK:
            more = stream.read(min(max(_HEAD, len(head)), _BLOCK - len(head)))
            head += more
            codes = np.frombuffer(head, dtype=np.uint8)
            quotes, ends = np.flatnonzero(codes == _QUOTE), np.flatnonzero(codes == _END)
            if not more or (quotes.searchsorted(ends) % 2 == 0).any():
                break
    return head


def _blocks(file: Path) -> Iterator[_Block]:
    """Divide a file after ends of records."""
    rest, line = b"", 1
    with opened(file) as stream:
        while True:
            read = stream.read(_BLOCK)
            if not rest and not read:
                return
            data = rest + read if read or rest.endswith(b"\n") else rest + b"\n"
            data = data.removeprefix(_BOM) if line == 1 else data
            block, size = _split(data, line)
            if not size and (not read or len(data) > _LONGEST_RECORD):
                raise _BrokenError(line, _line(data, 0), "a quote is opened and never closed", _QUOTING)
            if size:
                yield block
                line += int(np.count_nonzero(block.data == _END))
            rest = data[size:]
            if not read and not rest:
                return


def _split(data: bytes, line: int) -> tuple[_Block, int]:
    """The whole records at the beginning of some bytes, and how many bytes they are."""
    codes = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE)
    commas, ends = np.flatnonzero(codes == _COMMA), np.flatnonzero(codes == _END)
    if not len(quotes):
        size = int(ends[-1]) + 1 if len(ends) else 0
        return _Block(codes[:size], commas[: commas.searchsorted(size)], ends, line), size
    _check_quotes(codes, quotes, commas, ends, line)
    ends = ends[quotes.searchsorted(ends) % 2 == 0]
    size = int(ends[-1]) + 1 if len(ends) else 0
    commas = commas[: commas.searchsorted(size)]
    return _Block(codes[:size], commas[quotes.searchsorted(commas) % 2 == 0], ends, line), size


def _check_quotes(codes: np.ndarray, quotes: np.ndarray, commas: np.ndarray, ends: np.ndarray, first_line: int) -> None:
    """Refuse quotes of which readers make different things.

    A quoted field is in quotes as a whole. Quotes within an unquoted one (OOO "Roga") pass where they are a pair with
    neither comma nor line's end in between: all readers then see the same fields.
    """
    pairs = len(quotes) // 2
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, codes[opening - 1], _END)
    whole = (before == _COMMA) | (before == _END) | (before == _QUOTE)
    lone = np.flatnonzero(~whole[:pairs])
    after = np.append(codes, [_END, _END])  # what comes after the last byte is judged with the next block
    follows = after[closing + 1]
    across = (
        (commas.searchsorted(opening[lone]) != commas.searchsorted(closing[lone]))
        | (ends.searchsorted(opening[lone]) != ends.searchsorted(closing[lone]))
        | (follows[lone] == _QUOTE)  # the next pair would pass for the quoted rest of a field
    )
    wrong = list(opening[lone[across]][:1])
    if len(opening) > pairs and not whole[-1] and len(ends) and ends[-1] > opening[-1]:
        wrong.append(opening[-1])  # the last, without a partner so far
    kept = np.flatnonzero(whole[:pairs] & (closing + 1 < len(codes)))
    odd = ~np.isin(follows[kept], (_COMMA, _END, _RETURN, _QUOTE))
    lone_return = (follows[kept] == _RETURN) & (after[closing[kept] + 2] != _END)
    wrong += list(closing[kept[odd | lone_return]][:1])
    if wrong:
        place = int(min(wrong))
        line = first_line + int(ends.searchsorted(place))
        raise _BrokenError(line, _line(codes.tobytes(), place), "a quote stands within a value", _QUOTING)


def _check(block: _Block, width: int) -> int:
    """Number of a block's records, all of `width` fields."""
    _decoded(block.data.tobytes(), block.line)
    fields = np.diff(block.commas.searchsorted(block.ends), prepend=0) + 1
    starts = np.concatenate([[0], block.ends[:-1] + 1])
    empty = (block.ends - starts == 0) | ((block.ends - starts == 1) & (block.data[starts] == _RETURN))
    wrong = np.flatnonzero((fields != width) & ~empty)
    if len(wrong):
        start, count = int(starts[wrong[0]]), int(fields[wrong[0]])
        line = block.line + int(np.count_nonzero(block.data[:start] == _END))
        problem = f"{_fields(count)} below a header of {width:,}"
        cure = _QUOTING if count > width else _SHORT
        raise _BrokenError(line, _line(block.data.tobytes(), start), problem, cure)
    return len(block.ends)


def _decoded(data: bytes, line: int, *, whole: bool = True) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(data) - 4:  # the block ends within a letter
            return data[: error.start].decode("utf-8")
        at = line + data.count(b"\n", 0, error.start)
        raise _BrokenError(at, _line(data, error.start), "the text is not UTF-8", "Save the file as UTF-8.") from error


def _line(data: bytes, place: int) -> str:
    """The line that holds a place, as far as it is there."""
    start = data.rfind(b"\n", 0, place) + 1
    end = data.find(b"\n", start)
    text = data[start : end if end >= 0 else start + _SHOWN * 4]
    return text.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8", "backslashreplace")


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"
