"""A production scoring run of ever more clients with three domains: time and memory of each of its steps.

`python -m benchmarks.speed.production_scale --clients 1e5,1e6` measures and prints a table. The clients are those of a
simulated bank of 20,000, as often as it takes, each time under other names, with the last months' events alone. The
models are trained on that bank. Each step is a process of its own (`production_step.py`), as the graph's steps are.
"""

import argparse
from pathlib import Path

import polars as pl

from anna_core.storage import write_file
from anna_simbank.bank import SimulatedBank
from benchmarks.speed.ours.retro_bank import MONTHS, RetroBank
from benchmarks.speed.scale_table import PEAKS, TIMES, measured_step, print_table

CLIENTS = (100_000, 1_000_000)
SIMULATED, LAST_MONTHS = 20_000, ("2024-10", "2024-11", "2024-12")
STAGES = ("marts", "histories", "scores")
_SEED = 0


def measure(clients: tuple[int, ...], folder: Path, threads: int) -> list[dict]:
    """Measure every stage for every number of clients.

    Args:
        clients: multiples of 20,000.
        folder: where data and models lie and stay.
        threads: number of CPU threads.

    Returns:
        Rows {"stage", "clients", "events", "seconds", "cpu_seconds", "peak_bytes", "peak_anonymous_bytes"}.
    """
    trained = RetroBank(folder / "retro-2000")
    if not trained.metamodel.exists():
        trained.prepare(2_000, threads)
    small = folder / f"bank-{SIMULATED}"
    if not (small / "bank made").exists():
        SimulatedBank(clients=SIMULATED, months=MONTHS, seed=_SEED).write(small)
        (small / "bank made").touch()
    rows = []
    for count in clients:
        home = folder / f"wide-{count}"
        _widen(small, home, count // SIMULATED)
        for stage in STAGES:
            step = measured_step("production_step", stage, home, trained.folder, threads)
            rows.append({"clients": count, **step})
    return rows


def _widen(small: Path, home: Path, times: int) -> None:
    """Write the last months of a bank as often as asked, each time with other clients and event keys."""
    for folder in sorted((small / "warehouse").glob("*/load_month=*")):
        if folder.name.removeprefix("load_month=") not in LAST_MONTHS:
            continue
        into = home / "warehouse" / folder.parent.name / folder.name
        into.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.parquet"):
            events = pl.read_parquet(part)
            for number in range(times):
                file = into / f"{part.stem}-{number:03}.parquet"
                if not file.exists():
                    with write_file(file) as temporary:
                        _renamed(events, number).write_parquet(temporary)


def _renamed(events: pl.DataFrame, number: int) -> pl.DataFrame:
    return events.with_columns(
        client_id=pl.col("client_id") + number * 10**7, event_id=pl.col("event_id") + number * 10**15
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", default=",".join(map(str, CLIENTS)), help="as in 1e5,1e6")
    parser.add_argument("--folder", type=Path, required=True, help="where the data is kept")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    rows = measure(tuple(int(float(count)) for count in given.clients.split(",")), given.folder, given.threads)
    counts = {name: lambda row, name=name: f"{row[name]:,}" for name in ("clients", "events")}
    each = {"µs/client": lambda row: f"{1e6 * row['cpu_seconds'] / row['clients']:.0f}"}
    print_table(rows, {**counts, **TIMES, **each, **PEAKS})


if __name__ == "__main__":
    main()
