"""Processes that end with the one from which they were forked.

Whoever had it fork them hears of them through it: once it is killed, it takes them for dead, and starts others in their
place. They must not go on beside those.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal that a process gets when its parent ends


def end_together() -> None:
    """Have each process that is forked from this one from now on killed when this one ends; on Linux alone."""
    if sys.platform == "linux":
        os.register_at_fork(after_in_child=_bound_to(os.getpid(), ctypes.CDLL(None).prctl))


def _bound_to(parent: int, prctl: Callable[[int, int], int]) -> Callable[[], None]:
    is_forked = False

    def bind() -> None:
        nonlocal is_forked
        if not is_forked:  # what a forked process forks itself is its own affair
            is_forked = True
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it ended meanwhile
                os._exit(1)

    return bind
