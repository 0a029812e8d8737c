"""What tests ask of processes that are not theirs."""

import psutil


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended, also where nobody has taken note of that yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
