"""Guessing a task's type by its targets, where the user names none."""

import polars as pl

from anna_core.columns.booleans import NO, YES
from anna_core.columns.numbers import cure_of, written_otherwise
from anna_core.columns.typed import NO_SIGN
from anna_core.errors import SampleError
from anna_core.samples.target_values import CODE, class_names, numbers_of
from anna_core.tasks.task import TaskType

_NONE = "none"  # may be a class among others; beside yes and no, it is a missing value
_MOST_INTEGER_CLASSES = 10  # whole numbers of more different values are amounts or counts
_WHOLE = r"^-?\d+$"


def guess_type(name: str, targets: pl.DataFrame) -> tuple[TaskType, str]:
    """Guess a task's type by its targets; the reason goes on from "because".

    Args:
        name: the task's.
        targets: the sample's target columns, without nulls.

    Raises:
        SampleError: a value is more likely a mistake, or missing, than a class or an amount.
    """
    if targets.width > 1:
        return TaskType.MULTILABEL, f"there are {targets.width} target columns"
    column = class_names(targets.to_series())
    values = column.unique(maintain_order=True)
    lower = set(values.str.to_lowercase())
    if lower <= {*YES, *NO}:
        return TaskType.BINARY, "the target has only yes and no"
    if lower <= {*YES, *NO, _NONE}:
        row = 1 + int((column.str.to_lowercase() == _NONE).arg_max() or 0)
        raise SampleError(
            f"task {name}: the target has None beside yes and no, first in row {row}; remove these rows, or "
            "write 1 or 0."
        )
    _refuse_signs_for_nothing(name, column, values)
    numbers, too_large = numbers_of(values)
    unreadable = numbers.is_null() & ~too_large
    if unreadable.any():
        _refuse_words_beside_flags(name, column, values.filter(unreadable), numbers)
    codes = values.filter(values.str.contains(CODE))
    if len(codes) and values.filter(~unreadable).str.contains(_WHOLE).all():
        return TaskType.MULTICLASS, f"the target is one of {len(values)} codes, such as {codes[0]!r}"
    if unreadable.any():
        _refuse_numbers_among_texts(name, column, values.filter(unreadable), len(values))
        return TaskType.MULTICLASS, f"the target is one of {len(values)} texts"
    if len(values) <= _MOST_INTEGER_CLASSES and not too_large.any() and (numbers == numbers.round()).all():
        return TaskType.MULTICLASS, f"the target is one of {len(values)} whole numbers"
    return TaskType.REGRESSION, "the target is a number"


def _refuse_signs_for_nothing(name: str, column: pl.Series, values: pl.Series) -> None:
    """Raise `SampleError` if a sign that programs write for nothing stands beside words or numbers.

    Among signs alone, such as + and -, it is a class.
    """
    signs = values.filter(values.is_in(NO_SIGN))
    if signs.is_empty() or not values.str.contains(r"[\p{L}\p{N}]").any():
        return
    row = 1 + int(column.is_in(signs.implode()).arg_max() or 0)
    raise SampleError(
        f"task {name}: the target is missing in row {row}, which has {column[row - 1]!r}; remove rows without an "
        "outcome, or say `type: multiclass` if this is a class."
    )


def _refuse_words_beside_flags(name: str, column: pl.Series, texts: pl.Series, numbers: pl.Series) -> None:
    """Raise `SampleError` if the only numbers are 0 and 1, and words without a digit stand beside them.

    Such a word says that nothing is known, in whatever way, far more often than it is a class.
    """
    if set(numbers.drop_nulls()) != {0.0, 1.0} or texts.str.contains(r"\d").any():
        return
    row = 1 + int(column.is_in(texts.implode()).arg_max() or 0)
    raise SampleError(
        f"task {name}: the target has {column[row - 1]!r} beside 0 and 1, first in row {row}; remove rows without an "
        "outcome, or say `type: multiclass` if these are classes."
    )


def _refuse_numbers_among_texts(name: str, column: pl.Series, texts: pl.Series, values: int) -> None:
    """Raise `SampleError` if the texts among numbers are numbers written otherwise, or slips among many numbers.

    Args:
        name: the task's.
        column: the target as text.
        texts: those of its different values that are no numbers.
        values: number of all different values.
    """
    otherwise = texts.to_frame().select(written_otherwise(pl.col(texts.name))).to_series()
    written = values - len(texts) + int(otherwise.sum())  # numbers, in one way or another
    if written == values or (values > _MOST_INTEGER_CLASSES and written > values / 2):
        first = texts.filter(otherwise).head(1) if otherwise.any() else texts
        row = 1 + int((column == first[0]).arg_max() or 0)
        raise SampleError(
            f"task {name}: most values of the target are numbers, but {first[0]!r} in row {row} is none; "
            f"{cure_of(first[0])}. Remove rows without one, or say `type: multiclass` if these are classes."
        )
