"""A script that runs first in every child: ties its life to its parent's, then becomes the child's program.

Called as `python -S -E tie.py PARENT_PID PROGRAM ARGUMENTS…`. Where the parent is killed and cannot clean up, Linux
then ends the child. Dagster gives SIGTERM whatever SIGINT is set to do; a shell that starts things with `&` sets it to
"ignore", and a server so started could not be stopped, so SIGINT gets its default back. And a process may usually hold
1,024 files open, although the system would allow it more; Polars opens many at once.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
OPEN_FILES = 65_536  # some programs go through all numbers up to the limit, and a container's may be a billion


def main() -> None:
    """Become the program that the arguments name."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    allow_open_files()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # the parent ended before the tie was made
    os.execvp(program[0], program)


def allow_open_files() -> None:
    """Raise the number of files that a process may hold open as far as the system allows, up to `OPEN_FILES`."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
