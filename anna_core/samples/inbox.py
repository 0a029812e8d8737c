"""The inbox: `inbox/<task>/<sample>.csv` or `.parquet`, `task.yaml` for the task, `<sample>.yaml` for one sample."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from anna_core.errors import SampleError
from anna_core.keys import SampleKey, parse_sample_key, sample_key
from anna_core.samples.files import ENDINGS, PARQUET_ENDINGS, ending_of, settings_of, stem_of
from anna_core.tasks.task import TaskRequest, parse_request

TASK_FILE = "task.yaml"
_PARQUET_END = b"PAR1"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Upload:
    """A file in the inbox.

    Attributes:
        path: the file.
        changed: when the file system last saw it changed, copied, moved or renamed (ctime), in nanoseconds.
    """

    path: Path
    changed: int

    @property
    def key(self) -> SampleKey:
        """Its sample's key; raises `KeyNameError` where the names of file and folder cannot make one."""
        return sample_key(self.path.parent.name, stem_of(self.path))


def uploads(folder: Path, after: int) -> list[Upload]:
    """Complete files of one task's folder that changed after `after` (nanoseconds), the earliest first.

    A user may give a file any time of modification, but nobody sets its ctime; every write moves it on, so a file that
    was taken while its copy stood still comes again when the copy goes on.
    """
    found = []
    for path in _visible(folder):
        if ending_of(path) and not _is_garbled(path):
            changed = path.stat().st_ctime_ns
            if changed > after and _is_whole(path):
                found.append(Upload(path, changed))
    return sorted(found, key=lambda upload: (upload.changed, upload.path))


def unknown_files(folder: Path) -> list[Path]:
    """Visible files of a task's folder that are neither samples nor settings, and so are never taken."""
    known = (*ENDINGS, ".yaml", ".part", ".tmp")
    return sorted(path for path in _visible(folder) if not path.name.lower().endswith(known) or _is_garbled(path))


def unfinished_files(folder: Path) -> list[Path]:
    """Samples of a task's folder that are empty, or lack the end of a Parquet file."""
    return sorted(path for path in _visible(folder) if ending_of(path) and not _is_whole(path))


def task_folders(inbox: Path) -> Iterator[Path]:
    """Folders of the inbox that can be read, by name."""
    yield from (folder for folder in _folders(inbox) if _is_open(folder))


def closed_folders(inbox: Path) -> list[Path]:
    """Folders of the inbox that the platform's user may not read, or whose names are not UTF-8."""
    return [folder for folder in _folders(inbox) if not _is_open(folder)]


def shown(path: Path) -> str:
    """A path as text that can be stored anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _folders(inbox: Path) -> list[Path]:
    if not inbox.is_dir():
        return []
    return sorted(path for path in inbox.iterdir() if path.is_dir() and not path.name.startswith("."))


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK) and not _is_garbled(folder)


def _is_garbled(path: Path) -> bool:
    """Whether a name is not UTF-8: of a sample's key and its page one could make nothing."""
    return shown(path) != str(path)


def _visible(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith((".", "_")) and path.is_file()]


def find_upload(inbox: Path, key: str) -> Path:
    """The inbox file of a sample.

    Raises:
        SampleError: there is none, or several, such as a CSV and a Parquet file.
    """
    found = upload_files(inbox, key)
    if len(found) != 1:
        task, sample = parse_sample_key(key)
        names = f": {', '.join(path.name for path in found)}" if found else ""
        raise SampleError(
            f"sample {key}: found {len(found)} files{names}; there should be one, "
            f"{inbox / task / sample}.csv or {inbox / task / sample}.parquet."
        )
    return found[0]


def upload_files(inbox: Path, key: str) -> list[Path]:
    """All files of the inbox that are called as a sample, whatever their endings."""
    task, sample = parse_sample_key(key)
    folder = inbox / task
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in files if ending_of(path) and stem_of(path) == sample)


def read_upload_request(upload: Path) -> TaskRequest:
    """What the user said of the task: `task.yaml`, its settings overridden one by one by `<sample>.yaml`."""
    return request_of(upload.parent / TASK_FILE, _read_settings(settings_of(upload)))


def request_of(task_file: Path, options: dict[str, object]) -> TaskRequest:
    """Settings of a task's file, there or not, overridden one by one by those of a sample; both must be right alone."""
    return parse_request(_merged(_read_settings(task_file), options), str(task_file))


def _read_settings(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SampleError(f"{path}: cannot be read as YAML: {error}") from error
    parse_request(content, str(path))
    return dict(content)


def _merged(settings: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    """Settings with others laid over them, block by block: `training: {epochs: 5}` leaves the preset as it is."""
    merged = dict(settings)
    for name, value in over.items():
        below = settings.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def settings_changed(upload: Path) -> int:
    """When `task.yaml` or `<sample>.yaml` of a file last changed (ctime, nanoseconds); 0 where there are none."""
    settings = (upload.parent / TASK_FILE, settings_of(upload))
    return max((path.stat().st_ctime_ns for path in settings if path.exists()), default=0)


def latest_settings(folder: Path) -> int:
    """When settings in a task's folder last changed (ctime, nanoseconds); 0 where there are none."""
    return max((path.stat().st_ctime_ns for path in _visible(folder) if path.suffix == ".yaml"), default=0)


def content_hash(upload: Path, request: TaskRequest) -> str:
    """Digest of a file's bytes and of what was said of it."""
    digest = hashlib.blake2b(request.model_dump_json().encode(), digest_size=12)
    with upload.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _is_whole(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    if ending_of(path) not in PARQUET_ENDINGS:
        return True
    if not os.access(path, os.R_OK):
        return True  # whoever reads it will be told why it cannot be
    with path.open("rb") as stream:
        stream.seek(-min(len(_PARQUET_END), path.stat().st_size), os.SEEK_END)
        return stream.read() == _PARQUET_END
