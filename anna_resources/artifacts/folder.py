"""What artifacts of several files have in common: a folder of versions, and a pointer to the current one."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from anna_core import storage
from anna_core.errors import ArtifactError

_Content = TypeVar("_Content")
# So many files' contents are kept by whoever reads each once in each state: every look asks for those of all periods,
# such as of twenty tasks in three years of days. With room for fewer than it asks for, each would be read anew.
STATES_KEPT = 65_536


@dataclass(frozen=True)
class ArtifactFolder:
    """An artifact of several files, which are replaced together or not at all.

    Attributes:
        path: the folder that holds the versions and the pointer.
    """

    path: Path

    def exists(self) -> bool:
        """Whether the artifact was written, and its current version is still there."""
        return storage.has_directory(self.path)

    def current(self) -> Path:
        """The folder of the current version. A reader of several files must take all of them from one call.

        Raises:
            ArtifactError: the artifact was never written, or its current version was removed.
        """
        return storage.read_directory(self.path)

    def held(self) -> Path | None:
        """The folder of the current version; None where there is none."""
        return storage.held_directory(self.path)

    def why_removed(self) -> str:
        """Why it was taken away, and what to do; empty where it was not."""
        return storage.why_removed(self.path)

    def writing(self) -> AbstractContextManager[Path]:
        """A context that yields an empty folder, which becomes the current version unless the block raises."""
        return storage.write_directory(self.path)


def write_json(file: Path, content: BaseModel) -> None:
    """Write a file of an artifact, for people to read as well."""
    file.write_text(content.model_dump_json(indent=1), encoding="utf-8")


def read_json(file: Path, content: TypeAdapter[_Content], cure: str = "") -> _Content:
    """What a file of an artifact says.

    Args:
        file: the file.
        content: its form.
        cure: what to do where it is not there, or of another form; by default to have its folder made again.

    Raises:
        ArtifactError: it is not there, or of another form.
    """
    try:
        return content.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        cure = cure or f"Materialize what lies in {file.parent} again."
        raise ArtifactError(f"{file}: cannot be read. {cure}") from error


def file_state(file: Path) -> tuple[int, int]:
    """By what a file that was damaged is told from what it was; zeros where it cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
