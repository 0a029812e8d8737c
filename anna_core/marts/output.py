"""Writing a month of a mart in row groups of one size, whatever the size of the parts that the events come in."""

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from anna_core.domains import Domain
from anna_core.marts.merge import Merged
from anna_core.sources.door import TIME, field_names

ROW_GROUP = 2**17  # events: so few that a few clients are read quickly, so many that pages cost next to nothing
# Measured on 2M card events, per event: level 1 takes 113 ns to write, 25 ns to read and 11.4 bytes; level 3 takes
# 219 ns for 10.4 bytes; lz4 103 ns, 20 ns and 14 bytes.
COMPRESSION, LEVEL = "zstd", 1


class MartWriter:
    """Writes a mart's file; the same events give the same bytes, however they are divided into parts."""

    def __init__(self, path: Path, domain: Domain) -> None:
        self._path, self._packed = path, ["client_id", *domain.coded]
        self._names = {TIME: "event_time"} | {own: name for name, own in field_names(domain).items()}
        self._held: list[pa.Table] = []  # less than a row group
        self._writer: pq.ParquetWriter | None = None

    def add(self, part: Merged) -> None:
        """Add a part; its clients must come, in the order of their ids, after all that were added before."""
        clients = part.clients.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.string())
        events, place = part.events.to_arrow(), part.place.astype(np.int32)
        events = events.rename_columns([self._names[name] for name in events.column_names])
        if self._writer is None and not self._held:
            self._held.append(_table(clients, place[:0], events[:0]))  # a month without events has columns, too
        begin = 0
        while begin < len(place):
            end = min(begin + ROW_GROUP - sum(map(len, self._held)), len(place))
            self._held.append(_table(clients, place[begin:end], events.slice(begin, end - begin)))
            if sum(map(len, self._held)) == ROW_GROUP:
                self._write_held()
            begin = end

    def close(self, metadata: dict[str, str]) -> None:
        """Write the rest, and the file's metadata: key → value."""
        if self._held or self._writer is None:
            self._write_held()
        assert self._writer is not None
        self._writer.add_key_value_metadata(metadata)
        self._writer.close()

    def _write_held(self) -> None:
        table = pa.concat_tables(self._held).combine_chunks()  # of several dictionaries makes one
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression=COMPRESSION,
                compression_level=LEVEL,
                use_dictionary=self._packed,
                store_schema=False,  # readers see plain text, not Arrow's dictionaries
            )
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        self._held = []


def _table(clients: pa.Array, place: np.ndarray, rest: pa.Table) -> pa.Table:
    """The table of a part of a row group, whose clients are an Arrow dictionary without any others."""
    low, high = (int(place[0]), int(place[-1]) + 1) if len(place) else (0, 0)
    indices = pa.array(place - np.int32(low))
    named = pa.DictionaryArray.from_arrays(indices, clients.slice(low, high - low))
    return rest.add_column(0, "client_id", named)
