"""Faults: the reasons for which values, or whole rows, do not reach a mart; the door finds them."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Fault:
    """A reason for which values, or whole rows, do not reach a mart.

    Attributes:
        reason: in words for people.
        column: the column's name in the source.
        values: text, an expression over the table: what stands in the column.
        own: the column's name in the table.
        canonical: the name of the canonical column, which is null in rows with the fault.
        flag: bool, never null, an expression over the table: whether a row has the fault.
        cure: makes of a text that stands there what to do about it.
        whole_row: whether the row is left aside; otherwise only the value is missing.
        judged: whether too many of it are a reason to refuse a file or a month; otherwise it is counted and told.
        proof: number of rows of it that show how the whole column is written, so that so many are too many, however
            many others a file has; None where no number does.
    """

    reason: str
    column: str
    values: pl.Expr
    own: str
    canonical: str
    flag: pl.Expr
    cure: Callable[[str], str]
    whole_row: bool = True
    judged: bool = True
    proof: int | None = None


def without_key(name: str) -> str:
    """The reason that is counted of events in which a column of the event key, named as in the source, is empty."""
    return f"{name} is missing from the event key"


def with_lost_digits(name: str) -> str:
    """The reason that is counted of events whose key, in a column named as in the source, was too large a float."""
    return f"{name} in the event key was a float once, and lost digits"


def without_time(name: str) -> str:
    """The reason that is counted of rows in which the time's column, named as in the source, is empty."""
    return f"{name} is missing"


def as_header(name: str) -> str:
    """The reason that is counted of rows that are a header again, by the name of the time's column in the source."""
    return f"{name} holds the column's name, as a header does"
