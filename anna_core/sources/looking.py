"""What lies at a source's place right now: files by their size and time, and which of them rest."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from anna_core.domains import Domain
from anna_core.errors import NotAsObservedError
from anna_core.sources.files import source_files
from anna_core.sources.lakes import LAKES, lake_state
from anna_core.sources.source_state import ObservedFiles, SourceState

WRITTEN = "is still being written"


class Found(BaseModel):
    """What lies at a source's place: state of each file to be read, by name, and the reasons of all others."""

    states: dict[str, str]
    unread: dict[str, str] = {}
    hidden: dict[str, str] = {}
    unsettled: dict[str, str] = {}


def look(domain: Domain, home: Path, settle: float, before: SourceState) -> Found:
    """Look at every file's size and times; reads no data.

    Args:
        domain: the domain.
        home: ANNA_HOME.
        settle: seconds for which a file must not have changed; until then it counts as it was before, or not at all.
        before: what was last observed.

    Raises:
        SourceError: nothing is there.
    """
    if domain.source.format in LAKES:
        name, state = lake_state(domain, home)
        return Found(states={name: state})
    files = source_files(domain, home)
    found = Found(states={}, unread=files.unread, hidden=files.hidden)
    now = time.time()
    for file in files.read:
        name = str(file)
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue  # its writer has just moved it
        # A copy may keep the time of the original, but not that at which it was itself changed. A file that lies as
        # far in the future has a clock of its own; it is read, and once more should it change meanwhile.
        if abs(now - max(stat.st_mtime, stat.st_ctime)) >= settle:
            found.states[name] = _state(stat)
            continue
        known = before.known.get(name)
        if known is None or known.state != _state(stat):
            found.unsettled[name] = WRITTEN
        if known is not None:
            found.states[name] = known.state
    return found


def _state(stat: os.stat_result) -> str:
    """What changes with a file's content: a copy may keep size and time of the one before, but not when it was made.

    The inode is not part of it: some network file systems number their files anew at each look.
    """
    return f"{stat.st_size} {stat.st_ctime_ns} {stat.st_mtime_ns}"


def changed(domain: Domain, name: str, state: str) -> bool:
    """Whether a file is no longer as it was when `look` saw it."""
    if domain.source.format in LAKES:
        return False  # a version of a table never changes
    try:
        return _state(Path(name).stat()) != state
    except FileNotFoundError:
        return True


@contextmanager
def unchanged(domain: Domain, observed: ObservedFiles | None) -> Iterator[None]:
    """Read files in the block only as they were observed; None, where nothing was, allows any state.

    Raises:
        NotAsObservedError: a file is no longer as it was, before the block or after it. It replaces any error of
            the block: what is wrong with half a file is no news.
    """
    _refuse_changed(domain, observed)
    try:
        yield
    except Exception:
        _refuse_changed(domain, observed)
        raise
    _refuse_changed(domain, observed)


def _refuse_changed(domain: Domain, observed: ObservedFiles | None) -> None:
    states = observed.states if observed is not None else {}
    if name := next((name for name, state in states.items() if changed(domain, name, state)), None):
        raise NotAsObservedError(
            f"domain {domain.name}: {name} is being written, or was written or taken away since it was observed. "
            "The month is built once the source is observed again."
        )
