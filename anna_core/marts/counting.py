"""Counting a month's categories within bounded memory, however many different ones there are."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

SCHEMA = {"field": pl.String, "value": pl.String, "count": pl.UInt32}
_BYTES = 200  # of a value with its count, while frames of them are joined and summed; measured


class Counts:
    """Counts of values by field. Adds up in memory, and beyond that in files, each with a part of the values.

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
        """Add columns field, value, count."""
        self._held.append(counts)
        if sum(map(len, self._held)) > self._most:
            self._held = [_summed(self._held)]
            if len(self._held[0]) > self._most // 2:
                self._spill()

    def parts(self) -> Iterator[pl.DataFrame]:
        """All counts, summed; a value of a field lies in one part."""
        if not self._files:
            yield _summed(self._held)
            return
        self._spill()
        count = max(1, -(-self._written // self._most))
        for part in range(count):
            of_part = pl.struct("field", "value").hash() % count == part
            yield _summed([pl.scan_ipc(file).filter(of_part).collect() for file in self._files])

    def _spill(self) -> None:
        held = _summed(self._held)
        self._files.append(self._folder / f"counts-{len(self._files)}.arrow")
        held.write_ipc(self._files[-1])
        self._held, self._written = [], self._written + len(held)


def _summed(counts: list[pl.DataFrame]) -> pl.DataFrame:
    if not counts:
        return pl.DataFrame(schema=SCHEMA)
    return pl.concat(counts).group_by("field", "value").agg(pl.col("count").sum())
