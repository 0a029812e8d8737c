"""Clients: an id is text or a whole number; 17.0 would never meet the 17 of another table."""

from dataclasses import dataclass

import polars as pl

from anna_core.columns.typed import (
    LOST_IN_CLIENT,
    NO_CLIENT,
    Typed,
    UnfitColumnError,
    in_any_case,
    is_nothing,
    is_text,
    plain_text,
)
from anna_core.columns.wrapped import WRAPPED, unwrapped, unwrapped_text
from anna_core.columns.written_floats import WITH_EXPONENT, WITH_POINT

CURE = "write ids as text or whole numbers, 17 and not 17.0 or 1.7e+1"
LETTERS = "write the export in UTF-8: signs stand in place of letters"
WRITTEN_AS_FLOAT = f"^{WITH_POINT}$|^{WITH_EXPONENT}$"
_UNUSABLE = f"{WRITTEN_AS_FLOAT}|{LOST_IN_CLIENT}"
_ODD = f"{_UNUSABLE}|{WRAPPED}"


@dataclass(frozen=True)
class TypedClient(Typed):
    """A column of clients.

    Attributes:
        usable: the value where it is neither unreadable nor lost, in a third of the time.
        lost: bool, never null: an export has put signs in place of the client's letters.
    """

    usable: pl.Expr
    lost: pl.Expr


def client(name: str, kind: pl.DataType) -> TypedClient:
    """A column of clients as text.

    Raises:
        UnfitColumnError: clients cannot be of this type.
    """
    never = pl.lit(value=False)
    if kind.is_integer() or kind == pl.Null or (isinstance(kind, pl.Decimal) and not kind.scale):
        whole = pl.col(name).cast(pl.String)
        return TypedClient(whole, never, usable=whole, lost=never)
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, but clients are text or whole numbers: {CURE}")
    plain = plain_text(name, kind)
    text = unwrapped_text(plain)
    written = pl.when(~is_nothing(text, NO_CLIENT)).then(text)
    unreadable, lost = (
        written.str.contains(pattern).fill_null(value=False) for pattern in (WRITTEN_AS_FLOAT, LOST_IN_CLIENT)
    )
    usable = plain.map_batches(_usable, return_dtype=pl.String, is_elementwise=True)
    return TypedClient(written, unreadable, usable=usable, lost=lost)


def _usable(texts: pl.Series) -> pl.Series:
    """Clients of texts, free of spaces around them. What is rare is looked for in all of them at once."""
    if texts.str.contains(_ODD).any():
        texts = unwrapped(texts)
        found = texts.str.contains(_UNUSABLE)
    else:
        found = pl.repeat(value=False, n=len(texts), eager=True)
    found |= texts.is_in(in_any_case(NO_CLIENT))
    return texts.zip_with(~found, pl.Series([None], dtype=pl.String)) if found.any() else texts
