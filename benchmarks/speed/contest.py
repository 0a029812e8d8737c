"""What every contestant does alike, ours or a peer: it is timed, and reports one line of JSON."""

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENCODERS = ("gru", "transformer")

_STATUS = Path("/proc/self/status")


@dataclass
class Stopwatch:
    """Wall and CPU seconds spent inside `running` blocks, summed; CPU counts all threads and ended children."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time spent within the block."""
        wall, cpu = time.perf_counter(), _cpu_seconds()
        yield
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += _cpu_seconds() - cpu


def orders(description: str | None) -> argparse.ArgumentParser:
    """A parser of what every contestant is told: where the data lies, how many threads to use, which seed to take."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, help="folder of the data set")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def net_orders(description: str | None) -> argparse.ArgumentParser:
    """The same for contestants that train or run a net: which encoder it has, and how many clients it reads."""
    parser = orders(description)
    parser.add_argument("--encoder", choices=ENCODERS, required=True)
    parser.add_argument("--clients", type=int, required=True)
    return parser


def report(watch: Stopwatch, events: float, **facts: Any) -> None:
    """Print the contestant's one line.

    Args:
        watch: the timed part.
        events: true events (no padding) that the timed part went through; whatever the piece counts instead.
        facts: what else the piece wants to know, such as `metric`.
    """
    line = {
        "seconds": watch.seconds,
        "cpu_seconds": watch.cpu_seconds,
        "events": float(events),
        "peak_bytes": peak_bytes(),
        **facts,
    }
    sys.stdout.flush()
    print(json.dumps(line), flush=True)


def peak_bytes() -> int:
    """Most memory that this process has held, imports and data included."""
    if _STATUS.exists():  # `ru_maxrss` also remembers the parent's size before exec
        text = _STATUS.read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
