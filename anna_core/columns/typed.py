"""What every kind of column has in common: its typed form, plain text, and the words that stand for nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

import polars as pl
import polars.datatypes.group as groups

from anna_core.errors import AnnaError

# What pandas, spreadsheets, databases and the programs that export from these write for nothing, decided here for every
# door: NA is nothing, even where it is a country's code; None is not among them: it may well be a class.
NOTHING = ("", "nan", "null", "na", "n/a", "#n/a", "#н/д", "<na>", r"\n", "(null)", "[null]", "<null>", "#null!")
# Where only clients, numbers, yes/no or times can stand, these are nothing, too.
NO_VALUE = (*NOTHING, "none", "nat")
# What Teradata, SAS and reports write for nothing. It is that of clients; as a number or a time it is more likely a
# mistake, which is to be counted as one.
NO_SIGN = ("?", ".", "-")
NO_CLIENT = (*NO_VALUE, *NO_SIGN)

# What an export without the letters' encoding makes of them: Oracle writes ¿, and U+FFFD read as Latin-1 is ï¿½. A lone
# ? is a word for nothing.
LOST_LETTERS = r"^\?[? ]*\?$|\?{3}|^¿$|¿{2}|ï¿½|\x{FFFD}"
# No client has any of these in it, though a text may: ??17 was АБ17, and ВГ17 as well.
LOST_IN_CLIENT = rf"{LOST_LETTERS}|\?{{2}}|^\?.|¿"
_TEXTS = (pl.String, pl.Binary, pl.Categorical, pl.Enum)


class UnfitColumnError(AnnaError):
    """A column's type cannot hold values of the kind that it should; who knows the place adds it to the message."""


@dataclass(frozen=True)
class Typed:
    """A column in the canonical form of its kind, as expressions over the table that has the column.

    Attributes:
        value: the canonical value; null where there is none.
        unreadable: bool, never null: something stands there, but no value can be made of it.
    """

    value: pl.Expr
    unreadable: pl.Expr


def is_text(kind: pl.DataType) -> bool:
    """Whether a type stores text, in whatever way."""
    return kind in _TEXTS


def plain_text(name: str, kind: pl.DataType) -> pl.Expr:
    """A column of text without the padding around it; bytes that are no UTF-8 are an error of Polars as it is read.

    Args:
        name: of the column.
        kind: one of the types for which `is_text`.
    """
    column = pl.col(name)
    if kind == pl.Binary:  # a byte that reads as a line's end may be the 10 of a number
        return column.cast(pl.String).str.strip_chars(" ")
    return (column if kind == pl.String else column.cast(pl.String)).str.strip_chars()


def first_without_text(values: Iterable[bytes | None]) -> int | None:
    """The place, from 0, of the first bytes that are no text in UTF-8; None if there are none."""
    for place, value in enumerate(values):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            return place
    return None


def no_text(row: int) -> str:
    """What is said of a column of bytes, of which those in this row, from 0, are the first that are no text."""
    return (
        f"holds bytes that are no text in UTF-8, first in row {row + 1:,}. Write it as text, such as a UUID in its "
        "letters and digits."
    )


def is_nothing(text: pl.Expr, words: tuple[str, ...] = NOTHING) -> pl.Expr:
    """Whether a text, free of padding, is one of the words for nothing; false where it is null."""
    return text.is_in(in_any_case(words)).fill_null(value=False)


@cache
def in_any_case(words: tuple[str, ...]) -> list[str]:
    """The words in small and capital letters, mixed: to look one up takes a tenth of making each text small."""
    cases = [product(*({letter, letter.upper()} for letter in word)) for word in words]
    return sorted("".join(letters) for found in cases for letters in found)


def is_float(kind: pl.DataType) -> bool:
    """Whether numbers of a type may have decimals."""
    return kind.is_float() or (isinstance(kind, pl.Decimal) and bool(kind.scale))


def is_nested(kind: pl.DataType) -> bool:
    """Whether a type holds several values in one, or none that could be written, or has a meaning of its own."""
    return kind in groups.NESTED_DTYPES or kind == pl.Object or isinstance(kind, pl.BaseExtension)
