"""ANNA, marts → sequences of a sample: `write_sequences`, as the asset `sequences/<domain>` does."""

import tempfile
from pathlib import Path

import polars as pl

from anna_core.marts.dictionary import read_dictionary
from anna_core.memory import DEFAULT_MEMORY
from anna_core.sequences.build import write_sequences
from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.bank_domain import DOMAIN, dictionary, mart
from benchmarks.speed.sample import ROWS, digest

WARM_UP_ROWS = 100


def main() -> None:
    """Cut the sequences of all rows of the sample and write them."""
    given = orders(__doc__).parse_args()
    rows = pl.read_parquet(given.data / ROWS)
    codes, watch = read_dictionary(DOMAIN, dictionary(given.data)), Stopwatch()
    with tempfile.TemporaryDirectory(dir=given.data) as name:
        warm, timed = Path(name, "warm"), Path(name, "timed")
        warm.mkdir()
        timed.mkdir()
        write_sequences(DOMAIN, codes, mart(given.data), rows.head(WARM_UP_ROWS), warm, DEFAULT_MEMORY)
        with watch.running():
            made = write_sequences(DOMAIN, codes, mart(given.data), rows, timed, DEFAULT_MEMORY)
        report(watch, made.length.sum(), lengths=digest(made.length))


if __name__ == "__main__":
    main()
