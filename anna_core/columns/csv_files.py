"""The bytes of a CSV file, and what is said of a line that cannot be read."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from anna_core.errors import AnnaError

QUOTE, END = (ord(sign) for sign in '"\n')
BOM = b"\xef\xbb\xbf"
_SHOWN = 120  # characters of a line in a message
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class CsvError(AnnaError):
    """A CSV file can be read in several ways, or in none; the message names the file, the line and the cure."""


class BrokenLineError(Exception):
    """What is wrong with a line, and what to do about it."""

    def __init__(self, line: int, text: str, problem: str, cure: str) -> None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        told = repr(shown).replace(r"\\x", r"\x")  # of bytes that are no text, which are escaped once already
        super().__init__(f"line {line:,}: {problem}: {told}. {cure}")


def opened(file: Path) -> pa.NativeFile:
    """A file's bytes, decompressed where they are compressed, whatever its name says."""
    with file.open("rb") as stream:
        head = stream.read(4)
    compression = next((name for mark, name in _COMPRESSED.items() if head.startswith(mark)), None)
    return pa.input_stream(str(file), compression=compression)


def decoded(data: bytes, line: int, *, whole: bool = True) -> str:
    """Bytes as text.

    Args:
        data: the bytes.
        line: number of the line in which they begin.
        whole: whether they end where a letter does; if not, part of a letter at their end is left out.

    Raises:
        BrokenLineError: they are not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(data) - 4:  # the block ends within a letter
            return data[: error.start].decode("utf-8")
        at = line + data.count(b"\n", 0, error.start)
        raise BrokenLineError(
            at, line_at(data, error.start), "the text is not UTF-8", "Save the file as UTF-8."
        ) from error


def outside_quotes(places: np.ndarray, quotes: np.ndarray, before: int = 0) -> np.ndarray:
    """Those of some places, (n,) ascending, that lie in no quoted value: an even number of quotes is in front of them.

    Args:
        places: the places.
        quotes: places of all quotes, ascending, in the same bytes.
        before: number of quotes in front of these bytes.
    """
    return places[(before + quotes.searchsorted(places)) % 2 == 0]


def line_at(data: bytes, place: int) -> str:
    """The line that holds a place, as far as it is there."""
    start = data.rfind(b"\n", 0, place) + 1
    end = data.find(b"\n", start)
    text = data[start : end if end >= 0 else start + _SHOWN * 4]
    return text.removeprefix(BOM).rstrip(b"\r\n").decode("utf-8", "backslashreplace")
