"""Samples: an uploaded file is read and checked, and what the user left open is decided."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel, ValidationError

from anna_core.errors import ArtifactError, SampleError
from anna_core.forms import origin_of
from anna_core.keys import parse_sample_key
from anna_core.samples.column_names import SPLIT, WEIGHT
from anna_core.samples.reading import read_sample_file, target_columns
from anna_core.samples.rows import checked_rows
from anna_core.samples.splits import assign_folds, assign_splits, client_key
from anna_core.samples.targets import encode_targets, outcome_flags, resolve_task
from anna_core.strict import explain
from anna_core.tasks.task import Task, TaskRequest

ROWS_FILE, TASK_FILE = "rows.parquet", "task.json"
FORM = 1  # to be raised whenever samples written before must be checked again
_AGAIN = "materialize the sample again (or submit it again)."


class _Form(BaseModel):
    """The form of a `task.json`, whatever version wrote it."""

    form: object = None


class _StoredTask(BaseModel):
    """Content of `task.json`."""

    form: int = FORM
    task: Task


@dataclass(frozen=True)
class Sample:
    """A checked sample of n rows.

    Attributes:
        key: `<task>.<sample>`.
        task: what is to be predicted, with nothing left open.
        rows: client_id (text), as_of (date), the target columns (as uploaded, without padding), split (text), fold
            (int8), weight (float32) and, if uploaded, group_id (text).
    """

    key: str
    task: Task
    rows: pl.DataFrame

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def target(self) -> np.ndarray:
        """The targets: float32 (n, L), or int64 (n,) positions in `task.classes` for multiclass."""
        return encode_targets(self.rows.select(self.task.targets), self.task)

    @cached_property
    def weight(self) -> np.ndarray:
        """The rows' weights, float32 (n,), positive."""
        return self.rows[WEIGHT].to_numpy()

    @cached_property
    def split(self) -> np.ndarray:
        """The rows' splits, (n,) text: train, valid or test."""
        return self.rows[SPLIT].to_numpy().astype("<U5")

    @cached_property
    def client(self) -> np.ndarray:
        """The client that each row belongs to, as a number, (n,) int64; rows of one group count as one client's."""
        return client_key(self.rows).rank("dense").to_numpy().astype(np.int64)

    @cached_property
    def version(self) -> str:
        """Digest of the rows, which changes with their targets, splits and folds."""
        columns = self.rows.select(sorted(self.rows.columns))
        return hashlib.blake2b(columns.write_csv().encode(), digest_size=16).hexdigest()

    def with_notes(self, notes: Sequence[str]) -> "Sample":
        """The same sample with more sentences for people in its task."""
        task = self.task.model_copy(update={"guesses": (*self.task.guesses, *notes)})
        return replace(self, task=task)

    def write(self, folder: Path) -> None:
        """Write the sample's two files into an existing folder."""
        self.rows.write_parquet(folder / ROWS_FILE)
        (folder / TASK_FILE).write_text(_StoredTask(task=self.task).model_dump_json(indent=1), encoding="utf-8")

    @property
    def fold(self) -> np.ndarray:
        """The rows' folds, (n,) int8, see `anna_core.samples.splits.assign_folds`."""
        return self.rows["fold"].to_numpy()

    @classmethod
    def open(cls, key: str, folder: Path) -> "Sample":
        """Read a sample back.

        Raises:
            ArtifactError: the folder holds none, or one that another version of ANNA wrote in another form.
        """
        try:
            content = (folder / TASK_FILE).read_bytes()
            found = _Form.model_validate_json(content).form
            if found != FORM:
                raise ArtifactError(f"{folder}: was checked by {origin_of(found, FORM)}; {_AGAIN}")
            task = _StoredTask.model_validate_json(content).task
            rows = pl.read_parquet(folder / ROWS_FILE, glob=False)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            reason = explain(error, TASK_FILE) if isinstance(error, ValidationError) else error
            raise ArtifactError(f"{folder}: no sample that ANNA can read ({reason}); {_AGAIN}") from error
        return cls(key, task, rows)


def make_sample(path: Path, key: str, request: TaskRequest) -> Sample:
    """Read and check an uploaded file, and divide its rows.

    Args:
        path: the file.
        key: `<task>.<sample>`.
        request: what the user said of the task.

    Raises:
        SampleError: the file, a column or a value is wrong; the message names it.
        TaskError: the type or the metric does not fit the target.
    """
    name = parse_sample_key(key).task
    frame = read_sample_file(path)
    targets = target_columns(frame, path)
    rows, notes = checked_rows(frame, targets, path)
    with _of_file(path):
        task = resolve_task(name, request, rows.select(targets))
        outcomes = outcome_flags(encode_targets(rows.select(targets), task), task)
        split, how = assign_splits(rows, task.split, outcomes)
    fold = assign_folds(rows, split, task.training.folds, task.split.seed, outcomes)
    rows = rows.with_columns(split=pl.Series(split), fold=pl.Series(fold))
    return Sample(key, task, rows).with_notes([how, *notes])


@contextmanager
def _of_file(path: Path) -> Iterator[None]:
    """Add the file's path to what is wrong with its rows; the code that looks at targets and splits knows only rows."""
    try:
        yield
    except SampleError as error:
        raise SampleError(f"{path}: {error}") from None
