"""What lies in the inbox at a moment: samples with their states as files, and what cannot be taken, with the reason."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from anna_core.samples.inbox import TASK_FILE, sample_stem
from anna_core.samples.sample import SUFFIXES

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
        path = Path(entry.path)
        if not entry.is_dir():
            if sample_stem(entry.name) is not None:
                listing.left[shown(entry.name)] = "a sample lies in the folder of its task; move it into one."
        elif _is_garbled(path):
            listing.left[shown(entry.name)] = "the folder's name is not UTF-8, so it cannot name a task; rename it."
        else:
            try:
                _list_task(path, listing)
            except OSError as error:
                listing.left[entry.name] = f"the folder cannot be read ({error.strerror}); give ANNA's user the right."
    return listing


def list_upload(inbox: Path, task: str, sample: str) -> Upload | None:
    """One sample of the inbox as it is now; None where it has no file."""
    folder = inbox / task
    names = [f"{sample}{suffix}" for suffix in SUFFIXES]
    files = {name: _state(folder / name) for name in names if (folder / name).is_file()}
    return Upload(task, sample, folder, files, _settings(folder, sample)) if files else None


def why_incomplete(path: Path) -> str:
    """Why a file cannot be a whole sample yet, as a text; empty where it can."""
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    if path.suffix != ".parquet":
        return ""
    with path.open("rb") as stream:
        stream.seek(-min(len(_PARQUET_END), size), os.SEEK_END)
        return "" if stream.read() == _PARQUET_END else "it lacks the end of a Parquet file"


def shown(path: str | Path) -> str:
    """A path as text that can be stored anywhere, whatever bytes it is made of."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _list_task(folder: Path, listing: Listing) -> None:
    stems: dict[str, None] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith((".", "_")):
            continue
        stem, place = sample_stem(entry.name), shown(Path(folder.name, entry.name))
        if _is_garbled(Path(entry.path)):
            listing.left[place] = "its name is not UTF-8, so it cannot name a sample; rename it."
        elif entry.is_file() and stem is not None:
            stems[stem] = None
        elif entry.is_file() and Path(entry.name).suffix not in _OTHERS:
            listing.left[place] = f"it is no sample and no settings: a sample ends in {' or '.join(SUFFIXES)}."
        elif entry.is_dir() and stem is not None:
            listing.left[place] = "it is a folder; bring it with `anna submit` or the job `register_sample`."
    found = (list_upload(folder.parent, folder.name, stem) for stem in stems)
    listing.uploads.extend(upload for upload in found if upload is not None)


def _settings(folder: Path, sample: str) -> dict[str, FileState]:
    names = (TASK_FILE, f"{sample}.yaml")
    return {name: _state(folder / name) for name in names if (folder / name).is_file()}


def _state(path: Path) -> FileState:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _is_garbled(path: Path) -> bool:
    """Whether a name is not UTF-8: of a sample's key and its page one could make nothing."""
    return shown(path) != str(path)
