"""Clients: an id is text or a whole number; 17.0 would never meet the 17 of another table."""

import polars as pl

from anna_core.columns.typed import NO_CLIENT, Typed, UnfitColumnError, is_nothing, is_text, plain_text
from anna_core.columns.written_floats import WITH_EXPONENT, WITH_POINT

CURE = "write ids as text or whole numbers, 17 and not 17.0 or 1.7e+1"
WRITTEN_AS_FLOAT = f"^{WITH_POINT}$|^{WITH_EXPONENT}$"


def client(name: str, kind: pl.DataType) -> Typed:
    """A column of clients as text.

    Raises:
        UnfitColumnError: clients cannot be of this type.
    """
    if kind.is_integer() or kind == pl.Null or (isinstance(kind, pl.Decimal) and not kind.scale):
        return Typed(pl.col(name).cast(pl.String), pl.lit(value=False))
    if not is_text(kind):
        raise UnfitColumnError(f"column '{name}' is {kind}, but clients are text or whole numbers: {CURE}")
    text = plain_text(name, kind)
    written = pl.when(~is_nothing(text, NO_CLIENT)).then(text)
    return Typed(written, written.str.contains(WRITTEN_AS_FLOAT).fill_null(value=False))
