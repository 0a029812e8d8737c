"""Raw events in memory → what each client may see, by the door, dictionary, order and windows of the batch.

Nothing here decides what a value means or which event counts: that is done by the functions that the batch calls. What
is the same for all requests is made once, as a single client is to be answered in milliseconds.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa

from anna_core.domains import Domain
from anna_core.marts.by_value import by_value
from anna_core.marts.dictionary import MISSING_VALUE, UNKNOWN, Dictionary
from anna_core.marts.merge import Merged, settled
from anna_core.marts.pieces import carried, typed_fields
from anna_core.scoring.client_events import DomainEvents
from anna_core.scoring.unusable import PLACE, find_unusable
from anna_core.sequences.cut import cut
from anna_core.sequences.joined import column_type
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.sources.clashing_keys import key_of_others, key_twice, refuse_keys
from anna_core.sources.door import CLIENT, TIME, Door, field_names, open_door
from anna_core.sources.scanning import FILE, Deferred, deferred_columns

_KEPT_LAYOUTS = 64  # of requests; their columns have few types
_KEPT_VALUES = 100_000  # of a field: as many as a dictionary has codes for by default


@dataclass(frozen=True)
class EventsRead:
    """What n clients see in a domain, and what was left aside of what was given.

    Attributes:
        sequences: of the n clients, in their order.
        left: (n,) int64, of each client: how often an event was left aside, or a value, as it cannot be used.
        reasons: reason → how often.
        repeated: number of events that were dropped as another delivery of them is kept.
    """

    sequences: Sequences
    left: np.ndarray
    reasons: dict[str, int]
    repeated: int


@dataclass(frozen=True)
class _Layout:
    """How tables of some columns and types are read.

    Attributes:
        door: of such a table.
        deferred: columns that are typed once for each of their different values.
        values: expressions of all canonical columns but the client.
        typed: of those that are typed further, on these.
        renamed: name of each column that the door calls otherwise → how.
    """

    door: Door
    deferred: dict[str, Deferred]
    values: list[pl.Expr]
    typed: list[pl.Expr]
    renamed: dict[str, str]


@dataclass(frozen=True)
class EventReader:
    """Reads raw events of a domain.

    Attributes:
        domain: the domain, as it was at training.
        dictionary: likewise.
        zone: the bank's time zone.
        share: of the events given, 0 to 1, that may be left aside; above it all are refused, as a file is.
    """

    domain: Domain
    dictionary: Dictionary
    zone: str
    share: float
    _layouts: dict[tuple, _Layout] = field(default_factory=dict)
    _known: dict[tuple, dict[object, int]] = field(default_factory=dict)  # field, type → value as given → code

    def read(self, given: DomainEvents, client_id: pa.Array, as_of: np.ndarray) -> EventsRead:
        """Type, encode and order the events of n clients, and cut out what each may see.

        A category that the dictionary lacks has a code behind its last, as in a mart that was built after training.

        Args:
            given: the events.
            client_id: (n,) text.
            as_of: (n,) datetime64[D].

        Raises:
            SourceError: a column's type cannot hold what the domain says, or too much cannot be used.
        """
        domain, count, layout = self.domain, len(client_id), self._layout(given.frame.schema)
        table = given.frame.rename(layout.renamed) if layout.renamed else given.frame
        values = table.select_seq(layout.values).with_columns_seq(layout.typed)
        unusable = find_unusable(given, table, layout.door, values, self.share)
        merged = self._settled(values, given.row, layout, client_id)
        of_key = {key_of_others(domain): merged.apart, key_twice(domain): merged.clashing}
        refuse_keys(domain, PLACE, of_key, len(given.row), self.share)

        sizes = {name: size + 1 for name, size in self.dictionary.cardinalities.items()}  # and the code behind the last
        bounds = np.searchsorted(merged.place, np.arange(count + 1))
        time = merged.events[TIME].to_physical().to_numpy()
        seen = cut(time, bounds[:-1], bounds[1:], as_of, domain)
        columns = {
            name: merged.events[own].to_numpy()[seen.kept].astype(column_type(name, sizes), copy=False)
            for name, own in field_names(domain).items()
        }
        meta = SequencesMeta(domain=domain, cardinalities=sizes, data_version="")
        sequences = Sequences(meta, client_id, as_of, seen.start, seen.length, time[seen.kept], columns)
        reasons = {reason: number for reason, number in (unusable.counts | of_key).items() if number}
        return EventsRead(sequences, np.bincount(given.row[unusable.events], minlength=count), reasons, merged.repeated)

    def _settled(self, values: pl.DataFrame, row: np.ndarray, layout: _Layout, client_id: pa.Array) -> Merged:
        """The events in total order, each delivery of them once; `place` is the client's position among the n."""
        codes = [pl.Series(own, self._codes(name, values[own], layout)) for name, own in self._categories]
        events = values.with_columns_seq(*codes, pl.lit(0, pl.UInt32).alias(FILE)).select_seq(carried(self.domain))
        if events[TIME].has_nulls():
            dated = events[TIME].is_not_null()
            events, row = events.filter(dated), row[dated.to_numpy()]
        time = events[TIME].to_physical().to_numpy()
        if ((row[1:] == row[:-1]) & (time[1:] < time[:-1])).any():
            order = np.lexsort((time, row))
            events, row, time = events[order], row[order], time[order]
        changed = (row[1:] != row[:-1]) | (time[1:] != time[:-1])
        key = np.concatenate([[0], np.cumsum(changed)])[: len(row)]
        return settled(pl.Series(client_id), row.astype(np.uint32), key, events, self.domain)

    @property
    def _categories(self) -> list[tuple[str, str]]:
        own = field_names(self.domain)
        return [(name, own[name]) for name in self.domain.categorical]

    def _codes(self, name: str, values: pl.Series, layout: _Layout) -> np.ndarray:
        """Codes (e,) uint32 of a field's values, which are canonical or as they were given; most were met before."""
        if values.dtype.is_float():
            values = values.fill_nan(None)  # which no two of are equal; it is no category
        known = self._known.setdefault((name, values.dtype), {})
        found = list(map(known.get, values.to_list()))
        if None in found:
            if len(known) > _KEPT_VALUES:
                known.clear()
            own = field_names(self.domain)[name]
            new = values.unique()
            column = by_value(new, own, layout.deferred.get(own))
            codes = self.dictionary.codes_of(name, column.values.fill_null(MISSING_VALUE)).astype(np.uint32)
            codes[codes == UNKNOWN] = self.dictionary.cardinalities[name]
            of_new = dict(zip(new.to_list(), codes[column.codes].tolist(), strict=True))
            known.update(of_new)
            found = [of_new[value] for value in values.to_list()]
        return np.array(found, dtype=np.uint32)

    def _layout(self, schema: pl.Schema) -> _Layout:
        key = tuple(schema.items())
        if (known := self._layouts.get(key)) is not None:
            return known
        door = open_door(self.domain, pl.LazyFrame(schema=schema), schema, self.zone, PLACE)
        deferred = deferred_columns(self.domain, [schema], [door])
        values = door.values | {own: pl.col(column.column).alias(own) for own, column in deferred.items()}
        read = [value for own, value in values.items() if own != CLIENT]
        renamed = {name: own for name, own in door.names.items() if name != own}
        layout = _Layout(door, deferred, read, typed_fields(self.domain, pl), renamed)
        if len(self._layouts) > _KEPT_LAYOUTS:
            self._layouts.clear()
        self._layouts[key] = layout
        return layout
