"""Folders that are tables of a data lake, known by the log beside the data: it alone says which files still count."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

DELTA, ICEBERG, HUDI = "Delta", "Iceberg", "Hudi"
_DELTA_LOG, _ICEBERG_LOG, _HUDI_LOG = "_delta_log", "metadata", ".hoodie"
_ICEBERG_STATES = "*.metadata.json*"  # also compressed


@dataclass(frozen=True)
class LakeFolder:
    """A table's folder and its kind: `DELTA`, `ICEBERG` or `HUDI`."""

    folder: Path
    kind: str


def lake_holding(folder: Path, parts: tuple[str, ...]) -> LakeFolder | None:
    """The table to whose log a file belongs, by the parts of its path below a folder; None for all other files."""
    for place, name in enumerate(parts):
        table = folder.joinpath(*parts[:place])
        if name == _DELTA_LOG:
            return LakeFolder(table, DELTA)
        if name == _HUDI_LOG:
            return LakeFolder(table, HUDI)
        if name == _ICEBERG_LOG and fnmatchcase(parts[-1], _ICEBERG_STATES):
            return LakeFolder(table, ICEBERG)
    return None


def _lake_folder(folder: Path) -> LakeFolder | None:
    """What table a folder is, if any.

    Raises:
        PermissionError: the folder may not be looked into.
    """
    if (folder / _DELTA_LOG).is_dir():
        return LakeFolder(folder, DELTA)
    if next((folder / _ICEBERG_LOG).glob(_ICEBERG_STATES), None) is not None:
        return LakeFolder(folder, ICEBERG)
    return LakeFolder(folder, HUDI) if (folder / _HUDI_LOG).is_dir() else None


def lake_around(path: Path) -> LakeFolder | None:
    """The table in which a file or folder lies, as `<table>/data` or a partition does, or that the folder is.

    Folders above that may not be looked into are passed over: whoever reads below them need not be able to list them.
    """
    for folder in (path, *path.parents):
        try:
            if (found := _lake_folder(folder)) is not None:
                return found
        except PermissionError:
            continue
    return None
