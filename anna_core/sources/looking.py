"""What lies at a source's place right now: its files by size and time, and which of them are at rest."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from anna_core.domains import Domain
from anna_core.errors import NotAsObservedError, SourceError
from anna_core.folders import UnseenError, status
from anna_core.sources.files import source_files
from anna_core.sources.lakes import lake_state
from anna_core.sources.observed_files import ObservedFiles, file_state
from anna_core.sources.source import Source
from anna_core.sources.source_state import SourceState

WRITTEN = "is still being written"


class Found(BaseModel):
    """What lies at a source's place.

    Attributes:
        states: name of a file, or of a lake's table, → the state in which it is to be read.
        unread: name of a file that is not read → why.
        hidden: name of a file that is hidden, and therefore not read → why.
        unsettled: name of a file that is still being written → that it is; it counts in the state observed before.
    """

    states: dict[str, str]
    unread: dict[str, str] = {}
    hidden: dict[str, str] = {}
    unsettled: dict[str, str] = {}


def look(source: Source, before: SourceState) -> Found:
    """Look at the size and times of every file, without reading data.

    Args:
        source: the source.
        before: the last observation.

    Raises:
        SourceError: nothing is there.
    """
    if source.domain.source.is_lake:
        name, state = lake_state(source)
        return Found(states={name: state})
    files = source_files(source)
    found = Found(states={}, unread=files.unread, hidden=files.hidden)
    now = time.time()
    for file in files.read:
        name = str(file)
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue  # it has just been moved away
        # A copy may keep the original's mtime, but its ctime is its own. Times in the future come from a machine with
        # another clock: the file is read now, and again if it turns out to have changed.
        if abs(now - max(stat.st_mtime, stat.st_ctime)) >= source.settle:
            found.states[name] = file_state(stat)
            continue
        known = before.known.get(name)
        if known is None or known.state != file_state(stat):
            found.unsettled[name] = WRITTEN
        if known is not None:
            found.states[name] = known.state
    return found


def changed(domain: Domain, name: str, state: str) -> bool:
    """Whether a file has changed, or gone, since `look` saw it in this state."""
    if domain.source.is_lake:
        return False  # a version of a table never changes
    try:
        found = status(Path(name))
    except UnseenError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error
    return found is None or file_state(found) != state


@contextmanager
def unchanged(domain: Domain, observed: ObservedFiles | None) -> Iterator[None]:
    """A context in which files are read only in the state in which they were observed; with None, in any state.

    Raises:
        NotAsObservedError: a file is not in that state, before the block or after it. This replaces any error that
            the block raises: that something is wrong with half a file is no news.
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
