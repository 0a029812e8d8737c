"""Every way of being asked to stop becomes KeyboardInterrupt, so that cleaning up happens in one way."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP act as Ctrl-C, and Ctrl-C act even where a shell's `&` had it ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
