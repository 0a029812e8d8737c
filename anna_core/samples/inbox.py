"""The inbox: `inbox/<task>/<sample>.csv|parquet`, with `task.yaml` for the task and `<sample>.yaml` for one sample.

`listing.py` says what lies there at a moment.
"""

import hashlib
from pathlib import Path

from filelock import FileLock

from anna_core.errors import SampleError, TaskError
from anna_core.keys import parse_sample_key
from anna_core.metrics.registry import check_metric
from anna_core.samples.files import settings_of, stem_of
from anna_core.tasks.task import TaskRequest, TaskType, parse_request
from anna_core.yaml_files import YamlError, read_yaml

TASK_FILE = "task.yaml"
OUTCOMES = "outcomes"  # a folder beside the samples, see `outcomes.py`
_BLOCK = 1 << 20


def upload_lock(folder: Path, name: str) -> FileLock:
    """The lock of one sample in the inbox, under which its file and settings are read or changed together.

    Args:
        folder: the folder of the locks; not the inbox itself, which may be a share that ANNA can only read.
        name: the sample's key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{name}.lock")


def find_upload(inbox: Path, key: str) -> Path:
    """The file of a sample in the inbox.

    Raises:
        SampleError: there is none, or there are several, such as a CSV and a Parquet file.
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
    """All files of a sample in the inbox, whatever their endings, sorted; there should be one."""
    task, sample = parse_sample_key(key)
    folder = inbox / task
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in files if stem_of(path.name) == sample)


def read_upload_request(upload: Path) -> TaskRequest:
    """The user's settings of an upload: those of `task.yaml`, overridden one by one by `<sample>.yaml`.

    Raises:
        SampleError: one of the files is no YAML.
        TaskError: a setting is wrong.
    """
    return request_of(upload.parent / TASK_FILE, read_settings(settings_of(upload)))


def request_of(task_file: Path, options: dict[str, object]) -> TaskRequest:
    """The settings of a task's file, if it exists, overridden one by one by those of a sample.

    Args:
        task_file: the task's `task.yaml`.
        options: the sample's settings, which were checked by themselves.

    Raises:
        SampleError: the file is no YAML.
        TaskError: a setting of the file, or of both together, is wrong; also a metric that there is not.
    """
    below = read_settings(task_file)
    request = parse_request(merged(below, options), str(task_file))
    said = {"metric", "type"}
    places = [str(task_file)] if said & (below.keys() - options.keys()) else []
    places += ["the settings of the sample"] if said & options.keys() else []
    check_metric_at(request.metric, request.type, " and ".join(places))
    return request


def settings_in(inbox: Path, key: str) -> Path:
    """The file of a sample's settings in the inbox, there or not."""
    task, sample = parse_sample_key(key)
    return inbox / task / f"{sample}.yaml"


def read_settings(path: Path) -> dict[str, object]:
    """Read a file of settings, each checked by itself; none where there is no file.

    Raises:
        SampleError: it is no YAML.
        TaskError: a setting is wrong.
    """
    if not path.exists() and not path.is_symlink():  # a link that leads nowhere is no sign that nothing was said
        return {}
    try:
        content = read_yaml(path)
    except YamlError as error:
        raise SampleError(str(error)) from error
    check_metric_at(parse_request(content, str(path)).metric, None, str(path))  # its type may stand elsewhere
    return dict(content) if isinstance(content, dict) else {}


def check_metric_at(metric: str | None, task_type: TaskType | None, where: str) -> None:
    """Check that a metric that was named there is one, for any type of task where none was named.

    Raises:
        TaskError: it is none; the message says where it was named.
    """
    if metric is None:
        return
    try:
        check_metric(metric, task_type)
    except TaskError as error:
        raise TaskError(f"{where}: {error}") from None


def merged(settings: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    """Merge settings block by block, so that `training: {epochs: 5}` overrides no other setting of `training`."""
    found = dict(settings)
    for name, value in over.items():
        below = settings.get(name)
        found[name] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def upload_digest(upload: Path, request: TaskRequest) -> str:
    """Digest, in hex, of a file's bytes and of those of the user's settings that decide what is trained."""
    digest = hashlib.blake2b(request.model_dump_json(exclude={"owner"}).encode(), digest_size=12)
    with upload.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
