"""Atomic storage: what is written appears whole or not at all.

A *file* is written beside its final place and then moved there. A *directory* gets a new version beside the older
ones, and a small pointer file, moved last, names the current version. A reader of the previous version can go on
reading: it stays until the next write. What a killed writer left behind is removed by a later write beside it: a writer
holds a lock on a file beside what it writes, its *claim*, which ends with its process.
"""

import fcntl
import json
import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from anna_core.errors import ArtifactError

POINTER = "current.json"
_TEMPORARY, _CLAIM = ".tmp-", ".claim-"
_LOCK = ".lock"
# After so long, what nobody on this machine claims is taken to be left behind. (Not all network file systems tell one
# machine of another's locks.) No step writes one artifact for a day.
_STALE_SECONDS = 24 * 3600
# Of a disk that counts as full less is free: about what a launch of a usual sample writes, and of a small disk a share.
_ROOM, _ROOM_SHARE = 2**30, 0.1


def local_root(url: str) -> Path:
    """Turn a storage URL into a folder; only `file:` URLs and plain paths are supported so far.

    Raises:
        ArtifactError: the URL has another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        raise ArtifactError(f"storage '{url}': scheme '{parts.scheme}' is not supported; use a path or a file: URL.")
    return Path(parts.path if parts.scheme else url).expanduser().resolve()


def free_bytes(place: Path) -> int:
    """What is free on the disk of a file or folder, which may not exist yet."""
    return shutil.disk_usage(_existing(place)).free


def room_needed(place: Path) -> int:
    """Bytes that a launch wants free on the disk of a file or folder, which may not exist yet."""
    return int(min(_ROOM, _ROOM_SHARE * shutil.disk_usage(_existing(place)).total))


def is_full(place: Path) -> bool:
    """Whether the disk of a file or folder, which may not exist yet, has too little room for a launch."""
    return free_bytes(place) < room_needed(place)


def on_one_disk(place: Path, other: Path) -> bool:
    """Whether two files or folders, which may not exist yet, lie on the same disk."""
    return _existing(place).stat().st_dev == _existing(other).stat().st_dev


@contextmanager
def write_file(path: Path, *, among_many: bool = False) -> Iterator[Path]:
    """Yield a temporary path; what the block writes there replaces `path` at once, unless the block raises.

    Args:
        path: the file.
        among_many: whether so many files are written beside it that looking through them all, at each write, for what
            killed writers left would be the greater part of the work. Whoever owns the folder then removes that.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    if not among_many:
        _sweep(path.parent)
    with nullcontext() if among_many else _claim(path.parent, name):
        ending = "".join(path.suffixes[-2:])  # such as .csv.gz: some readers go by it
        temporary = path.with_name(f"{_TEMPORARY}{name}{ending}")
        try:
            yield temporary
            flush(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a small text file (UTF-8) at once."""
    with write_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def write_directory(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder, which becomes the current version of artifact `path` unless the block raises."""
    path.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    version = uuid.uuid4().hex[:12]
    with scratch_folder(path, version) as temporary:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                flush(file)
        with FileLock(path / _LOCK):  # neither of two writers may remove what the other is about to point to
            os.replace(temporary, path / version)
            previous = _pointer(path).get("version")
            write_text(path / POINTER, json.dumps({"version": version}))
            _remove_versions(path, keep={version, previous})


@contextmanager
def scratch_folder(parent: Path, name: str | None = None) -> Iterator[Path]:
    """Yield an empty folder for what memory has no room for; it is gone after the block.

    Args:
        parent: an existing folder, whose next write removes what is left if this process is killed.
        name: tells it from others in the parent; None: a random one.
    """
    name = name or uuid.uuid4().hex
    with _claim(parent, name):
        folder = parent / f"{_TEMPORARY}{name}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def has_directory(path: Path) -> bool:
    """Whether a directory artifact was written and its current version is still there."""
    return held_directory(path) is not None


def held_directory(path: Path) -> Path | None:
    """The folder of a directory artifact's current version; None where it was never written, or is gone."""
    version = _pointer(path).get("version")
    folder = path / version if version is not None else None
    return folder if folder is not None and folder.is_dir() else None


def read_directory(path: Path) -> Path:
    """Return the folder of a directory artifact's current version.

    Raises:
        ArtifactError: the artifact was never written, or its current version was removed.
    """
    version = _pointer(path).get("version")
    if removed := why_removed(path):
        raise ArtifactError(f"{path}: {removed}")
    if version is None:
        raise ArtifactError(f"{path}: nothing was written here yet; materialize the asset that makes it.")
    if not (path / version).is_dir():
        raise ArtifactError(f"{path}: version {version} is gone from the disk; materialize its asset again.")
    return path / version


def remove_directory(path: Path, told: str) -> None:
    """Take away what a directory artifact holds; who asks for it from now on gets `told`.

    The pointer goes first, so a killed call leaves versions that nothing names: `spare_versions` finds them.
    """
    with FileLock(path / _LOCK):
        write_text(path / POINTER, json.dumps({"removed": told}))
        for version in _versions(path):
            shutil.rmtree(version)


def spare_versions(path: Path, before: float) -> list[Path]:
    """Versions of a directory artifact that its pointer does not name, and did not since before a Unix time.

    So a reader has as long to come to the end of the version that it began with. Of an artifact that was removed, all.
    """
    pointer = _pointer(path)
    if "removed" in pointer:
        return _versions(path)
    since = (path / POINTER).stat().st_mtime if pointer else 0.0
    spare = (one for one in _versions(path) if one.name != pointer.get("version"))
    return [one for one in spare if max(since, one.stat().st_mtime) < before]


def why_removed(path: Path) -> str:
    """What `remove_directory` was to tell of a directory artifact; empty where it was not taken away."""
    return _pointer(path).get("removed", "")


def remove_spare_versions(path: Path, before: float) -> None:
    """Remove `spare_versions`, and what killed writers left."""
    with FileLock(path / _LOCK):
        for version in spare_versions(path, before):
            shutil.rmtree(version)
    _sweep(path)


def _existing(place: Path) -> Path:
    return next(there for there in (place, *place.parents) if there.exists())


def _pointer(path: Path) -> dict[str, str]:
    try:
        found = json.loads((path / POINTER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # of a damaged pointer the next write makes a new one
        return {}
    return found if isinstance(found, dict) else {}


def _remove_versions(path: Path, keep: set[str | None]) -> None:
    for version in _versions(path):
        if version.name not in keep:
            shutil.rmtree(version, ignore_errors=True)


def _versions(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


@contextmanager
def _claim(parent: Path, name: str) -> Iterator[None]:
    """Own, within the block, what is called `name` among the temporary files and folders of a folder."""
    claim = parent / f"{_CLAIM}{name}"
    try:
        with claim.open("w", encoding="utf-8") as lock:
            lock.write(platform.node())
            lock.flush()
            with suppress(OSError):  # a file system without locks: what is left behind is removed a day later
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    finally:
        claim.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    for entry in [*path.glob(f"{_TEMPORARY}*"), *path.glob(f"{_CLAIM}*")]:
        with suppress(FileNotFoundError):  # its writer has just finished
            if time.time() - entry.stat().st_mtime > _STALE_SECONDS or _is_given_up(entry):
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink()


def _is_given_up(temporary: Path) -> bool:
    """Whether something temporary, or a claim itself, was claimed on this machine by a process that has ended."""
    name = temporary.name.removeprefix(_TEMPORARY).removeprefix(_CLAIM).partition(".")[0]
    claim = temporary.with_name(_CLAIM + name)
    try:
        with claim.open(encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock.read() == platform.node()
    except OSError:  # it is held, or was never made, or the file system has no locks
        return False


def flush(file: Path) -> None:
    """Have a file's content on the disk; that there is no room for it is known by then."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
