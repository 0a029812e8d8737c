"""One step at one size, in a process of its own: prints its events, seconds and peak memory as a line of JSON."""

import argparse
import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from anna_core import storage
from anna_core.domains import read_domain
from anna_core.marts.dictionary import read_dictionary
from anna_core.memory import DEFAULT_MEMORY
from anna_core.months import months_between, next_month
from anna_core.sequences.build import write_history, write_sequences
from anna_core.sources.source import MOST_LEFT_ASIDE, Source
from anna_simbank.bank import FIRST_CLIENT_ID
from benchmarks.speed.ours.bank_domain import built_months

DOMAIN = read_domain(Path(__file__).parents[2] / "domains" / "card_transactions.yaml")
FIRST, LAST = dt.date(2023, 1, 1), dt.date(2024, 12, 1)
AS_OF = np.array(["2024-01-01", "2024-04-01", "2024-07-01"], dtype="datetime64[D]")
ROWS_A_CLIENT = 0.4
_SAMPLING_SECONDS = 0.01


class PeakAnonymous(threading.Thread):
    """Watches this process' memory that is no mapped file's.

    Attributes:
        peak: bytes, the most that was seen.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._done = threading.Event()

    def run(self) -> None:
        """Look every few milliseconds until `stop`."""
        while not self._done.wait(_SAMPLING_SECONDS):
            self.peak = max(self.peak, _memory("RssAnon"))

    def stop(self) -> int:
        """Look a last time; the peak."""
        self._done.set()
        self.join()
        return max(self.peak, _memory("RssAnon"))


def _memory(name: str) -> int:
    """Bytes; the kernel's own peak (VmHWM) is of this program alone, getrusage's also of what started it."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {name}: this measurement needs Linux 4.5 or later")


def _marts(home: Path, _: int) -> int:
    months = months_between(FIRST, LAST)
    source = Source(DOMAIN, home, "UTC", 0.0, MOST_LEFT_ASIDE)
    return sum(month.rows for month in built_months(source, months, home / "mart", home / "dictionary"))


def _sequences(home: Path, clients: int) -> int:
    random = np.random.default_rng(0)
    chosen = random.choice(clients, int(clients * ROWS_A_CLIENT), replace=False) + FIRST_CLIENT_ID
    rows = pl.DataFrame({"client_id": chosen.astype(str), "as_of": random.choice(AS_OF, len(chosen))})
    dictionary = read_dictionary(DOMAIN, home / "dictionary")
    with storage.write_directory(home / "sequences") as folder:
        made = write_sequences(DOMAIN, dictionary, home / "mart", rows, folder, DEFAULT_MEMORY)
    return int(made.length.sum())


def _history(home: Path, _: int) -> int:
    dictionary = read_dictionary(DOMAIN, home / "dictionary")
    with storage.write_directory(home / "history") as folder:
        made = write_history(DOMAIN, dictionary, home / "mart", next_month(LAST), folder, DEFAULT_MEMORY)
    return len(made.event_time)


STEPS: dict[str, Callable[[Path, int], int]] = {"marts": _marts, "sequences": _sequences, "history": _history}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STEPS)
    parser.add_argument("home", type=Path)
    parser.add_argument("clients", type=int)
    given = parser.parse_args()
    measured(lambda: STEPS[given.stage](given.home, given.clients))


def measured(step: Callable[[], int]) -> None:
    """Run a step, which returns a number of events, and print what it took."""
    watch = PeakAnonymous()
    watch.start()
    begin, before = time.perf_counter(), time.process_time()
    events = step()
    found = {
        "events": events,
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - before,
        "peak_bytes": _memory("VmHWM"),
        "peak_anonymous_bytes": watch.stop(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
