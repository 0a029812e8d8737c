"""Counting a month's categories within bounded memory, however many different ones there are."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

SCHEMA = {"field": pl.String, "value": pl.String, "count": pl.UInt32}
_BYTES = 200  # per value with its count, while frames of them are joined and summed; measured
_BUCKETS = 256  # by hash, in each file; a part is one bucket or several
_BUCKET = "bucket"


class Counts:
    """Counts values by field: in memory, and what does not fit in files, divided into buckets by the values' hashes.

    Args:
        folder: the folder for the files.
        memory: bytes to work with; the counts do not depend on it.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self._folder, self._most = folder, max(1, memory // _BYTES)
        self._held: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._written = 0

    def add(self, counts: pl.DataFrame) -> None:
        """Add counts: columns field, value, count, in which no value of a field is repeated."""
        if len(counts) > self._most // 2:
            self._spill(counts)  # nothing in it can be added up
            return
        self._held.append(counts)
        if sum(map(len, self._held)) > self._most:
            self._held = [_summed(self._held)]
            if len(self._held[0]) > self._most // 2:
                self._spill(self._held.pop())

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the sums of all counts in parts: columns field, value, count; each value of a field is in one part."""
        if not self._files:
            yield _summed(self._held)
            return
        if self._held:
            self._spill(_summed(self._held))
            self._held = []
        count = min(max(1, -(-self._written // self._most)), _BUCKETS)
        for buckets in np.array_split(np.arange(_BUCKETS), count):
            yield _summed([_read(file, buckets) for file in self._files])

    def _spill(self, counts: pl.DataFrame) -> None:
        """Write a file with one record batch per bucket, so that each part reads only its own buckets."""
        bucket = (pl.struct("field", "value").hash() % _BUCKETS).alias(_BUCKET)
        sorted_ = counts.with_columns(bucket).sort(_BUCKET)
        bounds = sorted_[_BUCKET].search_sorted(pl.Series(range(_BUCKETS + 1), dtype=pl.UInt64)).to_list()
        batch = sorted_.drop(_BUCKET).to_arrow().combine_chunks().to_batches()[0]
        self._files.append(self._folder / f"counts-{len(self._files)}.arrow")
        with pa.OSFile(str(self._files[-1]), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
            for low, high in pairwise(bounds):
                writer.write_batch(batch.slice(low, high - low))
        self._written += len(counts)


def _read(file: Path, buckets: np.ndarray) -> pl.DataFrame:
    with pa.OSFile(str(file)) as source:
        reader = pa.ipc.open_file(source)
        return pl.DataFrame(pa.Table.from_batches([reader.get_batch(int(bucket)) for bucket in buckets]))


def _summed(counts: list[pl.DataFrame]) -> pl.DataFrame:
    if not counts:
        return pl.DataFrame(schema=SCHEMA)
    return pl.concat(counts).group_by("field", "value").agg(pl.col("count").sum())
