"""Steps at several sizes, each measured in a process of its own: how one is called, and the table of all."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

MOST_PEAK = 4 * 2**30  # bytes
# Columns: head → what a row shows in it.
TIMES: Mapping[str, Callable[[dict], str]] = {
    "seconds": lambda row: f"{row['seconds']:.2f}",
    "CPU": lambda row: f"{row['cpu_seconds']:.2f}",
}
PEAKS: Mapping[str, Callable[[dict], str]] = {
    "peak GiB": lambda row: f"{row['peak_bytes'] / 2**30:.2f}",
    "anonymous": lambda row: f"{row['peak_anonymous_bytes'] / 2**30:.2f}",
}


def measured_step(module: str, stage: str, *arguments: object) -> dict:
    """What `scale_step.measured` printed of a step, and the stage's name."""
    command = [sys.executable, "-m", f"benchmarks.speed.{module}", stage, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return {"stage": stage, **json.loads(done.stdout.splitlines()[-1])}


def print_table(rows: list[dict], columns: Mapping[str, Callable[[dict], str]]) -> None:
    """Print a line a row, and whether memory stays below the limit."""
    print(f"{'stage':10}" + "".join(f"{head:>13}" for head in columns))
    for row in rows:
        print(f"{row['stage']:10}" + "".join(f"{shown(row):>13}" for shown in columns.values()))
    print("peak memory below 4 GiB:", "yes" if max(row["peak_bytes"] for row in rows) < MOST_PEAK else "no")
