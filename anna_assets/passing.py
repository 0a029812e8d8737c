"""What a step may fail of that passes: marts that are built anew, a full disk, little memory, a ledger to be mended.

The failure carries it as metadata, so that whoever started the run can tell whether the same will do later.
"""

import tempfile
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

import dagster as dg

from anna_core.errors import NO_ROOM, AnnaError, MartsBehindError, in_words, system_code
from anna_core.storage import is_full, room_needed
from anna_resources.ledger.git import GitError
from anna_resources.ledger.repository import LedgerError
from anna_resources.settings import load_settings

_LABEL = "passes"  # of the failure's metadata
# Libraries in Rust and C++ raise errors of their own kinds, in the words of the system below them.
_NO_ROOM_WORDS = ("No space left on device", "Disk quota exceeded")
_NO_MEMORY_WORDS = ("std::bad_alloc", "Cannot allocate memory", "can't allocate memory")
_NO_MEMORY_KINDS = ("MemoryError", "OutOfMemoryError", "ArrowMemoryError")
_KILLED = "ChildProcessCrashException"  # Dagster's, of a step whose process died without a word


class Passing(StrEnum):
    """What passes."""

    MARTS = "marts are behind their source"
    SPACE = "there is no room on a disk"
    MEMORY = "there is too little memory"
    LEDGER = "nothing can be recorded in the ledger"


_LONGEST_FIRST = (Passing.LEDGER, Passing.SPACE, Passing.MEMORY, Passing.MARTS)


def passing(error: BaseException) -> Passing | None:
    """What an error comes of that passes; None where nothing is known to."""
    for one in _chain(error):
        if isinstance(one, MartsBehindError):
            return Passing.MARTS
        if isinstance(one, GitError | LedgerError):
            return Passing.SPACE if _lacks_room(one) else Passing.LEDGER
        if isinstance(one, AnnaError):
            continue  # its words name what people wrote; what it comes of follows
        if _lacks_room(one):
            return Passing.SPACE
        if type(one).__name__ in _NO_MEMORY_KINDS or any(words in str(one) for words in _NO_MEMORY_WORDS):
            return Passing.MEMORY
    return None


def failure(error: Exception, what: Passing | None, allow_retries: bool) -> dg.Failure:
    """The failure of a step, in words for its page, with what passes of it."""
    return dg.Failure(
        _told(error, what),
        metadata={_LABEL: dg.MetadataValue.text(what.name)} if what else {},
        allow_retries=allow_retries,
    )


def what_passes(instance: dg.DagsterInstance, run_id: str) -> Passing | None:
    """What a run failed of, where all of that passes; of several the one that takes longer."""
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    found = {_of_event(entry.dagster_event) for entry in logs if entry.dagster_event is not None}
    if not found or None in found:
        return None
    return next(what for what in _LONGEST_FIRST if what in found)


def full_disks(places: Iterable[Path]) -> list[str]:
    """Which of the places lie on a disk without room, as clauses that stay the same while that lasts."""
    return [
        f"less than {room_needed(place) / 2**20:,.0f} MiB are free at {place}" for place in places if is_full(place)
    ]


def disks() -> list[Path]:
    """Where the steps of a launch write."""
    settings = load_settings()
    return [settings.storage, settings.home, Path(tempfile.gettempdir())]


def _lacks_room(error: BaseException) -> bool:
    return system_code(error) in NO_ROOM or any(words in str(error) for words in _NO_ROOM_WORDS)


def _told(error: Exception, what: Passing | None) -> str:
    if isinstance(error, AnnaError):
        return str(error)
    if what is Passing.SPACE:
        places = disks()
        full = "; ".join(full_disks(places)) or f"by now there is some at {', '.join(map(str, places))}"
        return f"There is no room on a disk ({full}): {in_words(error)}. Make room there."
    return (
        f"There is too little memory: {in_words(error)}. Lower limits.training or limits.memory, or close what uses it."
    )


def _of_event(event: dg.DagsterEvent) -> Passing | None:
    failed = event.step_failure_data
    if failed.user_failure_data is not None:
        value = failed.user_failure_data.metadata.get(_LABEL)
        return Passing[str(value.value)] if value is not None else None
    error = failed.error
    while error is not None:
        if error.cls_name == _KILLED:  # mostly by the system, where memory ran out
            return Passing.MEMORY
        error = error.cause
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
