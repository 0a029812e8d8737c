"""Whether a CSV file is whole and even: every record has the header's number of fields, every quote its partner.

A reader that parses some columns alone does not look at the quotes of the others and loses rows without a word (with
Polars: 100 of 6,000 by two inch marks). So each file is looked over once, byte by byte, before it is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from anna_core.columns.csv_files import (
    BOM,
    END,
    QUOTE,
    BrokenLineError,
    CsvError,
    decoded,
    line_at,
    opened,
    outside_quotes,
)

_BLOCK = 2**24  # bytes read at once
_LONGEST_RECORD = 2**26  # bytes; a longer one is an open quote that swallows the rest of the file
_COMMA, _RETURN = (ord(sign) for sign in ",\r")
_HEAD = 2**16  # bytes that are read at once to find the end of the header
_QUOTING = "Write a value that holds a comma, a quote or a line's end in quotes, and a quote within it twice."
_SHORT = "If the file was cut off, copy it again. Else write every value of a row, also those that are empty."


@dataclass(frozen=True)
class _Block:
    """Whole records: their bytes, the places (ascending) of commas and line ends outside quotes, and the first line."""

    data: np.ndarray
    commas: np.ndarray
    ends: np.ndarray
    line: int


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
    except BrokenLineError as broken:
        raise CsvError(f"{file}, {broken}") from None


def check_beginning(file: Path, width: int) -> None:
    """Look over the records of a CSV file's first 16 MiB alone, as `count_records` looks over all.

    Raises:
        CsvError: likewise.
    """
    try:
        for block in islice(_blocks(file), 1):
            _check(block, width)
    except BrokenLineError as broken:
        raise CsvError(f"{file}, {broken}") from None


def has_records(file: Path) -> bool:
    """Whether anything, even an empty line, stands below the header of a CSV file."""
    with opened(file) as stream:
        quotes = 0
        while data := stream.read(_HEAD):
            codes = np.frombuffer(data, dtype=np.uint8)
            marks, ends = np.flatnonzero(codes == QUOTE), np.flatnonzero(codes == END)
            header = outside_quotes(ends, marks, quotes)
            if len(header):
                return int(header[0]) + 1 < len(data) or bool(stream.read(1))
            quotes += len(marks)
    return False


def line_of(file: Path, row: int) -> int:
    """Line on which a record of a sound CSV file ends; 0 is the first below the header."""
    left = row + 2  # records up to it, with the header
    for block in _blocks(file):
        if left <= len(block.ends):
            return block.line + int(np.count_nonzero(block.data[: block.ends[left - 1]] == END))
        left -= len(block.ends)
    raise IndexError(f"{file} has no row {row}")


def _blocks(file: Path) -> Iterator[_Block]:
    """Divide a file after ends of records."""
    rest, line = b"", 1
    with opened(file) as stream:
        while True:
            read = stream.read(_BLOCK)
            if not rest and not read:
                return
            data = rest + read if read or rest.endswith(b"\n") else rest + b"\n"
            data = data.removeprefix(BOM) if line == 1 else data
            block, size = _split(data, line)
            if not size and (not read or len(data) > _LONGEST_RECORD):
                raise BrokenLineError(line, line_at(data, 0), "a quote is opened and never closed", _QUOTING)
            if size:
                yield block
                line += int(np.count_nonzero(block.data == END))
            rest = data[size:]
            if not read and not rest:
                return


def _split(data: bytes, line: int) -> tuple[_Block, int]:
    """The whole records at the beginning of some bytes, and how many bytes they are."""
    codes = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(codes == QUOTE)
    commas, ends = np.flatnonzero(codes == _COMMA), np.flatnonzero(codes == END)
    if not len(quotes):
        size = int(ends[-1]) + 1 if len(ends) else 0
        return _Block(codes[:size], commas[: commas.searchsorted(size)], ends, line), size
    _check_quotes(codes, quotes, commas, ends, line)
    ends = outside_quotes(ends, quotes)
    size = int(ends[-1]) + 1 if len(ends) else 0
    commas = commas[: commas.searchsorted(size)]
    return _Block(codes[:size], outside_quotes(commas, quotes), ends, line), size


def _check_quotes(codes: np.ndarray, quotes: np.ndarray, commas: np.ndarray, ends: np.ndarray, first_line: int) -> None:
    """Refuse quotes of which readers make different things.

    A quoted field is in quotes as a whole. Quotes within an unquoted one (OOO "Roga") pass where they are a pair with
    neither comma nor line's end in between: all readers then see the same fields.
    """
    pairs = len(quotes) // 2
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, codes[opening - 1], END)
    whole = (before == _COMMA) | (before == END) | (before == QUOTE)
    lone = np.flatnonzero(~whole[:pairs])
    after = np.append(codes, [END, END])  # what comes after the last byte is judged with the next block
    follows = after[closing + 1]
    across = (
        (commas.searchsorted(opening[lone]) != commas.searchsorted(closing[lone]))
        | (ends.searchsorted(opening[lone]) != ends.searchsorted(closing[lone]))
        | (follows[lone] == QUOTE)  # the next pair would pass for the quoted rest of a field
    )
    wrong = list(opening[lone[across]][:1])
    if len(opening) > pairs and not whole[-1] and len(ends) and ends[-1] > opening[-1]:
        wrong.append(opening[-1])  # the last, without a partner so far
    kept = np.flatnonzero(whole[:pairs] & (closing + 1 < len(codes)))
    odd = ~np.isin(follows[kept], (_COMMA, END, _RETURN, QUOTE))
    lone_return = (follows[kept] == _RETURN) & (after[closing[kept] + 2] != END)
    wrong += list(closing[kept[odd | lone_return]][:1])
    if wrong:
        place = int(min(wrong))
        line = first_line + int(ends.searchsorted(place))
        raise BrokenLineError(line, line_at(codes.tobytes(), place), "a quote stands within a value", _QUOTING)


def _check(block: _Block, width: int) -> int:
    """Number of a block's records, all of `width` fields."""
    decoded(block.data.tobytes(), block.line)
    fields = np.diff(block.commas.searchsorted(block.ends), prepend=0) + 1
    starts = np.concatenate([[0], block.ends[:-1] + 1])
    empty = (block.ends - starts == 0) | ((block.ends - starts == 1) & (block.data[starts] == _RETURN))
    wrong = np.flatnonzero((fields != width) & ~empty)
    if len(wrong):
        start, count = int(starts[wrong[0]]), int(fields[wrong[0]])
        line = block.line + int(np.count_nonzero(block.data[:start] == END))
        problem = f"{_fields(count)} below a header of {width:,}"
        cure = _QUOTING if count > width else _SHORT
        raise BrokenLineError(line, line_at(block.data.tobytes(), start), problem, cure)
    return len(block.ends)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count:,} fields"
