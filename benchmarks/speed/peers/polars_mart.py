"""Raw Polars: read each month, sort by client and time, write the same columns with the same compression.

It encodes nothing, checks nothing and fingerprints nothing: the least that anything which makes a mart must do.
"""

import tempfile
from pathlib import Path

import polars as pl

from benchmarks.speed.bank_events import COMPRESSION, EVENTS_A_MONTH, MONTHS, BankEvents
from benchmarks.speed.contest import Stopwatch, orders, report


def main() -> None:
    """Write all months, the first one once before for warming up."""
    given = orders(__doc__).parse_args()
    bank = BankEvents(given.data)
    with tempfile.TemporaryDirectory(dir=given.data) as name:
        folder, watch = Path(name), Stopwatch()
        sort_file(bank.file(MONTHS[0]), folder / "warm.parquet")
        with watch.running():
            for month in MONTHS:
                sort_file(bank.file(month), folder / f"{month}.parquet")
    report(watch, len(MONTHS) * EVENTS_A_MONTH)


def sort_file(source: Path, target: Path) -> None:
    """Sort one file into another."""
    pl.scan_parquet(source).sort("client_id", "event_time").sink_parquet(target, compression=COMPRESSION)


if __name__ == "__main__":
    main()
