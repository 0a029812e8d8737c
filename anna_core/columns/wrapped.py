"""What programs put around a text that is no part of it: padding that nobody sees, and a spreadsheet's marks of text.

A byte order mark or a zero-width space is left where texts were pasted or files glued together; programs of languages
that are written from right to left put marks and embeddings of direction around numbers and ids; C, COBOL and Db2 pad
with NULs. So that 007 keeps its zeros, it is written as ="007" for Excel, which itself shows and exports it as '007.
"""

import polars as pl

# Soft hyphen, zero width, directions with their embeddings and isolates, byte order mark.
_UNSEEN = "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
PADDING = rf"\x00{_UNSEEN}"  # beside spaces, for a class of signs in a pattern
WRAPPED = rf"^['={_UNSEEN}]|[\x00{_UNSEEN}]$"  # of texts without spaces around them: those that may be wrapped
_AROUND = rf"^[\s{PADDING}]+|[\s{PADDING}]+$"
_FORMULA = r'^="([^"]*)"$'
# With a digit, and no other apostrophe in it, nor a space but of a time stamp: 's-Gravenhage is a town.
_APOSTROPHE = r"^'([^\s']*\d[^\s']*|\d{4}-\d\d?-\d\d?\s+\d[^']*)'?$"


def unwrapped(texts: pl.Series) -> pl.Series:
    """Texts, free of spaces around them, also without what else is no part of them; the same series if nothing is."""
    if texts.null_count() == len(texts):
        return texts
    wrapped = texts.str.contains(WRAPPED)
    if not wrapped.any():
        return texts
    text = pl.col("text")
    bare = text.str.replace_all(_AROUND, "").str.replace(_APOSTROPHE, "${1}").str.replace(_FORMULA, "${1}")
    found = pl.when(pl.lit(wrapped)).then(bare.str.replace_all(_AROUND, "")).otherwise(text)
    return texts.to_frame("text").select(found.alias(texts.name)).to_series()


def unwrapped_text(text: pl.Expr) -> pl.Expr:
    """The same of an expression."""
    return text.map_batches(unwrapped, return_dtype=pl.String, is_elementwise=True)


def unwrapped_name(name: str) -> str:
    """The name of a column, as it stands in a header, without spaces around it and what else is no part of it."""
    return unwrapped(pl.Series([name.strip()])).item().strip()
