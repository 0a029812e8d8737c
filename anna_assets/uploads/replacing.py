"""A sample that takes the place of another one of its key: whoever brings it is told, where that one has not ended."""

from dataclasses import dataclass
from pathlib import Path

from anna_core.errors import AnnaError, ArtifactError
from anna_core.keys import SampleKey
from anna_core.samples.inbox import find_upload, read_upload_request, upload_digest
from anna_core.samples.register import Entry, UploadState, read_register
from anna_resources.clock import told_moment

_UNDER_WAY = ("", "queued", "running")  # how a launch stands that has not ended; nothing until that was asked


@dataclass(frozen=True)
class Earlier:
    """An upload that is about to be replaced.

    Attributes:
        content: its digest.
        came: when it was brought, in Unix time.
    """

    content: str
    came: float


def earlier_upload(inbox: Path, key: SampleKey) -> Earlier | None:
    """The upload of this key that lies in the inbox; None where there is none, or none that could be launched."""
    try:
        file = find_upload(inbox, str(key))
        return Earlier(upload_digest(file, read_upload_request(file)), file.stat().st_mtime)
    except (AnnaError, OSError):
        return None


def told_replaced(uploads: Path, key: SampleKey, earlier: Earlier | None, content: str) -> list[str]:
    """A sentence on an upload that was replaced, where it waited, or its launch goes on.

    Args:
        uploads: folder of the register.
        key: of the sample.
        earlier: what lay there before.
        content: digest of what lies there now.
    """
    if earlier is None or earlier.content == content:
        return []
    try:
        register = read_register(uploads)
    except ArtifactError:
        register = None  # the sensor tells of it, and reads all uploads anew
    entry = register.entries.get(f"{key.task}/{key.sample}") if register is not None else None
    state = _state(entry, earlier.content)
    came = told_moment(earlier.came)
    return [f"It replaces another {key}, of other rows or settings, which came at {came} and {state}."] if state else []


def _state(entry: Entry | None, content: str) -> str:
    """What an upload of this content is at, as a clause; empty where nothing more is to come of it."""
    if entry is None or entry.content != content:
        return "had not been read yet"
    if entry.state is UploadState.REFUSED:
        return ""
    if entry.state is not UploadState.LAUNCHED:
        return "waited for its launch"
    return f"has a launch that goes on (run {entry.run[:8]})" if entry.standing in _UNDER_WAY else ""
