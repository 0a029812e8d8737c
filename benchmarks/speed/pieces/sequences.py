"""Marts → sequences for a sample, against the loop that everybody writes first."""

import shutil

from benchmarks.speed.harness import Bench, Contestant, ContestantFailedError
from benchmarks.speed.pieces.mart import bank_events
from benchmarks.speed.results import Row, compare, median_rate, spread
from benchmarks.speed.sample import ROW_COUNT, write_sample

AT_LEAST = 20.0
OURS, NAIVE = "ours", "naive group-by-client loop"


def measure(bench: Bench) -> list[Row]:
    """One row: events of sequences a second, after a check that both cut the same windows."""
    from benchmarks.speed.ours import bank_domain

    folder = bank_events(bench.folder)
    for old in (bank_domain.mart(folder), bank_domain.dictionary(folder)):
        shutil.rmtree(old, ignore_errors=True)
    bank_domain.build_marts(folder, folder, bank_domain.month_dates())
    write_sample(folder)
    data = ("--data", str(folder))
    windows = {
        "--lookback-days": bank_domain.LOOKBACK_DAYS,
        "--lag-days": bank_domain.LAG_DAYS,
        "--max-length": bank_domain.MAX_LENGTH,
    }
    cut = tuple(str(word) for option in windows.items() for word in option)
    runs = bench.race(
        [
            Contestant(OURS, "benchmarks.speed.ours.cut_sequences", data),
            Contestant(NAIVE, "benchmarks.speed.peers.naive_sequences", (*data, *cut)),
        ]
    )
    if len(found := {run.facts["lengths"] for part in runs.values() for run in part}) > 1:
        raise ContestantFailedError(f"ours and the naive loop cut different windows: checksums {sorted(found)}.")
    note = f"{ROW_COUNT:,} rows; the same length for every row. Naive: {spread(runs[NAIVE])} events/s, nothing written."
    ours, naive = median_rate(runs[OURS]), median_rate(runs[NAIVE])
    return [compare("marts → sequences", NAIVE, ours, naive, at_least=AT_LEAST, note=note)]
