"""Targets: a task's type and metric are guessed from them, and they are turned into arrays."""

from decimal import Decimal

import numpy as np
import polars as pl

from anna_core.columns.booleans import NO, YES, boolean
from anna_core.columns.categories import category
from anna_core.columns.numbers import cure_of, number, written_otherwise
from anna_core.columns.typed import NO_SIGN, is_text
from anna_core.errors import SampleError, TaskError
from anna_core.metrics.registry import default_metric, get_metric
from anna_core.tasks.task import Task, TaskRequest, TaskType

_NONE = "none"  # may be a class among others; beside yes and no, it is a missing value
_MOST_CLASSES = 100  # more different texts are surely a mistake, such as an id instead of a target
_MOST_LOST = 0.01  # of an amount's standard deviation; that is 1e-4 of its variance
_MOST_INTEGER_CLASSES = 10  # whole numbers of more different values are amounts or counts
_PLAIN_WHOLE = r"^(0|-?[1-9]\d*)$"
_WHOLE, _CODE = r"^-?\d+$", r"^-?0\d+$"  # a number keeps no zeros before it, so one that has them is a code
_EXACT = 2.0**53  # up to here, a float64 holds each whole number


def resolve_task(name: str, request: TaskRequest, targets: pl.DataFrame) -> Task:
    """Decide what the request leaves open, and check that type, metric and target fit each other.

    Args:
        name: the task's.
        request: what the user said of the task.
        targets: the sample's target columns, without nulls.

    Raises:
        TaskError: the type or the metric does not exist, or does not fit the target.
        SampleError: all values of a target are the same, or one is impossible for the task's type.
    """
    guesses = []
    kind = request.type
    if kind is None:
        kind, why = _guess_type(name, targets)
        guesses.append(f"Type: {kind.value}, because {why}.")
    if kind is not TaskType.MULTILABEL and targets.width > 1:
        raise TaskError(f"task {name}: a {kind.value} task has one target column; found {targets.columns}.")
    classes = tuple(sorted(class_names(targets.to_series()).unique())) if kind is TaskType.MULTICLASS else ()
    if len(classes) > _MOST_CLASSES:
        raise SampleError(
            f"task {name}: {targets.columns[0]} has {len(classes)} different values; multiclass takes up to "
            f"{_MOST_CLASSES}. Is this the right column, or is the task a regression?"
        )
    options = request.model_dump(exclude={"type", "metric"})
    task = Task(name=name, type=kind, metric="", classes=classes, targets=tuple(targets.columns), **options)
    if kind is TaskType.REGRESSION:
        _refuse_lost_digits(name, targets.to_series())
    encoded = encode_targets(targets, task)  # also refuses values that the type cannot have
    _refuse_constants(name, targets, encoded)
    metric = request.metric
    if metric is None:
        metric = default_metric(kind, encoded)
        guesses.append(f"Metric: {metric}, the default for this target.")
    get_metric(metric, kind)
    if metric == "r2_log1p" and encoded.min() < 0:
        raise TaskError(
            f"task {name}: metric 'r2_log1p' is for amounts of 0 and more, but {int((encoded < 0).sum())} rows have a "
            f"negative target (the least is {encoded.min():g}). Choose another metric, such as r2 or mae."
        )
    if metric == "mape" and not encoded.all():
        raise TaskError(
            f"task {name}: metric 'mape' is a share of the target, but {int((encoded == 0).sum())} rows have a target "
            "of 0. Choose another metric, such as mae or r2_log1p, or remove these rows from the sample."
        )
    return task.model_copy(update={"metric": metric, "guesses": tuple(guesses)})


def encode_targets(targets: pl.DataFrame, task: Task) -> np.ndarray:
    """Turn target columns into an array: float32 (n, L), or int64 (n,) positions in `task.classes` for multiclass.

    Values of a regression are amounts, all others 0 or 1.

    Raises:
        SampleError: a value is impossible for the task's type, or not among its classes.
    """
    match task.type:
        case TaskType.MULTICLASS:
            texts = class_names(targets.to_series())
            if unknown := sorted(set(texts) - set(task.classes)):
                raise SampleError(f"task {task.name}: target values {unknown[:5]} are not among {list(task.classes)}.")
            return texts.replace_strict(task.classes, range(len(task.classes)), return_dtype=pl.Int64).to_numpy()
        case TaskType.REGRESSION:
            columns = [_number(targets[column], task.name) for column in targets.columns]
        case _:
            columns = [_flag(targets[column], task.name) for column in targets.columns]
    return np.stack(columns, axis=1).astype(np.float32)


