"""What an earlier `anna up` left behind when it was killed: found by a mark in the environment, and ended.

The servers themselves end with their parent (see `tie`), but the code server first lets its runs come to an end; a run
that goes on beside a new platform would be counted as lost, tried again, and then write the same things twice.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "ANNA_PLATFORM"  # holds the deployment's folder in every process that a platform started
GRACE_SECONDS = 10.0


def end_leftovers(home: Path) -> int:
    """End every process of an earlier platform of this deployment; return how many there were.

    Call it only while holding the deployment's lock: no platform of it runs then.
    """
    found = list(marked(home))
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=GRACE_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)
    return len(found)


def marked(home: Path) -> Iterator[psutil.Process]:
    """Every process that a platform of this deployment started, this one or an earlier one, and that still runs."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home):
                yield process
        except psutil.Error:
            continue  # another user's, or it has just ended
