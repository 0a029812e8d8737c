"""What lies in the inbox at a moment: samples with the states of their files, and what cannot be taken, and why."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from anna_core.columns.parquet_files import PARQUET_MARK
from anna_core.file_names import is_garbled, shown
from anna_core.samples.files import PARQUET_ENDINGS, ending_of, stem_of, why_no_sample
from anna_core.samples.inbox import OUTCOMES, TASK_FILE

# A file's size, and its mtime and ctime in nanoseconds. They are only compared for equality, never by which is later,
# so no clock has to be right: a user may set the mtime, and a file server's clock may run ahead. The inode is not part
# of it: some network file systems number their files anew at each look.
FileStamp = tuple[int, int, int]

_SETTINGS, _MISNAMED = ".yaml", ".yml"
_UNFINISHED = "it is not taken, as what begins with '_' is not finished; rename it once it is."
_FOLDER = "bring it with `anna submit` or the job `register_sample`."
_OTHERS = (_SETTINGS, ".part", ".tmp")  # settings, and copies in progress under another name


@dataclass(frozen=True)
class Upload:
    """One sample of the inbox.

    Attributes:
        task: name of the folder.
        sample: name of the file without its ending.
        folder: the folder.
        files: name → state of each file that holds its rows; more than one is a mistake.
        settings: name → state of `task.yaml` and `<sample>.yaml`, if they exist.
    """

    task: str
    sample: str
    folder: Path
    files: dict[str, FileStamp]
    settings: dict[str, FileStamp]

    @property
    def name(self) -> str:
        """`<task>/<sample>`; no two uploads of an inbox share it."""
        return f"{self.task}/{self.sample}"

    @property
    def file(self) -> str:
        """The path of its file in the inbox, for people; of several files, all paths."""
        return " and ".join(f"{self.task}/{name}" for name in self.files)

    @property
    def path(self) -> Path:
        """The path of its file; of several files, the first one's."""
        return self.folder / next(iter(self.files))


