"""The inbox: `inbox/<task>/<sample>.csv|parquet`, with `task.yaml` for the task and `<sample>.yaml` for one sample.

What lies there at a moment is told by `listing.py`.
"""

import hashlib
from pathlib import Path

from filelock import FileLock

from anna_core.errors import SampleError
from anna_core.keys import parse_sample_key
from anna_core.samples.files import settings_of, stem_of
from anna_core.tasks.task import TaskRequest, parse_request
from anna_core.yaml_files import YamlError, read_yaml

TASK_FILE = "task.yaml"
_BLOCK = 1 << 20


def upload_lock(folder: Path, name: str) -> FileLock:
    """The lock of one sample's place in the inbox; who holds it sees, or changes, its file and settings together.

    Args:
        folder: where locks are kept; not the inbox itself, which may be a share that ANNA only reads.
        name: the sample's key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


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
    return sorted(path for path in files if stem_of(path.name) == sample)


def read_upload_request(upload: Path) -> TaskRequest:
    """What the user said of the task: `task.yaml`, its settings overridden one by one by `<sample>.yaml`."""
    return request_of(upload.parent / TASK_FILE, _read_settings(settings_of(upload)))


def request_of(task_file: Path, options: dict[str, object]) -> TaskRequest:
    """Settings of a task's file, there or not, overridden one by one by those of a sample; both must be right alone."""
    return parse_request(_merged(_read_settings(task_file), options), str(task_file))


def _read_settings(path: Path) -> dict[str, object]:
    if not path.exists() and not path.is_symlink():  # a link that leads nowhere is no sign that nothing was said
        return {}
    try:
        content = read_yaml(path)
    except YamlError as error:
        raise SampleError(str(error)) from error
    parse_request(content, str(path))
    return dict(content) if isinstance(content, dict) else {}


def _merged(settings: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    """Settings with others laid over them, block by block: `training: {epochs: 5}` leaves the preset as it is."""
    merged = dict(settings)
    for name, value in over.items():
        below = settings.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def content_hash(upload: Path, request: TaskRequest) -> str:
    """Digest of a file's bytes and of what was said of it."""
    digest = hashlib.blake2b(request.model_dump_json().encode(), digest_size=12)
    with upload.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
