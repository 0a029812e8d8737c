"""What all artifacts of several files have in common: versions in a folder, and a pointer to the current one."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from anna_core import storage


@dataclass(frozen=True)
class ArtifactFolder:
    """An artifact of several files, which change together or not at all.

    Attributes:
        path: holds the versions and the pointer; it stays the same.
    """

    path: Path

    def exists(self) -> bool:
        """Whether it was written, and is still there."""
        return storage.has_directory(self.path)

    def current(self) -> Path:
        """Folder of the current version: who reads several files takes them all from here.

        Raises:
            ArtifactError: it was never written, or somebody removed it.
        """
        return storage.read_directory(self.path)

    def writing(self) -> AbstractContextManager[Path]:
        """Give an empty folder; what the block writes there becomes the current version when it ends well."""
        return storage.write_directory(self.path)
