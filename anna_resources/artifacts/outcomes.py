"""What became of scored clients, as read from the inbox: one table a task, and what there is to tell of its files."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl
from pydantic import BaseModel, ConfigDict, TypeAdapter

from anna_core.samples.column_names import AS_OF
from anna_core.samples.listing import FileStamp
from anna_core.tasks.task import Task
from anna_resources.artifacts.folder import ArtifactFolder, read_json, write_json

_ROWS, _FACTS = "outcomes.parquet", "outcomes.json"


class OutcomeFacts(BaseModel):
    """What is known of a task's outcomes.

    Attributes:
        files: name → state of each file that was looked at.
        refused: name → why nothing was taken from that file.
        task: digest of the targets and values that they were read by.
        rows: as_of → number of clients whose outcome is known.
        versions: as_of → digest of these rows.
    """

    model_config = ConfigDict(frozen=True)

    files: dict[str, FileStamp] = {}
    refused: dict[str, str] = {}
    task: str = ""
    rows: dict[dt.date, int] = {}
    versions: dict[dt.date, str] = {}

    def is_of(self, files: Mapping[str, FileStamp], task: Task) -> bool:
        """Whether the outcomes are those that the files in these states hold for a task."""
        return (self.files, self.task) == (dict(files), reading_digest(task))


@dataclass(frozen=True)
class StoredOutcomes(ArtifactFolder):
    """A task's outcomes."""

    def write(
        self, rows: pl.DataFrame, files: Mapping[str, FileStamp], refused: Mapping[str, str], task: Task
    ) -> OutcomeFacts:
        """Replace them; arguments as of `joined`, and of `OutcomeFacts`."""
        parts = {date: part for (date,), part in rows.group_by(AS_OF, maintain_order=True)}
        facts = OutcomeFacts(
            files=dict(files),
            refused=dict(refused),
            task=reading_digest(task),
            rows={date: len(part) for date, part in parts.items()},
            versions={date: _digest(part.write_csv()) for date, part in parts.items()},
        )
        with self.writing() as folder:
            rows.write_parquet(folder / _ROWS)
            write_json(folder / _FACTS, facts)
        return facts

    def facts(self) -> OutcomeFacts:
        """What is known of them; nothing, where none were ever read.

        Raises:
            ArtifactError: they cannot be read.
        """
        if not self.exists():
            return OutcomeFacts()
        cure = "Materialize production/outcomes again."
        return read_json(self.current() / _FACTS, TypeAdapter(OutcomeFacts), cure)

    def read(self, date: dt.date | None = None) -> pl.DataFrame | None:
        """The outcomes, or those as of a date; None where there are none."""
        if not self.exists():
            return None
        rows = pl.read_parquet(self.current() / _ROWS, glob=False)
        rows = rows if date is None else rows.filter(pl.col(AS_OF) == date)
        return None if rows.is_empty() else rows


def reading_digest(task: Task) -> str:
    """Digest of what decides how a file of outcomes is read."""
    return _digest(task.model_dump_json(include={"type", "classes", "targets"}))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
