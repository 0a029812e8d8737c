"""Outcomes: what became of clients who were scored, as the bank brings it later, `inbox/<task>/outcomes/*.csv`.

A file has the columns of a sample, client_id, as_of and the task's targets, and goes through the same door.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from anna_core.errors import AnnaError, SampleError
from anna_core.samples.column_names import AS_OF, CLIENT, WEIGHT
from anna_core.samples.files import ending_of
from anna_core.samples.listing import FileStamp, stamp
from anna_core.samples.reading import read_sample_file, target_columns
from anna_core.samples.rows import checked_rows
from anna_core.samples.target_values import class_names
from anna_core.samples.targets import encode_targets
from anna_core.tasks.task import Task, TaskType


def list_outcomes(folder: Path) -> dict[str, FileStamp]:
    """Name → state of each file of outcomes, the latest change last; what begins with `.` or `_` is not finished.

    What has a file's name and is none, such as a folder of parts, is listed, too: whoever reads it is told.
    """
    if not folder.is_dir():
        return {}
    names = (entry.name for entry in folder.iterdir() if ending_of(entry.name) and entry.name[0] not in "._")
    states = {name: state for name in names if (state := _state(folder / name)) is not None}
    return dict(sorted(states.items(), key=lambda one: (one[1][1], one[0])))


def last_change(state: FileStamp, now: float) -> float:
    """When a file changed last, in Unix time; a time of writing that lies ahead, as of a copy, says nothing."""
    _, modified, changed = state
    return max(changed, modified if modified / 1e9 <= now else 0) / 1e9


def read_outcomes(path: Path, task: Task) -> pl.DataFrame:
    """Read and check a file of outcomes.

    Args:
        path: the file.
        task: as its champion has it: which targets there are, and which values they take.

    Returns:
        client_id (text), as_of (date), weight (float32) and the target columns as the task writes them: names of
        classes as text, amounts and labels as float32.

    Raises:
        SampleError: the file, a column or a value is wrong; the message names it.
    """
    if not path.is_file():  # nobody waits for what may come through a pipe
        raise SampleError(f"{path} is no file, so nothing is read of it: bring the outcomes as one file.")
    frame = read_sample_file(path)
    targets = target_columns(frame, path)
    if sorted(targets) != sorted(task.targets):
        raise SampleError(
            f"{path}: has {', '.join(targets)}; the champion of {task.name} predicts {', '.join(task.targets)}. Bring "
            "these columns."
        )
    rows, _ = checked_rows(frame, task.targets, path)
    try:
        return rows.select(CLIENT, AS_OF, WEIGHT).with_columns(plain_targets(rows, task))
    except AnnaError as error:
        raise SampleError(f"{path}: {error}") from error


def plain_targets(rows: pl.DataFrame, task: Task) -> list[pl.Series]:
    """The target columns of rows in one form: names of classes as text, amounts and labels as float32.

    Raises:
        SampleError: a value is none that the task takes.
    """
    encoded = encode_targets(rows.select(task.targets), task)
    if task.type is TaskType.MULTICLASS:
        return [class_names(rows[task.targets[0]])]
    return [pl.Series(name, encoded[:, place]) for place, name in enumerate(task.targets)]


def joined(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all files, ordered by date and client; of one client and date, the later file's stands."""
    if not frames:
        return pl.DataFrame(schema={CLIENT: pl.String, AS_OF: pl.Date})
    return pl.concat(frames).unique([AS_OF, CLIENT], keep="last").sort(AS_OF, CLIENT)


def _state(path: Path) -> FileStamp | None:
    try:
        return stamp(path.stat())
    except OSError:  # moved away meanwhile, or out of reach: the next look sees
        return None
