"""Targets: guessing a task's type and metric from them, and turning them into arrays."""

import numpy as np
import polars as pl

from anna_core.errors import SampleError, TaskError
from anna_core.metrics.registry import default_metric, get_metric
from anna_core.tasks.task import Task, TaskRequest, TaskType

_YES = ("1", "1.0", "true", "yes", "y", "t")
_NO = ("0", "0.0", "false", "no", "n", "f")
_NONE = "none"  # a class among others; beside yes and no, a value that is missing
_MOST_CLASSES = 100  # more different texts are surely a mistake, such as an id in place of a target
_MOST_INTEGER_CLASSES = 10  # whole numbers with more values than this are amounts or counts


def resolve_task(name: str, request: TaskRequest, targets: pl.DataFrame) -> Task:
    """Decide what the request leaves open, and check that type, metric and target go together.

    Args:
        name: the task.
        request: what the user said.
        targets: the sample's target columns, no nulls.

    Raises:
        TaskError: the type or metric does not exist or does not fit the target.
        SampleError: a target has a single value, or none that the type can have.
    """
    guesses = []
    kind = request.type
    if kind is None:
        kind, why = _guess_type(name, targets)
        guesses.append(f"Type: {kind.value}, because {why}.")
    _check_targets(name, kind, targets)
    classes = tuple(sorted(_texts(targets.to_series()).unique())) if kind is TaskType.MULTICLASS else ()
    options = request.model_dump(exclude={"type", "metric"})
    task = Task(name=name, type=kind, metric="", classes=classes, targets=tuple(targets.columns), **options)
    encoded = encode_targets(targets, task)  # also refuses values that the type cannot have
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
    """Float32 (n, L) of 0/1 or amounts; for multiclass int64 (n,) positions in `task.classes`.

    Raises:
        SampleError: a value is none that the task's type can have.
    """
    match task.type:
        case TaskType.MULTICLASS:
            texts = _texts(targets.to_series())
            if unknown := sorted(set(texts) - set(task.classes)):
                raise SampleError(f"task {task.name}: target values {unknown[:5]} are not among {list(task.classes)}.")
            return texts.replace_strict(task.classes, range(len(task.classes)), return_dtype=pl.Int64).to_numpy()
        case TaskType.REGRESSION:
            columns = [_number(targets[column], task.name) for column in targets.columns]
        case _:
            columns = [_flag(targets[column], task.name) for column in targets.columns]
    return np.stack(columns, axis=1).astype(np.float32)


def outcome_flags(target: np.ndarray, task: Task) -> np.ndarray | None:
    """Which outcomes each row has, bool (n, m): each class, and of each label both yes and no; None for an amount."""
    match task.type:
        case TaskType.REGRESSION:
            return None
        case TaskType.MULTICLASS:
            return np.asarray(target[:, None] == np.arange(len(task.classes)))
        case _:
            return np.concatenate([target > 0, target == 0], axis=1)


def _guess_type(name: str, targets: pl.DataFrame) -> tuple[TaskType, str]:
    if targets.width > 1:
        return TaskType.MULTILABEL, f"there are {targets.width} target columns"
    column = _texts(targets.to_series())
    values = column.unique()
    lower = set(values.str.to_lowercase())
    if lower <= {*_YES, *_NO}:
        return TaskType.BINARY, "the target has only yes and no"
    if lower <= {*_YES, *_NO, _NONE}:
        raise SampleError(f"task {name}: the target has None beside yes and no; remove these rows, or write 1 or 0.")
    numbers = values.cast(pl.Float64, strict=False)
    if numbers.is_null().any():
        _refuse_numbers_among_texts(name, values)
        return TaskType.MULTICLASS, f"the target is one of {len(values)} texts"
    if len(values) <= _MOST_INTEGER_CLASSES and (numbers == numbers.round()).all():
        return TaskType.MULTICLASS, f"the target is one of {len(values)} whole numbers"
    return TaskType.REGRESSION, "the target is a number"


def _refuse_numbers_among_texts(name: str, values: pl.Series) -> None:
    """Raise where most of many different values are numbers, with a decimal comma or not: the others are slips."""
    parsed = values.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if len(values) > _MOST_INTEGER_CLASSES and parsed.null_count() < len(values) / 2:
        odd = values.filter(values.cast(pl.Float64, strict=False).is_null())
        raise SampleError(
            f"task {name}: most values of the target are numbers, but {odd[0]!r} is none; write numbers as 1234.5 and "
            "remove rows without one, or say `type: multiclass` if these are classes."
        )


def _check_targets(name: str, kind: TaskType, targets: pl.DataFrame) -> None:
    if kind is not TaskType.MULTILABEL and targets.width > 1:
        raise TaskError(f"task {name}: a {kind.value} task has one target column; found {targets.columns}.")
    for column in targets.columns:
        different = targets[column].n_unique()
        if different < 2:
            raise SampleError(
                f"task {name}: every row has {column} = {targets[column][0]}; there is nothing to learn. "
                "Bring rows with different outcomes."
            )
        if kind is TaskType.MULTICLASS and different > _MOST_CLASSES:
            raise SampleError(
                f"task {name}: {column} has {different} different values; multiclass takes up to {_MOST_CLASSES}. "
                "Is this the right column, or is the task a regression?"
            )


def _texts(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Decimal):  # 1.00 of a database is 1
        column = column.cast(pl.Float64 if column.dtype.scale else pl.Int64)
    return column.cast(pl.String).str.strip_chars()


def _number(column: pl.Series, task: str) -> np.ndarray:
    numbers = (_texts(column) if column.dtype == pl.String else column).cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.cast(pl.Float32).is_finite()
    if bad.any():
        raise SampleError(
            f"task {task}: {column.name} holds {column.filter(bad)[0]!r}; a regression needs numbers below 3e38."
        )
    return numbers.to_numpy()


def _flag(column: pl.Series, task: str) -> np.ndarray:
    texts = _texts(column).str.to_lowercase()
    flags = texts.replace_strict([*_YES, *_NO], [1.0] * len(_YES) + [0.0] * len(_NO), default=None)
    if flags.is_null().any():
        raise SampleError(
            f"task {task}: {column.name} holds {column.filter(flags.is_null())[0]!r}; write 1 and 0 (or yes and no)."
        )
    return flags.to_numpy()
