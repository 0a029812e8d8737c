"""Checking an upload's columns: each goes through the typed door, and each refusal names rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from anna_core.columns.clients import client
from anna_core.columns.days import day
from anna_core.columns.moments import is_moment, moment_text
from anna_core.columns.numbers import cure_of, number
from anna_core.columns.typed import (
    NO_SIGN,
    Typed,
    UnfitColumnError,
    first_without_text,
    is_nested,
    is_nothing,
    is_text,
    no_text,
    plain_text,
)
from anna_core.columns.wrapped import unwrapped_text
from anna_core.errors import SampleError
from anna_core.samples.column_names import AS_OF, CLIENT, GROUP, SPLIT, WEIGHT
from anna_core.samples.groups import join_groups
from anna_core.samples.reading import if_no_label, read_sample_file, target_columns

# Weights and sums of their squares stay far within float32; the unit may be a currency, or one that adds up to 1.
LIGHTEST, HEAVIEST = 1e-12, 1e12
_EXAMPLES = 3  # rows shown in an error message

Typing = Callable[[str, pl.DataType], Typed]  # a kind's function of `anna_core.columns`


def checked_rows(frame: pl.DataFrame, targets: tuple[str, ...], path: Path) -> tuple[pl.DataFrame, list[str]]:
    """The columns that a sample uses, in canonical form, and sentences about what was made of them.

    Args:
        frame: the upload's n rows, as `read_sample_file` returns them.
        targets: names of the target columns.
        path: the uploaded file, for messages.

    Returns:
        The n rows in the same order: client_id (text), as_of (date), the targets (text without padding, other types as
        they are), weight (float32, 1 if none was uploaded) and, if uploaded, split and group_id (text or null). Then
        the sentences.

    Raises:
        SampleError: a column or a value is wrong; the message names rows by their number, counted from 1.
    """
    used = [column for column in (CLIENT, AS_OF, *targets, GROUP, SPLIT, WEIGHT) if column in frame.columns]
    notes = []
    if ignored := [column for column in frame.columns if column not in used]:
        notes.append(f"Columns {ignored} of the file are not used.")
    upload = _Upload(frame.select(used), path)
    upload.refuse_odd_types()
    columns = [upload.ids(CLIENT), upload.days(AS_OF), *map(upload.plain, targets), upload.weight()]
    columns += [_without_signs(upload.ids(GROUP))] if GROUP in used else []
    columns += [upload.plain(SPLIT)] if SPLIT in used else []
    rows = pl.DataFrame(columns)
    for column in (CLIENT, *targets):
        upload.refuse(_is_empty(rows[column]), f"column {column} is empty; every row needs it", [CLIENT, column])
        if rows[column].dtype.is_float():
            upload.refuse(
                rows[column].is_infinite(), f"column {column} is infinite; remove these rows", [CLIENT, column]
            )
    repeated = rows.select(pl.struct(CLIENT, AS_OF).is_duplicated()).to_series()
    upload.refuse(repeated, "the same client_id and as_of stand in several rows; keep one of them", [CLIENT, AS_OF])
    rows, torn = join_groups(rows)
    if torn:
        notes.append(f"Clients with rows in several groups, or outside of theirs: {torn:,}; such groups count as one.")
    return rows, notes


def read_keys(path: Path) -> pl.DataFrame:
    """Read client_id (text) and as_of (date) of an uploaded file, which is the quick part of its check.

    Raises:
        SampleError: the file cannot be read, a column is missing, or a client or an as_of is not usable.
    """
    frame = read_sample_file(path)
    target_columns(frame, path)
    upload = _Upload(frame.select(CLIENT, AS_OF), path)
    upload.refuse_odd_types()
    return pl.DataFrame([upload.ids(CLIENT), upload.days(AS_OF)])


class _Upload:
    """The used columns of an uploaded table, and its path, for messages."""

    def __init__(self, frame: pl.DataFrame, path: Path) -> None:
        self._frame, self._path = frame, path

    def refuse_odd_types(self) -> None:
        for column, kind in self._frame.schema.items():
            if is_nested(kind) or (kind.is_temporal() and column != AS_OF):
                raise SampleError(
                    f"{self._path}: column {column} is {kind}; write text or numbers{if_no_label(column)}."
                )

    def ids(self, column: str) -> pl.Series:
        values, unreadable = self._typed(column, client if column == CLIENT else _group)
        self.refuse(
            unreadable,
            f"column {column} holds numbers with decimals or exponents; write 17, not 17.0 or 1.7e+1",
            [column],
        )
        return values

    def days(self, column: str) -> pl.Series:
        values, _ = self._typed(column, day)
        problem = f"column {column} is not a whole day of our time; write dates as 2024-03-31"
        self.refuse(values.is_null(), problem, [CLIENT, column])
        return values

    def plain(self, column: str) -> pl.Series:
        """A column as uploaded; text without padding, and as one type."""
        return self._typed(column, _plain)[0]

    def weight(self) -> pl.Series:
        if WEIGHT not in self._frame.columns:
            return pl.Series(WEIGHT, np.ones(len(self._frame), dtype=np.float32))
        values, unreadable = self._typed(WEIGHT, number)
        weight = values.cast(pl.Float32)
        cure = f"; {cure_of(self._frame[WEIGHT].filter(unreadable)[0])}" if unreadable.any() else ""
        bad = ~values.is_between(LIGHTEST, HEAVIEST).fill_null(value=False)
        problem = f"column {WEIGHT} must hold positive numbers, {LIGHTEST:g} to {HEAVIEST:g}{cure}"
        self.refuse(bad, problem, [CLIENT, WEIGHT])
        return weight

    def refuse(self, bad: pl.Series, problem: str, shown: list[str]) -> None:
        """Raise `SampleError` if any row is bad, with the numbers of the first such rows and their values.

        Args:
            bad: (n,) bool.
            problem: what is wrong and what to do, as the beginning of a sentence.
            shown: names of the columns to show.
        """
        if not bad.any():
            return
        lines = bad.arg_true().head(_EXAMPLES)
        rows = self._frame.select(list(dict.fromkeys(shown)))
        moments = {name: kind for name, kind in rows.schema.items() if is_moment(kind)}
        rows = rows.with_columns(
            moment_text(pl.col(name), kind).str.replace(r"\.0+$", "").alias(name) for name, kind in moments.items()
        )
        examples = "; ".join(f"row {line + 1}: {_shown(rows.row(line, named=True))}" for line in lines)
        raise SampleError(f"{self._path}: {problem}. {bad.sum()} of {len(bad)} rows are so, the first: {examples}.")

    def _typed(self, column: str, typing: Typing) -> tuple[pl.Series, pl.Series]:
        """A column's canonical values, and (n,) bool: whether something stands there that is no value."""
        try:
            typed = typing(column, self._frame[column].dtype)
            found = self._frame.select(typed.value.alias(column), typed.unreadable.alias("unreadable"))
        except UnfitColumnError as error:
            raise SampleError(f"{self._path}: {error}.") from None
        except pl.exceptions.PolarsError:  # all that can go wrong here is text
            row = first_without_text(self._frame[column].cast(pl.Binary)) or 0
            raise SampleError(f"{self._path}: column {column} {no_text(row)}") from None
        return found[column], found["unreadable"]