def outcome_flags(target: np.ndarray, task: Task) -> np.ndarray | None:
    """Which of m outcomes each row has, (n, m) bool; None if the target is an amount.

    Each class is an outcome; of each label, having it and not having it are two.

    Args:
        target: as `encode_targets` returns it.
        task: its type and classes.
    """
    match task.type:
        case TaskType.REGRESSION:
            return None
        case TaskType.MULTICLASS:
            return np.asarray(target[:, None] == np.arange(len(task.classes)))
        case _:
            return np.concatenate([target > 0, target == 0], axis=1)


def class_names(target: pl.Series) -> pl.Series:
    """The class that each value of a target names, text (n,): 1, 1.0, a decimal 1.00 and texts of these are all `1`.

    Where all texts are numbers, so are 1., +1 and 1e0; but 01 is a code of its own.
    """
    names = target.to_frame().select(category(target.name, target.dtype).value).to_series()
    if not is_text(target.dtype):
        return names
    values = names.unique()
    numbers, _ = _numbers(values)
    if numbers.is_null().any() or values.str.contains(_CODE).any():
        return names
    otherwise = (numbers == numbers.round()) & (numbers.abs() < _EXACT) & ~values.str.contains(_PLAIN_WHOLE)
    odd = values.filter(otherwise)
    return names.replace(odd, numbers.filter(otherwise).cast(pl.Int64).cast(pl.String)) if len(odd) else names


def _guess_type(name: str, targets: pl.DataFrame) -> tuple[TaskType, str]:
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
    numbers, too_large = _numbers(values)
    unreadable = numbers.is_null() & ~too_large
    if unreadable.any():
        _refuse_words_beside_flags(name, column, values.filter(unreadable), numbers)
    codes = values.filter(values.str.contains(_CODE))
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


def _refuse_lost_digits(name: str, target: pl.Series) -> None:
    """Raise where amounts are told apart by digits that a float32, in which they are learnt, does not hold."""
    values = _number(target, name)
    least, greatest = values.min(), values.max()
    if least == greatest and target.dtype != pl.Boolean:  # as float64, which does not hold all digits, either
        exact = [Decimal(text) for text in class_names(target).unique()]
        least, greatest = min(exact), max(exact)
    lost = float(np.sqrt(np.mean((values.astype(np.float32) - values) ** 2)))
    if least < greatest and lost >= _MOST_LOST * values.std():
        raise SampleError(
            f"task {name}: {target.name} goes from {least} to {greatest}; ANNA holds 7 digits of a number, "
            f"too few to tell these apart. Subtract the same amount, such as {least}, from all."
        )


def _refuse_constants(name: str, targets: pl.DataFrame, encoded: np.ndarray) -> None:
    spread = np.ptp(encoded.reshape(len(encoded), -1), axis=0)
    for column, same in zip(targets, spread == 0, strict=True):
        if same:
            raise SampleError(
                f"task {name}: every row has {column.name} = {column[0]}; there is nothing to learn. "
                "Bring rows with different outcomes."
            )


def _number(column: pl.Series, task: str) -> np.ndarray:
    numbers, too_large = _numbers(column)
    bad = numbers.is_null()
    if bad.any():
        first = int(bad.arg_max() or 0)
        cure = "remove these rows, or give all in a greater unit" if too_large[first] else cure_of(str(column[first]))
        raise SampleError(f"task {task}: {_first(column, bad)}; a regression needs numbers below 3e38: {cure}.")
    return numbers.to_numpy()


def _numbers(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Numbers, null where they are none that can be used, and whether a value is one that is too large."""
    typed = number(column.name, column.dtype)
    found = column.to_frame().select(typed.value.alias("value"), typed.too_large.alias("too large"))
    return found["value"], found["too large"]


def _flag(column: pl.Series, task: str) -> np.ndarray:
    flags = column.to_frame().select(boolean(column.name, column.dtype).value.cast(pl.Float64)).to_series()
    if flags.is_null().any():
        raise SampleError(f"task {task}: {_first(column, flags.is_null())}; write 1 and 0 (or yes and no).")
    return flags.to_numpy()


def _first(column: pl.Series, bad: pl.Series) -> str:
    """Say which bad value comes first, in which row it stands, and how many rows are bad."""
    row = 1 + int(bad.arg_max() or 0)
    return f"{column.name} holds {column[row - 1]!r} in row {row} ({bad.sum():,} of {len(bad):,} rows are so)"
