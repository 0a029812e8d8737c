"""Sequences on disk: a ragged, memory-mapped table of events and a table of rows that point into it.

`events.arrow` has `event_time` (timestamp[us]) and one column per field, each contiguous; `rows.arrow` has client_id
(text), as_of (date32), start (int64) and length (int32). Row i sees events[start[i] : start[i] + length[i]], oldest
first. Windows that overlap share their events. Both are uncompressed Arrow IPC files with a single record batch, so
every column is one memory-mapped NumPy array. `sequences.json` records what they were made of.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute
from pydantic import BaseModel, ConfigDict

from anna_core.domains import Domain
from anna_core.errors import ArtifactError

EVENTS, ROWS, META = "events.arrow", "rows.arrow", "sequences.json"


class SequencesMeta(BaseModel):
    """What a set of sequences was made from.

    Attributes:
        domain: the domain as it was when the sequences were made.
        cardinalities: coded field → number of codes that the dictionary had assigned, 0 included.
        data_version: digest of the content.
    """

    model_config = ConfigDict(frozen=True)

    domain: Domain
    cardinalities: dict[str, int]
    data_version: str


@dataclass(frozen=True)
class Sequences:
    """The events that each of n rows may see; E events in all.

    Attributes:
        meta: what they were made from.
        client_id: (n,) text, the client that each row belongs to.
        as_of: (n,) datetime64[D].
        start: (n,) int64, position of a row's first event.
        length: (n,) int32, number of a row's events; 0 where it sees none.
        event_time: (E,) int64, microseconds since 1970 on the bank's clock.
        columns: field → (E,) unsigned codes (categories, booleans) or float32 (numbers, NaN where missing).
    """

    meta: SequencesMeta
    client_id: pa.StringArray | pa.LargeStringArray
    as_of: np.ndarray
    start: np.ndarray
    length: np.ndarray
    event_time: np.ndarray
    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def domain(self) -> Domain:
        """The domain that these sequences belong to."""
        return self.meta.domain

    def take(self, rows: np.ndarray | slice) -> "Sequences":
        """A selection of the rows, by position, mask or range; the events stay where they are."""
        count = len(self)
        positions = np.arange(*rows.indices(count)) if isinstance(rows, slice) else np.arange(count)[rows]
        return replace(
            self,
            client_id=self.client_id.take(pa.array(positions)),
            as_of=self.as_of[positions],
            start=self.start[positions],
            length=self.length[positions],
        )

    def read_as(self, domain: Domain) -> "Sequences":
        """The same, read as an earlier version of the domain: fields that it did not have are left out."""
        return replace(self, meta=self.meta.model_copy(update={"domain": domain}))

    def of_clients(self, client_id: pa.Array) -> "Sequences":
        """One row for each of these clients (distinct texts), in their order; a client not found here has no events."""
        place = pa.compute.index_in(client_id, value_set=self.client_id.cast(client_id.type))
        found = place.is_valid().to_numpy(zero_copy_only=False)
        rows = self.take(place.fill_null(0).to_numpy(zero_copy_only=False)) if len(self) else None
        as_of = self.as_of[0] if len(self) else np.datetime64("NaT")
        return replace(
            self,
            client_id=client_id,
            as_of=np.full(len(client_id), as_of, dtype="datetime64[D]"),
            start=np.zeros(len(client_id), dtype=np.int64) if rows is None else np.where(found, rows.start, 0),
            length=np.zeros(len(client_id), dtype=np.int32) if rows is None else np.where(found, rows.length, 0),
        )

    def write(self, folder: Path) -> None:
        """Write the three files into an existing folder."""
        events = pa.table({"event_time": pa.array(self.event_time).cast(pa.timestamp("us")), **self.columns})
        rows = pa.table(
            {
                "client_id": self.client_id,
                "as_of": pa.array(self.as_of.astype("datetime64[D]")),
                "start": self.start,
                "length": self.length,
            }
        )
        _write(folder / EVENTS, events)
        _write(folder / ROWS, rows)
        (folder / META).write_text(self.meta.model_dump_json(indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Sequences":
        """Memory-map sequences from a folder; only the rows' dates are copied.

        Raises:
            ArtifactError: a file is missing or is not in this format.
        """
        try:
            meta = SequencesMeta.model_validate_json((folder / META).read_bytes())
            events, rows = _read(folder / EVENTS), _read(folder / ROWS)
        except (OSError, ValueError, pa.ArrowInvalid) as error:
            raise ArtifactError(f"{folder}: these are not sequences that ANNA can read: {error}") from error
        columns = {name: events.column(name).to_numpy() for name in meta.domain.fields}
        return cls(
            meta=meta,
            client_id=rows.column("client_id"),
            as_of=rows.column("as_of").to_numpy(zero_copy_only=False).astype("datetime64[D]"),
            start=rows.column("start").to_numpy(),
            length=rows.column("length").to_numpy(),
            event_time=events.column("event_time").view(pa.int64()).to_numpy(),
            columns=columns,
        )


def _write(path: Path, table: pa.Table) -> None:
    table = table.combine_chunks()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)  # one chunk a column after combine_chunks, so one record batch


def _read(path: Path) -> pa.RecordBatch:
    with pa.memory_map(str(path)) as source:
        reader = pa.ipc.open_file(source)
        if reader.num_record_batches == 0:
            return _empty(reader.schema)
        if reader.num_record_batches > 1:
            raise ArtifactError(f"{path}: holds {reader.num_record_batches} record batches; expected one.")
        return reader.get_batch(0)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], type=field.type) for field in schema], schema=schema)
