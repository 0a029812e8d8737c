"""Sorted runs of events, and the ranges of clients in which they are merged within bounded memory."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

TIME_BITS = 42  # a month has fewer than 2^42 microseconds
_SAMPLES = 8  # sampled clients of a run per half of a range


@dataclass(frozen=True)
class Run:
    """Events in the order of client and time.

    Attributes:
        clients: (c,) the different clients, text, ascending.
        bounds: (c + 1,) int64; client i has the events from bounds[i] up to, but without, bounds[i + 1].
        events: columns as in `anna_core.marts.pieces.carried`; categories are positions in `values`.
        values: categorical column → the different values that the run has in it.
    """

    clients: pl.Series
    bounds: np.ndarray
    events: pl.DataFrame
    values: dict[str, pl.Series]

    def between(self, low: int, high: int) -> "Run":
        """The run of clients[low:high] alone; it shares this one's memory."""
        first, last = int(self.bounds[low]), int(self.bounds[high])
        return replace(
            self,
            clients=self.clients[low:high],
            bounds=self.bounds[low : high + 1] - first,
            events=self.events.slice(first, last - first),
        )

    def on_disk(self, path: Path) -> "Run":
        """The same run in memory-mapped files, whose names begin with `path`."""
        return replace(
            self,
            clients=_on_disk(self.clients.to_frame(), Path(f"{path}.clients")).to_series(),
            bounds=array_on_disk(self.bounds, Path(f"{path}.bounds")),
            events=_on_disk(self.events, Path(f"{path}.events")),
            values={
                name: _on_disk(values.to_frame(), Path(f"{path}.values.{place}")).to_series()
                for place, (name, values) in enumerate(self.values.items())
            },
        )


def array_on_disk(array: np.ndarray, path: Path) -> np.ndarray:
    """The same array, (n,), in a memory-mapped file.

    NumPy's own maps keep their files open, and a month in many pieces has more of them than a process may hold open.
    """
    path.write_bytes(np.ascontiguousarray(array).view(np.uint8).data)  # of a full disk `tofile` gives no number
    if not len(array):
        return array  # an empty file cannot be mapped
    with pa.memory_map(str(path)) as source:
        return np.frombuffer(source.read_buffer(), dtype=array.dtype)


def _on_disk(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())  # of texts as others know them, Polars would make own
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pa.memory_map(str(path)) as source:
        return pl.DataFrame(pa.ipc.open_file(source).read_all())


def sorting_key(place: np.ndarray, time: pl.Series, first: dt.datetime) -> np.ndarray:
    """One number per event, (n,) uint64, by which events are sorted by client and time.

    Args:
        place: (n,) the client's position among all clients, below 2^22.
        time: (n,) datetimes of one month, in microseconds.
        first: the month's first moment.
    """
    start = pl.Series([first], dtype=pl.Datetime("us")).to_physical()[0]
    moment = time.to_physical().to_numpy() - start
    return (place.astype(np.uint64) << np.uint64(TIME_BITS)) | moment.astype(np.uint64)


def client_ranges(runs: list[Run], most: int) -> Iterator[list[Run]]:
    """Cut runs into ranges of clients, in ascending order, with about `most` events at most, or all of one client.

    The bounds come from a sample of each run's clients, taken at equal steps through its events. As they are not exact,
    ranges of half the size are aimed at.
    """
    if sum(len(run.events) for run in runs) <= most:
        yield runs
        return
    low = [0] * len(runs)
    for bound in _bounds(runs, max(1, most // 2)):
        high = [int(run.clients.search_sorted(bound)) for run in runs]
        yield [run.between(a, b) for run, a, b in zip(runs, low, high, strict=True)]
        low = high
    yield [run.between(a, len(run.clients)) for run, a in zip(runs, low, strict=True)]


def _bounds(runs: list[Run], wanted: int) -> list[str]:
    """The first client of every range but the first; each range has about `wanted` events."""
    step = max(1, wanted // (_SAMPLES * len(runs)))
    sampled = [
        run.clients[run.bounds[1:].searchsorted(np.arange(0, len(run.events), step), side="right")] for run in runs
    ]
    clients = pl.concat(sampled).sort()
    return clients.gather_every(wanted // step, wanted // step).unique(maintain_order=True).to_list()
