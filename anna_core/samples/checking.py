"""Checking an upload in its place: its settings, the digest of its content and its as_of dates. Needs no marts."""

from pathlib import Path

from filelock import Timeout

from anna_core.errors import AnnaError
from anna_core.months import date_spans
from anna_core.samples.column_names import AS_OF
from anna_core.samples.inbox import read_upload_request, upload_digest, upload_lock
from anna_core.samples.listing import Upload, list_upload, why_incomplete
from anna_core.samples.register import Entry, UploadState
from anna_core.samples.rows import read_keys


def check_upload(entry: Entry, upload: Upload, locks: Path, patience: float) -> None:
    """Read an upload and put the result into its entry: it waits for its launch, or is refused for a reason.

    File and settings are read under the sample's lock, so that they belong together. If the lock is held by somebody
    for longer than `patience`, or if file or settings change meanwhile, the entry's state stays, and the next look will
    decide.

    Args:
        entry: of an upload that has a key and a single file; changed in place.
        upload: the same upload, as it was listed.
        locks: the folder of the locks, see `upload_lock`.
        patience: seconds to wait for the lock.
    """
    try:
        with upload_lock(locks, entry.key).acquire(timeout=patience):
            _check(entry, upload)
    except Timeout:
        entry.reason = "it is being registered, or read by its launch."
    except OSError as error:  # of the lock: its disk may be full
        entry.reason = f"it cannot be read just now: {error}. It is tried again."


def _check(entry: Entry, upload: Upload) -> None:
    path = upload.path
    try:
        if why := why_incomplete(path):
            entry.put(UploadState.REFUSED, f"{upload.file} is not complete yet, or damaged: {why}.")
            return
        request = read_upload_request(path)
        content, dates = upload_digest(path, request), read_keys(path)[AS_OF]
    except AnnaError as error:
        entry.put(UploadState.REFUSED, str(error))
        return
    except PermissionError as error:
        entry.put(UploadState.REFUSED, f"{path}: cannot be read ({error.strerror}); give ANNA's user the right to it.")
        return
    except OSError as error:  # such as a share that does not answer: it is tried again at the next look
        entry.reason = f"it cannot be read just now ({error.strerror}), and is tried again."
        return
    if list_upload(upload.folder.parent, upload.task, upload.sample) != upload:
        return
    entry.content, entry.owner = content, request.owner
    entry.as_of = date_spans(dates.unique().to_list())
    entry.put(UploadState.WAITING)
