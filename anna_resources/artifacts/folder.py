"""What artifacts of several files have in common: a folder of versions, and a pointer to the current one."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from anna_core import storage


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

    def why_removed(self) -> str:
        """Why it was taken away, and what to do; empty where it was not."""
        return storage.why_removed(self.path)

    def writing(self) -> AbstractContextManager[Path]:
        """A context that yields an empty folder, which becomes the current version unless the block raises."""
        return storage.write_directory(self.path)
