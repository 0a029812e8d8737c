"""Marts, sequences and histories of ever larger banks: time for each event, and memory (`benchmarks.speed.scale`)."""

import subprocess
from itertools import pairwise

from benchmarks.speed.harness import Bench, ContestantFailedError
from benchmarks.speed.results import Row, compare

# Linear growth leaves the rate as it is, and so much it may differ from run to run.
AT_LEAST = 0.8
GIBIBYTE = 2**30


def measure(bench: Bench) -> list[Row]:
    """Two rows a stage: the rate where it falls most from one size to the next, and the highest peak."""
    from benchmarks.speed import scale

    try:
        found = scale.measure(bench.scale_events, bench.folder)
    except subprocess.CalledProcessError as error:  # it has written to stderr why
        raise ContestantFailedError(f"a step of the scale piece failed: {error}") from error
    return [row for stage in scale.STAGES for row in _rows([part for part in found if part["stage"] == stage])]


def _rows(sizes: list[dict]) -> list[Row]:
    stage = f"scale: {sizes[0]['stage']}"
    told = "; ".join(
        f"{part['events']:,} events: {part['seconds']:.1f} s, {part['peak_bytes'] / GIBIBYTE:.2f} GiB" for part in sizes
    )
    peak = max(part["peak_bytes"] for part in sizes) / GIBIBYTE
    memory = compare(stage, "4 GiB", peak, 4.0, at_least=1.0, unit="GiB", less_is_better=True)
    if len(sizes) == 1:
        return [memory]
    less, more = min(pairwise(sizes), key=lambda pair: pair[1]["events_per_second"] / pair[0]["events_per_second"])
    against = f"{less['events']:,} events, ours is {more['events']:,}"
    rates = more["events_per_second"], less["events_per_second"]
    return [compare(stage, against, *rates, at_least=AT_LEAST, note=f"{told}."), memory]