@dataclass(frozen=True)
class Listing:
    """What lies in the inbox.

    Attributes:
        uploads: the samples, in the order of their names.
        left: path within the inbox → why nothing is taken from there, as a sentence.
    """

    uploads: list[Upload] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def list_inbox(inbox: Path) -> Listing:
    """Look at every file of the inbox, without reading any.

    Raises:
        OSError: the inbox itself cannot be read.
    """
    listing = Listing()
    if not inbox.is_dir():
        return listing
    for entry in sorted(os.scandir(inbox), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        try:
            is_folder = _is(entry.is_dir)
        except OSError as error:
            listing.left[shown(entry.name)] = (
                f"it cannot be looked at ({error.strerror}); mend its place, or remove it."
            )
            continue
        if not is_folder:
            if ending_of(entry.name) or _is(entry.is_file):
                listing.left[shown(entry.name)] = _why_left_above(entry.name)
        elif is_garbled(entry.name):
            listing.left[shown(entry.name)] = "the folder's name is not UTF-8, so it cannot name a task; rename it."
        else:
            try:
                _list_task(Path(entry.path), listing)
            except OSError as error:
                listing.left[entry.name] = f"the folder cannot be read ({error.strerror}); give ANNA's user the right."
    return listing


def list_upload(inbox: Path, task: str, sample: str) -> Upload | None:
    """Look at one sample of the inbox; None if it has no file."""
    folder = inbox / task
    if not folder.is_dir():
        return None
    names = [*(name for name in os.listdir(folder) if stem_of(name) == sample), *_settings_files(sample)]
    found = ((name, _state(folder / name, name)) for name in sorted(names))
    states = {name: state for name, state in found if state is not None}
    return _upload(folder, sample, [name for name in states if ending_of(name)], states)


def why_incomplete(path: Path) -> str:
    """Why a file cannot be a complete sample yet, in words; empty if it can."""
    size = path.stat().st_size
    if size == 0:
        return "it is empty"
    if ending_of(path.name) not in PARQUET_ENDINGS:
        return ""
    with path.open("rb") as stream:
        stream.seek(-min(len(PARQUET_MARK), size), os.SEEK_END)
        return "" if stream.read() == PARQUET_MARK else "it lacks the end of a Parquet file"


def _list_task(folder: Path, listing: Listing) -> None:
    states: dict[str, FileStamp] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name == OUTCOMES:
            continue
        if entry.name.startswith((".", "_")):
            if entry.name.startswith("_") and ending_of(entry.name):
                listing.left[f"{folder.name}/{shown(entry.name)}"] = _UNFINISHED
            continue
        try:
            why, state = _why_left(entry), None
            if not why:
                state = _state(entry, entry.name)
        except OSError as error:  # the others are looked at
            why = f"it cannot be looked at ({error.strerror}); mend its place, or remove it."
        if why:
            listing.left[f"{folder.name}/{shown(entry.name)}"] = why
        elif state is not None:
            states[entry.name] = state
    files: dict[str, list[str]] = {}
    for name in states:
        if (stem := stem_of(name)) is not None:
            files.setdefault(stem, []).append(name)
    for name in states:
        if name.endswith(_SETTINGS) and name != TASK_FILE and name.removesuffix(_SETTINGS) not in files:
            listing.left[f"{folder.name}/{name}"] = (
                f"it belongs to no sample here. Settings of the task lie in {TASK_FILE}, those of a sample beside its "
                "file: q1.yaml beside q1.csv."
            )
    uploads = [_upload(folder, stem, names, states) for stem, names in files.items()]
    listing.uploads.extend(upload for upload in uploads if upload is not None)


def _why_left_above(name: str) -> str:
    """Why nothing is taken from a file that lies in the inbox itself."""
    if ending_of(name):
        return "a sample lies in the folder of its task; move it into one."
    if name.lower().endswith((_SETTINGS, _MISNAMED)):
        return "settings lie in the folder of their task; move it into one."
    return f"it {why_no_sample(name)}"


def _why_left(entry: os.DirEntry[str]) -> str:
    """Why nothing is taken from an entry of a task's folder; empty if something may be."""
    if is_garbled(entry.name):
        return "its name is not UTF-8, so it cannot name a sample; rename it."
    is_sample = ending_of(entry.name) is not None
    if is_sample and _is(entry.is_dir):
        return f"it is a folder; {_FOLDER}"
    if is_sample and not _is(entry.is_file):
        return "it is no file, but a pipe or a link that leads nowhere; bring the file itself."
    if is_sample or entry.name.endswith(_OTHERS):
        return ""
    if _is(entry.is_dir):
        return f"it is a folder, in which nothing is looked for. Where it is a sample, {_FOLDER}"
    if not _is(entry.is_file):
        return ""
    if entry.name.lower().endswith((_SETTINGS, _MISNAMED)):
        return "settings are read from files that end in .yaml; rename it."
    return f"it {why_no_sample(entry.name)}"


def _upload(folder: Path, sample: str, names: list[str], states: dict[str, FileStamp]) -> Upload | None:
    """Make a sample of its files' names and the states of all files in its folder; None if it has no file."""
    files = {name: states[name] for name in names}
    settings = {name: states[name] for name in _settings_files(sample) if name in states}
    return Upload(folder.name, sample, folder, files, settings) if files else None


def _settings_files(sample: str) -> tuple[str, ...]:
    return TASK_FILE, f"{sample}.yaml"


def _state(file: Path | os.DirEntry[str], name: str) -> FileStamp | None:
    """The state of what lies there; None if it is gone, or is nothing that is read.

    Of settings everything has a state, a pipe or a broken link, too: they are refused, until their state is another.
    """
    try:
        if not _is(file.is_file) and not name.endswith(_SETTINGS):
            return None
        found = file.stat(follow_symlinks=_is(file.is_file))
    except FileNotFoundError:  # moved away meanwhile
        return None
    return stamp(found)


def stamp(found: os.stat_result) -> FileStamp:
    """The state of a file, of what the system says of it."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _is(question: Callable[[], bool]) -> bool:
    """What `is_file` or `is_dir` answers; no, of a link that leads to itself, or to what would lie within a file."""
    try:
        return question()
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        return False
