"""A block of one domain's events in memory, and the tables of category values that its codes point to."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]
# Room for the ids of one block in one month: 50,000 clients have well under 10^7 events per domain and month.
IDS_PER_BLOCK = 10**7
IDS_PER_MONTH = 10**10


@dataclass(frozen=True)
class Events:
    """Columns of equal length; a column named in `vocabulary` holds codes into its list of strings.

    Codes instead of strings keep the rows that wait for the next month's delivery small, and sorting fast.
    Columns named in `nullable` hold NaN where the bank has no value.
    """

    columns: dict[str, Array]
    vocabulary: dict[str, list[str]]
    nullable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.columns["event_id"])

    def take(self, index: Array) -> "Events":
        """Return the rows at `index` (positions or a mask)."""
        return Events({k: v[index] for k, v in self.columns.items()}, self.vocabulary, self.nullable)

    def with_columns(self, **columns: Array) -> "Events":
        """Return the events with columns added or replaced."""
        return Events({**self.columns, **columns}, self.vocabulary, self.nullable)

    def to_arrow(self) -> pa.Table:
        """Return a table with plain strings and naive microsecond timestamps."""
        arrays = {}
        for name, values in self.columns.items():
            if name in self.vocabulary:
                arrays[name] = pa.array(self.vocabulary[name], pa.string()).take(pa.array(values))
            elif name in ("event_time", "loaded_at"):
                arrays[name] = pa.array(values, pa.timestamp("us"))
            else:
                arrays[name] = pa.array(values, from_pandas=name in self.nullable)
        return pa.table(arrays)


def concatenate(parts: list[Events]) -> Events:
    """Join parts that have the same columns and vocabularies."""
    first = parts[0]
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in first.columns}
    return Events(columns, first.vocabulary, first.nullable)


def in_time_order(events: dict[str, Array], month: int, block: int) -> dict[str, Array]:
    """Sort columns by event time and put an `event_id` first: unique in the domain over blocks and months."""
    order = np.argsort(events["event_time"], kind="stable")
    first = month * IDS_PER_MONTH + block * IDS_PER_BLOCK
    ids = np.arange(first, first + len(order), dtype=np.int64)
    return {"event_id": ids, **{name: values[order] for name, values in events.items()}}