def _shown(values: dict[str, object]) -> str:
    """A row's values for people; text is quoted, so that padding and empty text can be seen."""
    return ", ".join(
        f"{name} {value!r}" if isinstance(value, str) else f"{name} {value}" for name, value in values.items()
    )


def _is_empty(column: pl.Series) -> pl.Series:
    """Whether a row's value is missing, or a word for nothing: (n,) bool."""
    value = pl.col(column.name)
    nothing = is_nothing(value) if column.dtype == pl.String else value.is_nan() if column.dtype.is_float() else False
    return column.to_frame().select((value.is_null() | nothing).fill_null(value=True)).to_series()


def _without_signs(groups: pl.Series) -> pl.Series:
    group = pl.col(groups.name)
    return groups.to_frame().select(pl.when(~group.is_in(NO_SIGN)).then(group)).to_series()


def _group(name: str, kind: pl.DataType) -> Typed:
    try:
        return client(name, kind)
    except UnfitColumnError:
        raise UnfitColumnError(
            f"column '{name}' is {kind}, but groups are text or whole numbers, and empty where there is none; pandas "
            "keeps them so as astype('Int64')"
        ) from None


def _plain(name: str, kind: pl.DataType) -> Typed:
    return Typed(unwrapped_text(plain_text(name, kind)) if is_text(kind) else pl.col(name), pl.lit(value=False))
