"""Waiting until whoever writes a sample is done: half of an export reads as a sample that is whole, and short."""

import time
from collections.abc import Callable

from anna_core.errors import SampleError
from anna_core.folders import UnseenError, is_folder, status, walk
from anna_core.lake_folders import DELTA_LOG
from anna_core.samples.files import local_path, settings_beside
from anna_core.samples.listing import FileStamp, stamp
from anna_core.samples.parts import is_mark

# Path of each file of a sample → its state. Of what another system serves, and of a table that keeps its own versions,
# nobody sees half, so there is nothing to look at.
Stamps = dict[str, FileStamp]

_PATIENCE_SECONDS = 600.0  # a run that waits keeps others from their place


def stamps_of(origin: str) -> Stamps:
    """The states of a sample's files and of its settings at this moment; empty where there are none to look at.

    Marks and logs that a writer leaves beside its files hold no rows, and are not looked at.

    Args:
        origin: a path or URL.

    Raises:
        SampleError: ANNA may not look at one of them.
    """
    path, settings = local_path(origin), settings_beside(origin)
    if path is None:
        return {}
    try:
        files = [] if settings is None else [settings]
        if not is_folder(path / DELTA_LOG):
            files += [file for file, names in walk(path) if not is_mark(names)] if is_folder(path) else [path]
        states = {str(file): status(file) for file in files}
    except UnseenError as error:
        raise SampleError(f"{origin}: {error}") from None
    return {name: stamp(state) for name, state in states.items() if state is not None}


def wait_for_rest(
    origin: str,
    settle: float,
    tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> Stamps:
    """Wait until no file of a sample has changed for `settle` seconds; at once, where that is so already.

    Args:
        origin: a path or URL.
        settle: seconds.
        tell: takes a sentence for people, if there is a wait.
        sleep: waits for so many seconds.
        now: the time in seconds since 1970.

    Returns:
        The states of the files at rest, to which `stage_sample` holds them.

    Raises:
        SampleError: they change for longer than anybody wants to wait, or ANNA may not look at one of them.
    """
    states, waited = stamps_of(origin), 0.0
    while (pause := _pause(states, settle, now())) > 0:
        if waited == 0:
            tell(f"{origin} has just changed; it is read once it has been at rest for {settle:g} seconds.")
        if waited >= max(_PATIENCE_SECONDS, settle):
            raise SampleError(
                f"{origin}: somebody has been writing it for {waited / 60:.0f} minutes. Submit it again once it is "
                "whole."
            )
        sleep(pause)
        before, states, waited = states, stamps_of(origin), waited + pause
        if states == before:  # also where a file server's clock is ahead of this machine's
            break
    return states


def _pause(states: Stamps, settle: float, now: float) -> float:
    """How long the files must be seen unchanged from now on, in seconds; 0 where they are at rest."""
    ages = [now - max(modified, changed) / 1e9 for _, modified, changed in states.values()]
    youngest = min(ages, default=settle)
    return 0.0 if youngest >= settle else min(settle, settle - youngest)
