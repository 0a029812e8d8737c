"""Targets: they decide what the user leaves open of a task, and are turned into arrays."""

import unicodedata
from decimal import Decimal

import numpy as np
import polars as pl

from anna_core.columns.booleans import boolean
from anna_core.columns.numbers import cure_of
from anna_core.errors import SampleError, TaskError
from anna_core.metrics.registry import default_metric, get_metric
from anna_core.samples.guessing import guess_type
from anna_core.samples.reading import if_no_label
from anna_core.samples.target_values import class_names, numbers_of
from anna_core.tasks.task import Task, TaskRequest, TaskType

_MOST_CLASSES = 100  # more different texts are surely a mistake, such as an id instead of a target
_MOST_LOST = 0.01  # of an amount's standard deviation; that is 1e-4 of its variance


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
        kind, why = guess_type(name, targets)
        guesses.append(f"Type: {kind.value}, because {why}.")
    if kind is not TaskType.MULTILABEL and targets.width > 1:
        raise TaskError(
            f"task {name}: a {kind.value} task has one target column; found {targets.columns}. "
            "Rename those that are none."
        )
    classes = tuple(sorted(class_names(targets.to_series()).unique())) if kind is TaskType.MULTICLASS else ()
    if len(classes) > _MOST_CLASSES:
        raise SampleError(
            f"task {name}: {targets.columns[0]} has {len(classes)} different values; multiclass takes up to "
            f"{_MOST_CLASSES}. Is this the right column, or is the task a regression?"
        )
    guesses += _alike(classes)
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


def _alike(classes: tuple[str, ...]) -> list[str]:
    """Sentences on classes that people would take for one."""
    found: dict[str, list[str]] = {}
    for name in classes:
        seen = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
        found.setdefault(seen.casefold(), []).append(name)
    return [
        f"{' and '.join(map(repr, names))} are {len(names)} classes, as they are not written alike in all rows; where "
        "one is meant, write it in one way."
        for names in found.values()
        if len(names) > 1
    ]


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
    numbers, too_large = numbers_of(column)
    bad = numbers.is_null()
    if bad.any():
        first = int(bad.arg_max() or 0)
        cure = "remove these rows, or give all in a greater unit" if too_large[first] else cure_of(str(column[first]))
        raise SampleError(f"task {task}: {_first(column, bad)}; a regression needs numbers below 3e38: {cure}.")
    return numbers.to_numpy()


def _flag(column: pl.Series, task: str) -> np.ndarray:
    flags = column.to_frame().select(boolean(column.name, column.dtype).value.cast(pl.Float64)).to_series()
    if flags.is_null().any():
        raise SampleError(
            f"task {task}: {_first(column, flags.is_null())}; write 1 and 0 (or yes and no){if_no_label(column.name)}."
        )
    return flags.to_numpy()


def _first(column: pl.Series, bad: pl.Series) -> str:
    """Say which bad value comes first, in which row it stands, and how many rows are bad."""
    row = 1 + int(bad.arg_max() or 0)
    return f"{column.name} holds {column[row - 1]!r} in row {row} ({bad.sum():,} of {len(bad):,} rows are so)"
