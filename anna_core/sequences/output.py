"""Writes sequences range by range: events and rows are appended and end up in one record batch each."""

import hashlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa

from anna_core.domains import Domain
from anna_core.sequences.joined import Joined, column_type
from anna_core.sequences.ragged import EVENTS, META, ROWS, Sequences, SequencesMeta
from anna_core.sequences.spool import Spool, write_batch

_TIME, _TEXT, _ENDS = "event_time", "client_id", "client_id ends"
_EVENT_TIME = {_TIME: np.dtype(np.int64)}
_ROWS = {_TEXT: "uint8", _ENDS: "int64", "as_of": "int32", "start": "int64", "length": "int32"}


class SequencesWriter:
    """Collects events and rows; `close` writes the files of `Sequences` and opens them.

    Attributes:
        events: events added so far.
    """

    def __init__(self, folder: Path, domain: Domain, cardinalities: dict[str, int]) -> None:
        """Prepare to write into an existing folder."""
        self._folder, self._domain, self._cardinalities = folder, domain, cardinalities
        self._spill = tempfile.TemporaryDirectory(dir=folder, prefix=".tmp-")
        self._fields = {name: column_type(name, cardinalities) for name in domain.fields}
        self._events = Spool(Path(self._spill.name, "events"), _EVENT_TIME | self._fields)
        self._rows = Spool(Path(self._spill.name, "rows"), {name: np.dtype(kind) for name, kind in _ROWS.items()})
        self.events = self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spill.cleanup()

    def add_events(self, part: Joined, kept: np.ndarray) -> None:
        """Append those events (E,) of a range that are kept."""
        values = {name: part.values(name, kept) for name in self._domain.fields}
        self._events.append({_TIME: part.time[kept], **values})
        self.events += int(kept.sum())

    def add_rows(self, client_id: pl.Series, as_of: np.ndarray, start: np.ndarray, length: np.ndarray) -> None:
        """Append rows (n,)."""
        text, ends = _text(client_id)
        ends = ends + self._rows.sizes[_TEXT]
        if not self._rows.sizes[_ENDS]:
            ends = np.concatenate([[0], ends])  # Arrow's offsets: the first text begins at 0
        day = as_of.astype("datetime64[D]").astype(np.int32)
        self._rows.append({_TEXT: text, _ENDS: ends, "as_of": day, "start": start, "length": length})
        self._count += len(client_id)

    def close(self) -> Sequences:
        """Write the files and open them."""
        fields = {name: pa.from_numpy_dtype(kind) for name, kind in self._fields.items()}
        types = {_TIME: pa.timestamp("us"), **fields}
        events = {name: _array(kind, self.events, self._events.buffer(name)) for name, kind in types.items()}
        texts = [None, self._rows.buffer(_ENDS), self._rows.buffer(_TEXT)]
        rows = {
            "client_id": pa.Array.from_buffers(pa.large_string(), self._count, texts),
            "as_of": _array(pa.date32(), self._count, self._rows.buffer("as_of")),
            "start": _array(pa.int64(), self._count, self._rows.buffer("start")),
            "length": _array(pa.int32(), self._count, self._rows.buffer("length")),
        }
        write_batch(self._folder / EVENTS, pa.record_batch(events), self._events.mapped)
        write_batch(self._folder / ROWS, pa.record_batch(rows), self._rows.mapped)
        meta = SequencesMeta(domain=self._domain, cardinalities=self._cardinalities, data_version=self._version())
        (self._folder / META).write_text(meta.model_dump_json(indent=1), encoding="utf-8")
        return Sequences.open(self._folder)

    def _version(self) -> str:
        rules = self._domain.model_dump_json(exclude={"description", "owner", "source"})
        parts = [rules, repr(sorted(self._cardinalities.items())), *self._rows.digests, *self._events.digests]
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def _text(client_id: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of all texts in a row, uint8, and where each text ends (n,)."""
    array = client_id.to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(array):
        return np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.int64)
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]], ends[1:] - ends[0]


def _array(kind: pa.DataType, length: int, values: pa.Buffer) -> pa.Array:
    return pa.Array.from_buffers(kind, length, [None, values], null_count=0)
