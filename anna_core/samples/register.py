"""The register of uploads: what became of every sample in the inbox. One small file, which the intake alone writes."""

import datetime as dt
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ValidationError

from anna_core.errors import AnnaError, ArtifactError
from anna_core.keys import sample_key
from anna_core.samples.listing import FileState, Listing, Upload
from anna_core.storage import write_text

REGISTER_FILE = "register.json"


class UploadState(StrEnum):
    """Where an upload is before its launch; what comes then is told by the launch's run."""

    SETTLING = "settling"  # it has just come, or may still be being copied
    WAITING = "waiting"  # it can be launched, but for what its reason says
    REFUSED = "refused"  # it cannot be launched as it is
    STARTING = "starting"  # its run is about to exist
    LAUNCHED = "launched"  # `run` tells how it goes


class Entry(BaseModel):
    """What is known of an upload.

    Attributes:
        file: the file in the inbox as people know it, `<task>/<name>`.
        key: of the sample; empty where the names of folder and file cannot make one.
        files: states of its files when it was looked at last.
        settings: states of its settings files, likewise.
        state: where it is.
        reason: why it is there, in words for people; may be empty.
        warnings: what the user should know although nothing is refused.
        seen: when the intake first saw these states, in seconds on its own clock.
        place: grows with every change of any upload; the latest change has the greatest.
        content: digest of the file and of what was said of it.
        owner: of the task, who shares a limit of launches.
        as_of: first and last date of each span of as_of dates (`date_spans`).
        tries: how often a process of its own began to read it and has left no answer yet.
        request: what its launch was asked for under, while it is starting.
        matched: whether its clients were looked for in the marts, while it is starting.
        run: id of its launch.
        launched: states of the files that this launch was for.
        watched: the attempt at this launch whose end tells whether it is launched again; empty once that is known.
        failure: what its launch failed of, where it is launched again for that, in words for people.
        failed: when that was seen, on the clock of `seen`.
        failed_of: what of it may pass once only, and has been waited for.
        observed: what was observed of the sources when a launch of it met marts behind them.
        was_there: whether it lay there, as it is, when the register began.
        is_there: whether it lies in the inbox now. What was launched is remembered: a share may be out of reach for a
            while, and what is on it afterwards has not been brought again.
    """

    file: str
    key: str = ""
    files: dict[str, FileState]
    settings: dict[str, FileState]
    state: UploadState = UploadState.SETTLING
    reason: str = ""
    warnings: list[str] = []
    seen: float
    place: int
    content: str = ""
    owner: str = ""
    as_of: list[tuple[dt.date, dt.date]] = []
    tries: int = 0
    request: str = ""
    matched: bool = False
    run: str = ""
    launched: dict[str, FileState] = {}
    watched: str = ""
    failure: str = ""
    failed: float = 0.0
    failed_of: list[str] = []
    observed: str = ""
    was_there: bool = False
    is_there: bool = True

    def shows(self, upload: Upload) -> bool:
        """Whether the upload's files are those that were looked at."""
        return (self.files, self.settings) == (upload.files, upload.settings)

    def put(self, state: UploadState, reason: str = "") -> None:
        """Change where the upload is, and why."""
        self.state, self.reason = state, reason


class Register(BaseModel):
    """All uploads of an inbox: `<task>/<sample>` → its entry."""

    entries: dict[str, Entry] = {}

    @property
    def last_place(self) -> int:
        """Place of the latest change; 0 where there was none."""
        return max((entry.place for entry in self.entries.values()), default=0)

    def look(self, listing: Listing, now: float) -> None:
        """Bring the register up to what lies in the inbox: what changed is judged anew.

        Args:
            listing: the inbox.
            now: seconds on a clock that is asked for nothing else.
        """
        place = self.last_place
        entries = {name: entry for name, entry in self.entries.items() if entry.request or entry.launched}
        for entry in entries.values():
            entry.is_there = False
        for upload in listing.uploads:
            known = self.entries.get(upload.name)
            if known is None or not known.shows(upload):
                place += 1
                known = _seen(upload, known, now, place)
            known.seen, known.is_there = min(known.seen, now), True  # a clock that was put back begins anew
            entries[upload.name] = known
        self.entries = entries

    def begin(self) -> None:
        """Mark what lies in the inbox as older than the register: launches that failed are not begun anew."""
        for entry in self.entries.values():
            entry.was_there = True

    def launched(self, entry: Entry, run: str, reason: str = "", is_over: bool = False) -> None:
        """Remember the launch of an upload's files as they are: the latest change, and watched unless it is over."""
        entry.place, entry.run, entry.launched = self.last_place + 1, run, entry.files
        entry.watched = "" if is_over else run
        entry.put(UploadState.LAUNCHED, reason)

    def of_state(self, *states: UploadState) -> list[tuple[str, Entry]]:
        """Names and entries of what is in the inbox and in any of the states, the one that changed first first."""
        found = [(name, entry) for name, entry in self.entries.items() if entry.is_there and entry.state in states]
        return sorted(found, key=lambda item: item[1].place)


def read_register(folder: Path) -> Register | None:
    """The register kept in a folder; None where there is none yet.

    Raises:
        ArtifactError: it cannot be read.
    """
    path = folder / REGISTER_FILE
    if not path.exists():
        return None
    try:
        return Register.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(
            f"{path}: cannot be read; remove it, and every sample of the inbox is looked at anew: {error}"
        ) from error


def write_register(folder: Path, register: Register) -> None:
    """Replace the register kept in a folder, where it is another."""
    path, text = folder / REGISTER_FILE, register.model_dump_json()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def _seen(upload: Upload, before: Entry | None, now: float, place: int) -> Entry:
    entry = Entry(file=upload.file, files=upload.files, settings=upload.settings, seen=now, place=place)
    if before is not None:
        entry.run, entry.launched = before.run, before.launched
    try:
        entry.key = str(sample_key(upload.task, upload.sample))
    except AnnaError as error:
        entry.put(UploadState.REFUSED, str(error))
        return entry
    if len(upload.files) > 1:
        entry.put(UploadState.REFUSED, f"{' and '.join(upload.files)} are one sample; keep one of them.")
        return entry
    entry.put(UploadState.SETTLING, "it has just come, and is read once it has been at rest for a moment.")
    return entry
