"""A script that runs first in every child: ties its life to its parent's, then becomes the child's program.

Called as `python -S -E tie.py PARENT_PID PROGRAM ARGUMENTS…`. Where the parent is killed and cannot clean up, Linux
then ends the child. Dagster gives SIGTERM whatever SIGINT is set to do; a shell that starts things with `&` sets it to
"ignore", and a server so started could not be stopped, so SIGINT gets its default back.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main() -> None:
    """Become the program that the arguments name."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)  # the parent ended before the tie was made
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
