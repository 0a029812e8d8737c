"""Counting a month's categories within bounded memory, however many different ones there are."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

SCHEMA = {"field": pl.String, "value": pl.String, "count": pl.UInt32}
_BYTES = 200  # of a value with its count, while frames of them are joined and summed; measured
_BUCKETS = 256  # by hash, in each file; a part is one or several
_BUCKET = "bucket"


class Counts:
    """Counts of values by field. Adds up in memory, and beyond that in files, bucket by bucket of the values' hashes.

    Args:
        folder: where the files go.
        memory: bytes to work with; what comes out does not depend on it.
    """

    def __init__(self, folder: Path, memory: int) -> None:
        self._folder, self._most = folder, max(1, memory // _BYTES)
        self._held: list[pl.DataFrame] = []
        self._files: list[Path] = []
        self._written = 0

    def add(self, counts: pl.DataFrame) -> None:
        """Add columns field, value, count; each value of a field once."""
        if len(counts) > self._most // 2:
            self._spill(counts)  # there is nothing to sum up in it
            return
        self._held.append(counts)
        if sum(map(len, self._held)) > self._most:
            self._held = [_summed(self._held)]
            if len(self._held[0]) > self._most // 2:
                self._spill(self._held.pop())

    def parts(self) -> Iterator[pl.DataFrame]:
        """All counts, summed; a value of a field lies in one part."""
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
        """Write a file with a record batch a bucket, so that a part reads no more than it is made of."""
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
