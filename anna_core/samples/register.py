"""The register of uploads: what became of every sample in the inbox. One small file, written by the intake alone."""

import datetime as dt
import itertools
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationError

from anna_core.errors import AnnaError, ArtifactError
from anna_core.keys import sample_key
from anna_core.samples.listing import FileStamp, Listing, Upload
from anna_core.storage import write_text

REGISTER_FILE = "register.json"
REMEMBERED = 1000  # uploads whose files are gone; of earlier ones the launches are still known by their runs


def _without_inode(stored: object) -> object:
    """A stored state without the inode that registers once had as its fourth number; anything else as it is."""
    return stored[:3] if isinstance(stored, list) and len(stored) == 4 else stored


_Stamps = dict[str, Annotated[FileStamp, BeforeValidator(_without_inode)]]


class UploadState(StrEnum):
    """Where an upload is before its launch; afterwards, the launch's run tells how things stand."""

    SETTLING = "settling"  # it is new here, and may still be being copied
    WAITING = "waiting"  # only what its reason says keeps it from being launched
    REFUSED = "refused"  # it cannot be launched as it is
    STARTING = "starting"  # its run is asked for, and about to exist
    LAUNCHED = "launched"  # its run exists


class Entry(BaseModel):
    """What is known of an upload.

    Attributes:
        file: the file's path in the inbox, `<task>/<name>`.
        key: the sample's key; empty if the names of folder and file cannot make one.
        files: name → state of each of its files, as last seen.
        settings: name → state of each of its settings files, likewise.
        state: where it is.
        reason: why it is there, in words for people; may be empty.
        warnings: what the user should know although nothing is refused.
        seen: when the intake first saw these states, in seconds on its own clock.
        place: a number that grows with every change of any upload; the latest change has the greatest.
        content: digest of the file and of the user's settings.
        owner: the task's owner, whose launches share a limit.
        as_of: first and last date of each span of as_of dates (`date_spans`).
        tries: how often reading it, or looking for its clients, was begun without leaving a result.
        tried: when that was begun last, or ended without a result, on the clock of `seen`.
        died_of: what the last of these tries ended of, in words for people; empty where nobody knows.
        request: the run key under which its launch is asked for, while it is starting.
        matched: whether its clients were looked for in the marts, while it is starting.
        run: id of its launch's run.
        launched: name → state of the files that were launched.
        standing: how its launch stands, in a word; empty until that was asked.
        attempt: id of the run that the standing is of: the latest attempt at the launch.
        failed_with: what that run failed of, in its own words; empty where it did not.
        watched: the attempt at this launch whose end tells whether it is launched again; empty once that is known.
        failure: what its launch failed of, where it is launched again for that, in words for people.
        failed: when that was seen, on the clock of `seen`.
        failed_of: what of it may pass once only, and has been waited for.
        observed: what was observed of the sources when a launch of it met marts behind them.
        decisive: digest of all that decides which clients it can meet, as of when they began to be looked for last;
            empty where that was not known.
        nobody: whether none of them had an event then; for that it is refused, until that digest is another, or waits
            since it is.
        was_there: whether it was in the inbox, as it is now, when the register began.
        forgotten: whether it was, and an earlier register, which was damaged, may have known more of its launch.
        is_there: whether it is in the inbox now. Launched uploads are remembered when they are gone, because a share
            may be out of reach for a while, and its files have not been brought anew when it comes back.
    """

    file: str
    key: str = ""
    files: _Stamps
    settings: _Stamps
    state: UploadState = UploadState.SETTLING
    reason: str = ""
    warnings: list[str] = []
    seen: float
    place: int
    content: str = ""
    owner: str = ""
    as_of: list[tuple[dt.date, dt.date]] = []
    tries: int = 0
    tried: float = 0.0
    died_of: str = ""
    request: str = ""
    matched: bool = False
    run: str = ""
    launched: _Stamps = {}
    standing: str = ""
    attempt: str = ""
    failed_with: str = ""
    watched: str = ""
    failure: str = ""
    failed: float = 0.0
    failed_of: list[str] = []
    observed: str = ""
    decisive: str = ""
    nobody: bool = False
    was_there: bool = False
    forgotten: bool = False
    is_there: bool = True

    def shows(self, upload: Upload) -> bool:
        """Whether the upload's files and settings are in the states of this entry."""
        return (self.files, self.settings) == (upload.files, upload.settings)

    def put(self, state: UploadState, reason: str = "") -> None:
        """Set the state and its reason."""
        self.state, self.reason = state, reason


