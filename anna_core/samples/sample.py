"""Samples: reading an uploaded file, checking it, and deciding what the user left open."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from anna_core.errors import ArtifactError, SampleError
from anna_core.keys import parse_sample_key
from anna_core.samples.groups import join_groups
from anna_core.samples.splits import assign_folds, assign_splits, client_key
from anna_core.samples.targets import encode_targets, outcome_flags, resolve_task
from anna_core.tasks.task import Task, TaskRequest

SUFFIXES = (".csv", ".parquet")
ROWS_FILE, TASK_FILE = "rows.parquet", "task.json"
_OPTIONAL = ("split", "group_id", "weight")
_TARGET = "target"
_EXAMPLES = 3  # rows that an error's message shows
# What pandas, databases and spreadsheets write for nothing. None is not among them: it may well be a class.
_EMPTY = ("", "nan", "null", "na", "n/a", "#n/a", "<na>")
# What pandas makes of whole numbers once one of them is missing, and spreadsheets of long ones.
_WRITTEN_AS_FLOAT = r"^\d+\.0+$|^\d+(\.\d+)?[eE]\+?\d+$"
_FIRST_DAY, _LAST_DAY = dt.date(1970, 1, 1), dt.date(2199, 12, 31)  # 0001-01-01 and 9999-12-31 stand for "none"


_TEXTS = cs.binary() | cs.categorical() | cs.enum()  # other ways to store text


@dataclass(frozen=True)
class Sample:
    """A checked sample of n rows.

    Attributes:
        key: `<task>.<sample>`.
        task: what is to be predicted, nothing left open.
        rows: client_id (text), as_of (date), the target columns as uploaded, split (text), fold (int8), weight
            (float32) and, where uploaded, group_id (text).
    """

    key: str
    task: Task
    rows: pl.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def target(self) -> np.ndarray:
        """Float32 (n, L), or int64 (n,) class positions for multiclass."""
        return encode_targets(self.rows.select(self.task.targets), self.task)

    @cached_property
    def weight(self) -> np.ndarray:
        """Float32 (n,)."""
        return self.rows["weight"].to_numpy()

    @cached_property
    def split(self) -> np.ndarray:
        """(n,) of 'train', 'valid', 'test'."""
        return self.rows["split"].to_numpy().astype("<U5")

    @cached_property
    def client(self) -> np.ndarray:
        """(n,) int64, a number for whose each row is: of its group where it has one, else of its client."""
        return client_key(self.rows).rank("dense").to_numpy().astype(np.int64)

    @cached_property
    def version(self) -> str:
        """Digest of the rows: other targets, splits or folds make another one."""
        columns = self.rows.select(sorted(self.rows.columns))
        return hashlib.blake2b(columns.write_csv().encode(), digest_size=16).hexdigest()

    def with_notes(self, notes: Sequence[str]) -> "Sample":
        """The same sample with further sentences for people."""
        task = self.task.model_copy(update={"guesses": (*self.task.guesses, *notes)})
        return replace(self, task=task)

    def write(self, folder: Path) -> None:
        """Write the sample into an existing folder."""
        self.rows.write_parquet(folder / ROWS_FILE)
        (folder / TASK_FILE).write_text(self.task.model_dump_json(indent=1), encoding="utf-8")

    @property
    def fold(self) -> np.ndarray:
        """(n,) int8, see `anna_core.samples.splits.assign_folds`."""
        return self.rows["fold"].to_numpy()

    @classmethod
    def open(cls, key: str, folder: Path) -> "Sample":
        """Read a sample back; raises `ArtifactError` where the folder holds none."""
        try:
            task = Task.model_validate_json((folder / TASK_FILE).read_bytes())
            rows = pl.read_parquet(folder / ROWS_FILE)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise ArtifactError(f"{folder}: no sample that ANNA can read: {error}") from error
        if "fold" not in rows.columns:
            raise ArtifactError(f"{folder}: this sample was made before cross-fitting; materialize sample again.")
        return cls(key, task, rows)


def make_sample(path: Path, key: str, request: TaskRequest) -> Sample:
    """Read and check an uploaded file.

    Raises:
        SampleError: the file, a column or a value is wrong; the message names it.
        TaskError: type or metric do not go with the target.
    """
    name = parse_sample_key(key).task
    frame = read_sample_file(path)
    targets = target_columns(frame, path)
    rows, notes = _checked(frame, targets, path)
    task = resolve_task(name, request, rows.select(targets))
    outcomes = outcome_flags(encode_targets(rows.select(targets), task), task)
    split, how = assign_splits(rows, task.split, outcomes)
    fold = assign_folds(rows, split, task.training.folds, task.split.seed, outcomes)
    rows = rows.with_columns(split=pl.Series(split), fold=pl.Series(fold))
    return Sample(key, task, rows).with_notes([how, *notes])


def read_sample_file(path: Path) -> pl.DataFrame:
    """Read a CSV (all columns as text) or a Parquet file; raises `SampleError`."""
    if path.suffix not in SUFFIXES:
        raise SampleError(f"{path}: a sample is a .csv or .parquet file.")
    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
        frame = frame.with_columns(_TEXTS.cast(pl.String))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SampleError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from error
    if frame.is_empty():
        raise SampleError(f"{path}: has no rows.")
    names = [column.strip().lstrip("\ufeff") for column in frame.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise SampleError(f"{path}: has several columns {repeated}; keep one of each.")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def read_dates(path: Path) -> pl.Series:
    """The as_of dates of an uploaded file, a row each: the quick part of its check.

    Raises:
        SampleError: the file cannot be read, a column is missing, or an as_of is no date.
    """
    frame = read_sample_file(path)
    target_columns(frame, path)
    return _as_of(frame["as_of"], path)


def target_columns(frame: pl.DataFrame, path: Path) -> tuple[str, ...]:
    """The target columns of an uploaded sample: `target`, or several `target_*`.

    Raises:
        SampleError: a standard column is missing, or both forms are there.
    """
    missing = [column for column in ("client_id", "as_of") if column not in frame.columns]
    several = tuple(column for column in frame.columns if column.startswith(f"{_TARGET}_"))
    if _TARGET in frame.columns and several:
        raise SampleError(f"{path}: has both target and {list(several)}; keep the one or the others.")
    if missing or not (several or _TARGET in frame.columns):
        raise SampleError(
            f"{path}: a sample has the columns client_id, as_of and target (target_<name> for several labels); "
            f"found {frame.columns}."
        )
    return several or (_TARGET,)


def _checked(frame: pl.DataFrame, targets: tuple[str, ...], path: Path) -> tuple[pl.DataFrame, list[str]]:
    known = {"client_id", "as_of", *targets, *_OPTIONAL}
    notes = []
    if ignored := [column for column in frame.columns if column not in known]:
        notes.append(f"Columns {ignored} of the file are not used.")
    for column in sorted(known & set(frame.columns)):
        kind = frame[column].dtype
        if kind.is_nested() or kind == pl.Object or (kind.is_temporal() and column != "as_of"):
            raise SampleError(f"{path}: column {column} is {kind}; write text or numbers.")
    for column in ("client_id", "group_id"):
        kind = frame[column].dtype if column in frame.columns else pl.String()
        if kind.is_float() or (isinstance(kind, pl.Decimal) and kind.scale):  # 17.0 would never meet the 17 of a mart
            raise SampleError(f"{path}: column {column} is {kind}; write text or whole numbers.")
    rows = frame.select(
        pl.col("client_id").cast(pl.String).str.strip_chars(),
        _as_of(frame["as_of"], path),
        *targets,
        *(column for column in ("split",) if column in frame.columns),
        *(_or_null(frame[column]) for column in ("group_id",) if column in frame.columns),
        weight=_weight(frame, path),
    )
    for column in ("client_id", *targets):
        _refuse(path, _or_null(rows[column]).is_null(), f"column {column} is empty; every row needs it", frame)
    _refuse(
        path,
        rows["client_id"].str.contains(_WRITTEN_AS_FLOAT),
        "column client_id holds numbers with decimals, which no event's client has; write 17, not 17.0",
        frame,
    )
    _refuse(
        path,
        rows.select(pl.struct("client_id", "as_of").is_duplicated()).to_series(),
        "the same client_id and as_of stand in several rows; keep one of them",
        frame,
    )
    rows, torn = join_groups(rows)
    if torn:
        notes.append(f"Clients with rows in several groups, or outside of theirs: {torn:,}; such groups count as one.")
    return rows, notes


def _or_null(column: pl.Series) -> pl.Series:
    """A column as text, null where it is empty."""
    text = column.cast(pl.String).str.strip_chars()
    return text.set(text.str.to_lowercase().is_in(_EMPTY), None)


def _as_of(column: pl.Series, path: Path) -> pl.Series:
    if column.dtype == pl.String:
        text = column.str.strip_chars()
        dates = text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        midnight = text.str.contains(r"^.{10}([T ]00:00(:00(\.0+)?)?)?$")
        dates = dates.set(~midnight.fill_null(value=False), None)
    elif isinstance(column.dtype, pl.Datetime):
        dates = column.dt.date().set((column.dt.time() != dt.time()).fill_null(value=True), None)
    elif column.dtype == pl.Date:
        dates = column
    else:
        raise SampleError(f"{path}: column as_of is {column.dtype}; write dates as 2024-03-31.")
    known = dates.is_between(_FIRST_DAY, _LAST_DAY).fill_null(value=False)
    _refuse(path, ~known, "column as_of is not a whole day of our time; write dates as 2024-03-31", column.to_frame())
    return dates.alias("as_of")


def _weight(frame: pl.DataFrame, path: Path) -> pl.Series:
    if "weight" not in frame.columns:
        return pl.Series("weight", np.ones(len(frame), dtype=np.float32))
    column = frame["weight"]
    weight = (column.str.strip_chars() if column.dtype == pl.String else column).cast(pl.Float32, strict=False)
    bad = ~(weight.is_finite() & (weight > 0)).fill_null(value=False)
    _refuse(path, bad, "column weight must hold positive numbers", frame)
    return weight


def _refuse(path: Path, bad: pl.Series, problem: str, frame: pl.DataFrame) -> None:
    """Raise where any row is bad, showing the first ones by their number in the file (a CSV's header is line 1)."""
    if not bad.any():
        return
    lines = bad.arg_true().head(_EXAMPLES)
    shown = "; ".join(f"row {line + 1}: {frame.row(line)}" for line in lines)
    raise SampleError(f"{path}: {problem}. {bad.sum()} of {len(bad)} rows are so, the first: {shown}.")
