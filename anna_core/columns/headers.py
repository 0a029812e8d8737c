"""A header that stands among a CSV file's rows: its names as they are compared with those of the first line."""

import polars as pl

from anna_core.columns.wrapped import PADDING, unwrapped_text

# Behind a byte order mark or a space, quotes are no longer those of a field.
_AROUND = rf'^[\s{PADDING}"]+|[\s{PADDING}"]+$'


def bare_name(text: pl.Expr) -> pl.Expr:
    """Texts in small letters, without quotes, spaces and what else is wrapped around them, as of the first line."""
    return unwrapped_text(text.str.strip_chars()).str.replace_all(_AROUND, "").str.to_lowercase()
