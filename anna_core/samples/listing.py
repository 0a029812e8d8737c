"""What lies in the inbox at a moment: samples with their states as files, and what cannot be taken, with the reason."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from anna_core.file_names import is_garbled, shown
from anna_core.samples.files import PARQUET_ENDINGS, ending_of, stem_of, why_no_sample
from anna_core.samples.inbox import TASK_FILE

# Size, mtime and ctime in nanoseconds, and inode of a file. They are compared for being equal and never for being
# later, so no clock has to be right: a user may set the mtime, a file server's clock may run ahead.
FileState = tuple[int, int, int, int]

_PARQUET_END = b"PAR1"
_OTHERS = (".yaml", ".part", ".tmp")  # settings, and copies in progress under another name


@dataclass(frozen=True)
class Upload:
    """One sample of the inbox.

    Attributes:
        task: name of its folder.
        sample: name of its file without the ending.
        folder: its folder.
        files: name → state of the files that hold its rows; more than one is a mistake.
        settings: name → state of `task.yaml` and `<sample>.yaml`, as far as they exist.
    """

    task: str
    sample: str
    folder: Path
    files: dict[str, FileState]
    settings: dict[str, FileState]

    @property
    def name(self) -> str:
        """`<task>/<sample>`; no two uploads of an inbox share it."""
        return f"{self.task}/{self.sample}"

    @property
    def file(self) -> str:
        """Its file as people find it in the inbox, or its files."""
        return " and ".join(f"{self.task}/{name}" for name in self.files)

    @property
    def path(self) -> Path:
        """Its file; of several the first."""
        return self.folder / next(iter(self.files))


@dataclass(frozen=True)
class Listing:
    """What lies in the inbox.

    Attributes:
        uploads: the samples, by name.
        left: path in the inbox → why nothing is taken from there, as a sentence.
    """

    uploads: list[Upload] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def list_inbox(inbox: Path) -> Listing:
    """Look at every file of the inbox; reads none.

    Raises:
        OSError: the inbox itself cannot be read.
    """
    listing = Listing()
    if not inbox.is_dir():
        return listing
    for entry in sorted(os.scandir(inbox), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if not entry.is_dir():
            if ending_of(entry.name):
                listing.left[shown(entry.name)] = "a sample lies in the folder of its task; move it into one."
        elif is_garbled(entry.name):
            listing.left[shown(entry.name)] = "the folder's name is not UTF-8, so it cannot name a task; rename it."
        else:
            try:
                _list_task(Path(entry.path), listing)
            except OSError as error:
                listing.left[entry.name] = f"the folder cannot be read ({error.strerror}); give ANNA's user the right."
    return listing


def list_upload(inbox: Path, task: str, sample: str) -> Upload | None:
    """One sample of the inbox as it is now; None where it has no file."""
    folder = inbox / task
    if not folder.is_dir():
        return None
    names = [*(name for name in os.listdir(folder) if stem_of(name) == sample), *_settings_files(sample)]
    states = {name: _state(folder / name) for name in sorted(names) if (folder / name).is_file()}
    return _upload(folder, sample, [name for name in states if ending_of(name)], states)


def why_incomplete(path: Path) -> str:
    """Why a file cannot be a whole sample yet, as a text; empty where it can."""
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    if ending_of(path.name) not in PARQUET_ENDINGS:
        return ""
    with path.open("rb") as stream:
        stream.seek(-min(len(_PARQUET_END), size), os.SEEK_END)
        return "" if stream.read() == _PARQUET_END else "it lacks the end of a Parquet file"


def _list_task(folder: Path, listing: Listing) -> None:
    states: dict[str, FileState] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith((".", "_")):
            continue
        if why := _why_left(entry):
            listing.left[f"{folder.name}/{shown(entry.name)}"] = why
        elif entry.is_file():
            with suppress(FileNotFoundError):  # moved away meanwhile
                states[entry.name] = _state(entry)
    files: dict[str, list[str]] = {}
    for name in states:
        if (stem := stem_of(name)) is not None:
            files.setdefault(stem, []).append(name)
    uploads = [_upload(folder, stem, names, states) for stem, names in files.items()]
    listing.uploads.extend(upload for upload in uploads if upload is not None)


def _why_left(entry: os.DirEntry[str]) -> str:
    """Why nothing is taken from an entry of a task's folder; empty where something may be."""
    if is_garbled(entry.name):
        return "its name is not UTF-8, so it cannot name a sample; rename it."
    is_sample = ending_of(entry.name) is not None
    if is_sample and entry.is_dir():
        return "it is a folder; bring it with `anna submit` or the job `register_sample`."
    if is_sample or entry.name.endswith(_OTHERS) or not entry.is_file():
        return ""
    return f"it {why_no_sample(entry.name)}"


def _upload(folder: Path, sample: str, names: list[str], states: dict[str, FileState]) -> Upload | None:
    """A sample out of its files and of all states of its folder."""
    files = {name: states[name] for name in names}
    settings = {name: states[name] for name in _settings_files(sample) if name in states}
    return Upload(folder.name, sample, folder, files, settings) if files else None


def _settings_files(sample: str) -> tuple[str, ...]:
    return TASK_FILE, f"{sample}.yaml"


def _state(file: Path | os.DirEntry[str]) -> FileState:
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
