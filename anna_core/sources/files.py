"""A source's files: those that are read, and those beside them that are not, each with the reason."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from anna_core.columns.parquet_files import PARQUET_MARK
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.file_names import is_garbled, shown
from anna_core.folders import UnseenError, is_hidden, status, walk, why_no_file
from anna_core.lake_folders import (
    DELTA_LOG,
    HUDI,
    OF_ANY_FORMAT,
    LakeFolder,
    lake_around,
    lake_holding,
)
from anna_core.sources.source import Source

ENDINGS = {"parquet": (".parquet", ".parq", ".pq"), "csv": (".csv", ".csv.gz", ".csv.zst")}  # in any letter case
# Files without data that writers leave beside it.
_MARKERS = ("_success", "_metadata", "_common_metadata", ".ds_store", "thumbs.db")
_MARKER_BEGINS, _MARKER_ENDS = ("_committed_", "_started_"), (".crc",)
_SNAPSHOT = "bring a snapshot of it as Parquet files, in a folder of its own."
_SHOWN = 5


@dataclass(frozen=True)
class SourceFiles:
    """What lies at a source's place.

    Attributes:
        read: the data files, sorted.
        unread: path of another file, relative to the source's folder → why it is not read.
        hidden: the same for data files that a writer or a person has hidden; they come and go.
    """

    read: list[Path]
    unread: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)

    @property
    def not_read(self) -> dict[str, str]:
        """Path of every file that is not read → why."""
        return self.unread | self.hidden


def source_files(source: Source) -> SourceFiles:
    """Find the files of a Parquet or CSV source; if its path is a file, it is read whatever its name.

    Raises:
        SourceError: there is no file to read, ANNA may not look into a folder, or Parquet files belong to a table of a
            data lake, or files of any format to one of Hive's or Spark's, not all of whose files count.
    """
    domain, path = source.domain, source.path
    at_path = _status(domain, path)
    _refuse_lake(source, lake_around(path))
    if at_path is not None and not stat.S_ISDIR(at_path.st_mode):
        if stat.S_ISREG(at_path.st_mode):
            return SourceFiles([path])
        raise SourceError(
            f"domain {domain.name}: {path} is neither a file nor a folder. Correct `source.path` in {domain.name}.yaml."
        )
    found = SourceFiles([])
    names: dict[tuple[int, ...], str] = {}
    for file, parts in sorted(_walk(source), key=lambda walked: (os.path.islink(walked[0]), walked)):
        path_inside = "/".join(parts)
        name = shown(path_inside)
        if _is_marker(parts[-1]):
            continue
        if is_hidden(parts):
            if _has_data(parts[-1]):
                found.hidden[name] = _why_hidden(parts)
        elif is_garbled(path_inside):
            found.unread[name] = "has a name that is not UTF-8; rename it"
        elif (at_name := _status(domain, file)) is None:
            if file.is_symlink():  # else a writer has just moved it
                found.unread[name] = "is a link that leads nowhere"
        elif reason := why_no_file(at_name) or _why_unread(domain, file):
            found.unread[name] = reason
        elif (first := names.setdefault(_identity(at_name), name)) != name:
            found.unread[name] = f"is the same file as {first}, by another name"
        else:
            found.read.append(file)
    if not found.read:
        beside = f" ({told_unread(found.not_read)})" if found.not_read else ""
        raise SourceError(
            f"domain {domain.name}: no .{domain.source.format} file at {path}{beside}. "
            f"Correct `source.path` in {domain.name}.yaml, or bring the table there."
        )
    found.read.sort()
    return found


def newest_first(files: list[Path]) -> list[Path]:
    """Files by when they were modified, the latest first."""
    return sorted(files, key=lambda file: -file.stat().st_mtime_ns)


def told_unread(unread: dict[str, str]) -> str:
    """Say how many files are not read, and name the first of them with the reasons."""
    some = [f"{name} {reason}" for name, reason in sorted(unread.items())[:_SHOWN]]
    more = [f"and {len(unread) - _SHOWN:,} more"] if len(unread) > _SHOWN else []
    count = "1 file is" if len(unread) == 1 else f"{len(unread):,} files are"
    return f"{count} not read: {'; '.join(some + more)}"


def _walk(source: Source) -> Iterator[tuple[Path, tuple[str, ...]]]:
    domain, folder = source.domain, source.path
    with _of_domain(domain):
        for file, parts in walk(folder):
            _refuse_lake(source, lake_holding(folder, parts))
            yield file, parts


def _refuse_lake(source: Source, lake: LakeFolder | None) -> None:
    """Raise `SourceError` for the files of a table, among which are those of rows that were overwritten or deleted."""
    domain = source.domain
    if lake is None or lake.hidden or (domain.source.format != "parquet" and lake.kind not in OF_ANY_FORMAT):
        return
    cure = f"Write `source: {{path: {lake.folder}, format: {lake.kind.lower()}}}` in {domain.name}.yaml."
    if lake.kind in (HUDI, *OF_ANY_FORMAT):
        cure = f"ANNA does not read these: {_SNAPSHOT}"
    elif not lake.is_in_place:
        cure = f"Its log leads to {lake.location or 'no place'}, not here: {_SNAPSHOT}"
    raise SourceError(f"domain {domain.name}: {lake.folder} {lake.told}. {cure}")


def _status(domain: Domain, path: Path) -> os.stat_result | None:
    with _of_domain(domain):
        return status(path)


@contextmanager
def _of_domain(domain: Domain) -> Iterator[None]:
    """Add the domain to what is said of something that cannot be looked at."""
    try:
        yield
    except UnseenError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """What the names of one file have in common; its number alone is not enough, as not all file systems give one."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _is_marker(name: str) -> bool:
    name = name.lower()
    return name in _MARKERS or name.startswith(_MARKER_BEGINS) or name.endswith(_MARKER_ENDS)


def _has_data(name: str) -> bool:
    return name.lower().endswith(tuple(ending for endings in ENDINGS.values() for ending in endings))


def _why_hidden(parts: tuple[str, ...]) -> str:
    if DELTA_LOG in parts:
        return "belongs to a Delta table: set `format: delta`"
    sign = next(part for part in parts if part.startswith((".", "_")))
    return f"is out of sight: '{shown(sign)}' begins as what writers have not finished"


def _why_unread(domain: Domain, file: Path) -> str | None:
    """Why a file is not data of the domain's format; None if it is."""
    name, own = file.name.lower(), ENDINGS[domain.source.format]
    if name.endswith(own):
        return None
    if not file.suffix and domain.source.format == "parquet":  # Hive calls its files 000000_0
        try:
            if _begins_as_parquet(file):
                return None
        except PermissionError:
            return "may not be read by ANNA's user"
    if _has_data(name):
        return f"is not of the format {domain.source.format}"
    return f"does not end in {', '.join(own)}"


def _begins_as_parquet(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(len(PARQUET_MARK)) == PARQUET_MARK
    except FileNotFoundError:
        return False  # it has just been moved away
