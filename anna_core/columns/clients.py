"""Clients: an id is text or a whole number; 17.0 would never meet the 17 of another table."""

from dataclasses import dataclass

import polars as pl

from anna_core.columns.typed import (
    LOST_LETTERS,
    NO_CLIENT,
    Typed,
    UnfitColumnError,
    is_nothing,
    is_text,
    plain_text,
)
from anna_core.columns.wrapped import unwrapped_text
from anna_core.columns.written_floats import WITH_EXPONENT, WITH_POINT

CURE = "write ids as text or whole numbers, 17 and not 17.0 or 1.7e+1"
LETTERS = "write the export in UTF-8: signs stand in place of letters"
WRITTEN_AS_FLOAT = f"^{WITH_POINT}$|^{WITH_EXPONENT}$"


@dataclass(frozen=True)
class TypedClient(Typed):
    """A column of clients.

    Attributes:
        lost: bool, never null: an export has put signs in place of the client's letters.
    """

    lost: pl.Expr


def client(name: str, kind: pl.DataType) -> TypedClient:
    """A column of clients as text.

    Raises:
        UnfitColumnError: clients cannot be of this type.
    """
    never = pl.lit(value=False)
    if kind.is_integer() or kind == pl.Null or (isinstance(kind, pl.Decimal) and not kind.scale):
        return TypedClient(pl.col(name).cast(pl.String), never, never)
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, but clients are text or whole numbers: {CURE}")
    text = unwrapped_text(plain_text(name, kind))
    written = pl.when(~is_nothing(text, NO_CLIENT)).then(text)
    odd = (written.str.contains(pattern).fill_null(value=False) for pattern in (WRITTEN_AS_FLOAT, LOST_LETTERS))
    return TypedClient(written, *odd)
