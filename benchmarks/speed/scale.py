"""Marts, sequences and a history of 1, 10 and 100 million card events of the simulated bank: time and memory.

`python -m benchmarks.speed.scale --sizes 1e6,1e7` measures and prints a table. Each step is a process of its own
(`scale_step.py`), with the memory setting's default.
"""

import argparse
import tempfile
from pathlib import Path

from anna_simbank.bank import FEWEST_CLIENTS, SimulatedBank
from benchmarks.speed.scale_table import PEAKS, TIMES, measured_step, print_table

STAGES = ("marts", "sequences", "history")
SIZES = (1_000_000, 10_000_000, 100_000_000)
EVENTS_A_CLIENT = 215.0  # card events of a client in the bank's 24 months, on average
_SEED = 0


def measure(sizes: tuple[int, ...] = SIZES, folder: Path | None = None) -> list[dict]:
    """Measure every stage at every size.

    Args:
        sizes: events of the simulated bank, about.
        folder: where its data lies and stays, so that another call need not make it; None for a place that goes.

    Returns:
        Rows {"stage", "events", "seconds", "cpu_seconds", "events_per_second", "peak_bytes", "peak_anonymous_bytes"}:
        events that the stage wrote or let its rows see; the process' peak resident memory; and that without the pages
        of mapped files, which the system takes back when it needs them.
    """
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            home = (folder or Path(place)) / f"scale-{size}"
            clients = max(FEWEST_CLIENTS, round(size / EVENTS_A_CLIENT))
            if not (home / "bank made").exists():
                SimulatedBank(clients=clients, seed=_SEED).write(home)
                (home / "bank made").touch()
            rows += [_step(stage, home, clients) for stage in STAGES]
    return rows


def grows_linearly(rows: list[dict]) -> bool:
    """Whether no stage takes more CPU seconds an event at a larger size than at the smallest.

    CPU seconds: wall time also tells what else the machine did.
    """
    for stage in STAGES:
        cost = [row["cpu_seconds"] / row["events"] for row in rows if row["stage"] == stage]
        if cost and max(cost) > cost[0]:
            return False
    return True


def _step(stage: str, home: Path, clients: int) -> dict:
    found = measured_step("scale_step", stage, home, clients)
    return {**found, "events_per_second": found["events"] / found["seconds"]}


def main() -> None:
    """Measure, print the table, and tell whether time grows linearly and memory stays below the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="events, as in 1e6,1e7")
    parser.add_argument("--folder", type=Path, help="where the data is kept; else it is removed")
    given = parser.parse_args()
    rows = measure(tuple(int(float(size)) for size in given.sizes.split(",")), given.folder)
    speed = {"events/s": lambda row: f"{row['events_per_second']:,.0f}"}
    columns = {"events": lambda row: f"{row['events']:,}", **TIMES, **speed, **PEAKS}
    print_table(sorted(rows, key=lambda row: STAGES.index(row["stage"])), columns)
    print("CPU time grows no faster than linearly:", "yes" if grows_linearly(rows) else "no")


if __name__ == "__main__":
    main()
