"""Raw events → marts, against pytorch-lifestream's preprocessor and raw Polars."""

import functools
from pathlib import Path

from benchmarks.speed.bank_events import BankEvents
from benchmarks.speed.harness import Bench, Contestant
from benchmarks.speed.results import Row, compare, median_rate, spread

AT_LEAST, AT_LEAST_OF_POLARS = 10.0, 0.75
OURS, LIFESTREAM, POLARS = "ours", "PandasDataPreprocessor of pytorch-lifestream", "raw Polars: read, sort, write"


@functools.cache
def bank_events(folder: Path) -> Path:
    """Where the raw events lie, after they have been drawn; once a run, so that they are never old ones."""
    place = folder / "bank_events"
    BankEvents(place).write()
    return place


def measure(bench: Bench) -> list[Row]:
    """Rows of events a second."""
    data = ("--data", str(bank_events(bench.folder)))
    runs = bench.race(
        [
            Contestant(OURS, "benchmarks.speed.ours.build_mart", data),
            Contestant(LIFESTREAM, "benchmarks.speed.peers.lifestream_mart", data),
            Contestant(POLARS, "benchmarks.speed.peers.polars_mart", data),
        ]
    )
    ours = median_rate(runs[OURS])
    notes = {
        LIFESTREAM: f"Peer: {spread(runs[LIFESTREAM])} events/s. Ours writes, the peer keeps all in memory.",
        POLARS: f"Peer: {spread(runs[POLARS])} events/s; it encodes, checks and fingerprints nothing.",
    }
    return [
        compare("raw events → mart", name, ours, median_rate(runs[name]), at_least=asked, note=notes[name])
        for name, asked in ((LIFESTREAM, AT_LEAST), (POLARS, AT_LEAST_OF_POLARS))
    ]
