"""Clients: an id is text or a whole number; 17.0 would never meet the 17 of another table."""

import polars as pl

from anna_core.columns.typed import NO_CLIENT, Typed, UnfitColumnError, is_nothing, is_text, plain_text

CURE = "write ids as text or whole numbers, 17 and not 17.0 or 1.7e+1"
# What programs make of whole numbers that once were floats: pandas of a column with a gap, spreadsheets of long ones.
# All write a point or a sign; without either, 3636638817772e42 is an id.
WRITTEN_AS_FLOAT = r"^[+-]?\d+\.0*$|^[+-]?\d+\.\d*[eE][+-]?\d+$|^[+-]?\d+[eE][+-]\d+$"


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
