"""From an upload that has come to one that is checked, or refused."""

from pathlib import Path

from anna_assets.pauses import pause_end
from anna_assets.uploads.reading import Later, Reading, upload_size
from anna_assets.uploads.work import Answer, CheckJob
from anna_core.samples.listing import Listing
from anna_core.samples.register import Entry, Register, UploadState
from anna_resources.clock import told_moment

_CUT_SHORT = "ANNA's code server ended meanwhile"


def check_uploads(register: Register, listing: Listing, locks: Path, settled: float, reading: Reading) -> set[str]:
    """Read uploads that have been at rest, as far as `reading` has it; names of those whose reading is over.

    What could not be read is tried again at the next look, after all others; where the process that read it died, or
    there was too little memory, after pauses that grow.

    Args:
        register: of the uploads.
        listing: what lies in the inbox.
        locks: the folder of the uploads' locks.
        settled: what was seen later than this moment is not at rest yet.
        reading: of this look.
    """
    uploads = {upload.name: upload for upload in listing.uploads}
    checked = set()
    for name, entry in register.of_state(UploadState.SETTLING):
        if entry.seen > settled:
            continue
        job = CheckJob(key=entry.key, upload=uploads[name], locks=locks)
        pause = pause_end(entry.tries, entry.tried, reading.now)
        found = reading.ask(job, upload_size(entry.files), entry, may_begin=not pause)
        if isinstance(found, Later):
            _tell_later(entry, found, pause)
            continue
        _put(entry, found, reading.now)
        if entry.state is UploadState.SETTLING:
            entry.place = register.last_place + 1
        else:
            checked.add(name)
    return checked


def _tell_later(entry: Entry, later: Later, pause: float) -> None:
    if later.since:
        entry.died_of = ""
        entry.reason = f"it is large, and has been read since {later.since}."
    elif later.busy:
        entry.reason = "it is large, and is read once another upload has been."
    elif later.left:
        entry.reason = (
            f"it could not be read: {entry.died_of or _CUT_SHORT}. It is tried again at {told_moment(pause)}, or as "
            "soon as the file or its settings change."
        )


def _put(entry: Entry, answer: Answer, now: float) -> None:
    """Take over what was found."""
    if answer.passes:
        entry.tried, entry.died_of = now, answer.problem
        _tell_later(entry, Later(left=True), pause_end(entry.tries, now, now))
        return
    entry.tries, entry.died_of = 0, ""
    if answer.entry is None:
        entry.put(
            UploadState.REFUSED,
            f"{entry.file} could not be read: {answer.problem}. It is read again once the file or its settings change.",
        )
        return
    found = answer.entry
    entry.put(found.state, found.reason or entry.reason if found.state is UploadState.SETTLING else found.reason)
    entry.content, entry.owner, entry.as_of = found.content, found.owner, found.as_of