class Register(BaseModel):
    """All uploads of an inbox: `<task>/<sample>` → its entry."""

    entries: dict[str, Entry] = {}

    @property
    def last_place(self) -> int:
        """The place of the latest change; 0 if there was none."""
        return max((entry.place for entry in self.entries.values()), default=0)

    def look(self, listing: Listing, now: float) -> None:
        """Bring the register up to date with the inbox; an upload that changed begins anew.

        Args:
            listing: what lies in the inbox.
            now: seconds on the intake's clock, which may be set back.
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
        gone = sorted((entry.place, name) for name, entry in entries.items() if not (entry.is_there or entry.watched))
        for _, name in gone[:-REMEMBERED]:
            del entries[name]
        self.entries = entries

    def begin(self, lost: str = "") -> None:
        """Mark all uploads as older than the register; those among them whose launch failed are not launched again.

        Args:
            lost: what became of a register before this one that was damaged, as a sentence that is told with every
                upload; empty where there was none. Some uploads may have waited to be launched again, so the ends of
                all latest launches are judged once more.
        """
        for entry in self.entries.values():
            entry.was_there, entry.forgotten = True, bool(lost)
            entry.warnings = [lost] if lost else []

    def launched(self, entry: Entry, run: str, reason: str = "", is_over: bool = False) -> None:
        """Note that an upload's files, as they are, were launched with the run of this id; it is the latest change.

        The run is watched until it ends, unless `is_over` says that its end is known, and was not forgotten.
        """
        entry.place, entry.run, entry.launched = self.last_place + 1, run, entry.files
        entry.watched, entry.forgotten = "" if is_over and not entry.forgotten else run, False
        entry.standing = entry.attempt = entry.failed_with = ""
        entry.put(UploadState.LAUNCHED, reason)

    def of_state(self, *states: UploadState) -> list[tuple[str, Entry]]:
        """Names and entries of the uploads in the inbox that are in one of `states`; the oldest change comes first."""
        found = [(name, entry) for name, entry in self.entries.items() if entry.is_there and entry.state in states]
        return sorted(found, key=lambda item: item[1].place)


def read_register(folder: Path) -> Register | None:
    """Read the register stored in a folder; None if there is none yet.

    Raises:
        ArtifactError: it is damaged.
    """
    path = folder / REGISTER_FILE
    if not path.exists():
        return None
    try:
        return Register.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.errors()[0]['msg']}); the sensor `inbox` sets it aside, and looks at "
            "every sample of the inbox anew."
        ) from error


def set_register_aside(folder: Path) -> Path:
    """Put a register that is damaged out of the way, beside earlier ones, for people to see; return where it lies."""
    path = folder / REGISTER_FILE
    names = itertools.chain([".damaged"], (f".damaged-{number}" for number in itertools.count(2)))
    aside = next(found for name in names if not (found := path.with_suffix(name)).exists())
    return path.replace(aside)


def write_register(folder: Path, register: Register) -> None:
    """Replace the register stored in a folder, if it differs."""
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
        entry.put(UploadState.REFUSED, f"{error} Rename the file or its folder.")
        return entry
    if len(upload.files) > 1:
        entry.put(UploadState.REFUSED, f"{' and '.join(upload.files)} are one sample; keep one of them.")
        return entry
    entry.put(UploadState.SETTLING, "it is new here, and is read once it has been at rest for a moment.")
    return entry
