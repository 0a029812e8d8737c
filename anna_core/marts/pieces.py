"""A month of a source read once, in pieces that fit into memory; a piece's events are sorted by client and time."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa

from anna_core.domains import Domain
from anna_core.marts.counting import SCHEMA
from anna_core.marts.dictionary import MISSING_VALUE
from anna_core.marts.runs import Run, sorting_key
from anna_core.months import month_bounds
from anna_core.sources.batches import batches
from anna_core.sources.door import CLIENT, TIME, field_names, key_names, version_names
from anna_core.sources.fingerprints import column_hash, mixed
from anna_core.sources.source import FILE, HASH, SUPERSEDED, MonthScan, factored, fault_name


@dataclass(frozen=True)
class Piece:
    """Some rows of a month.

    Attributes:
        run: their events, in order.
        counts: values of the categorical fields: columns field, value, count.
        rows: rows read.
        superseded: rows among them whose event was delivered again in another month; they are not in the run.
        faults: reason → rows that have it; those without a client are not in the run.
        hash: sum of the rows' hashes, as in a fingerprint.
    """

    run: Run
    counts: pl.DataFrame
    rows: int
    superseded: int
    faults: Counter[str]
    hash: int


def carried(domain: Domain) -> list[str]:
    """Columns of a run's events: the time, what tells deliveries of one event apart, and the fields."""
    deliveries = [*key_names(domain), *version_names(domain), FILE]
    return [TIME, *(deliveries if domain.event_key else []), *field_names(domain).values()]


def read_pieces(
    domain: Domain, month: dt.date, scan: MonthScan, most: int, closed: frozenset[str] = frozenset()
) -> Iterator[Piece]:
    """Read the rows of a month, at most `most` at a time; one piece of no rows where there are none.

    Args:
        domain: the domain.
        month: its first day.
        scan: the month's rows.
        most: rows of a piece.
        closed: fields whose values need not be counted.
    """
    rows = typed(nw.from_native(scan.rows), domain).to_native()
    making = _Making(domain, month_bounds(month)[0], scan, closed)
    held: list[pl.DataFrame] = []
    for batch in batches(rows):
        for part in batch.iter_slices(most):
            if held and sum(map(len, held)) + len(part) > most:
                yield making.piece(pl.concat(held))
                held = []
            held.append(part)
    yield making.piece(pl.concat(held) if held else pl.DataFrame(schema=rows.collect_schema()))


def typed(events: nw.LazyFrame, domain: Domain) -> nw.LazyFrame:
    """Row by row: booleans are codes, numbers float32."""
    own = field_names(domain)
    columns = (
        *((nw.col(own[name]).cast(nw.UInt8) + 1).fill_null(0).cast(nw.UInt8) for name in domain.boolean),
        *(nw.col(own[name]).cast(nw.Float32) for name in domain.numeric),
    )
    return events.with_columns(*columns) if columns else events


@dataclass(frozen=True)
class _Factored:
    """A column by its different values.

    Attributes:
        codes: (n,) uint32, each row's place in `values`.
        values: (v,) different canonical texts, null among them.
        hashes: (v,) uint64, each value's part in the row's hash.
        counts: (v,) rows that have it.
        faults: reason → rows.
    """

    codes: np.ndarray
    values: pl.Series
    hashes: np.ndarray
    counts: np.ndarray
    faults: Counter[str]


@dataclass(frozen=True)
class _Making:
    """Makes pieces of a month that begins at `first`."""

    domain: Domain
    first: dt.datetime
    scan: MonthScan
    closed: frozenset[str]

    def piece(self, rows: pl.DataFrame) -> Piece:
        """A piece of some rows."""
        columns = {name: self._factored(rows[name], name, seed) for name, seed in factored(self.domain).items()}
        place, clients, kept = _ranked(columns[CLIENT])
        superseded = 0
        if SUPERSEDED in rows.columns:
            old = rows[SUPERSEDED].to_numpy()
            kept, superseded = kept & ~old, int((kept & old).sum())
        codes, values, counts = self._categories(columns)
        events = rows.select(carried(self.domain)).with_columns(**codes)
        if not kept.all():
            events, place = events.filter(pl.Series(kept)), place[kept]
        key = sorting_key(place, events[TIME], self.first)
        lengths = np.bincount(place, minlength=len(clients)).astype(np.int64)
        if (key[1:] < key[:-1]).any():
            events = events[pl.Series(key).arg_sort()]
        run = Run(clients, np.concatenate([[0], np.cumsum(lengths)]), events, values)
        pa.default_memory_pool().release_unused()  # it would keep what the columns' texts took, beside Polars' own
        met = Counter({reason: int(rows[fault_name(i)].sum()) for i, reason in enumerate(self.scan.faults)})
        for column in columns.values():
            met.update(column.faults)
        return Piece(run, counts, len(rows), superseded, met, _hash(rows, columns))

    def _factored(self, column: pl.Series, name: str, seed: int) -> _Factored:
        codes, values = _factorize(column)
        faults: Counter[str] = Counter()
        if deferred := self.scan.deferred.get(name):
            flags = [fault.flag.alias(fault_name(place)) for place, fault in enumerate(deferred.faults)]
            typed = values.to_frame(deferred.column).select(deferred.value.alias(name), *flags)
            rows = np.bincount(codes, minlength=len(values))
            for place, fault in enumerate(deferred.faults):
                faults[fault.reason] = int(rows[typed[fault_name(place)].to_numpy()].sum())
            again, values = _factorize(typed[name])  # of several ways to write a value one is left
            codes = again[codes]
        hashes = values.to_frame(name).select(column_hash(name, pl.String(), seed)).to_series().to_numpy()
        counts = np.bincount(codes, minlength=len(values)).astype(np.uint32)
        return _Factored(codes, values, hashes, counts, faults)

    def _categories(
        self, columns: dict[str, _Factored]
    ) -> tuple[dict[str, pl.Series], dict[str, pl.Series], pl.DataFrame]:
        """By categorical column: codes, and the values that they stand for; and how often each value comes."""
        codes, values, counts = {}, {}, [pl.DataFrame(schema=SCHEMA)]
        fields = field_names(self.domain)
        for name in self.domain.categorical:
            column = columns[fields[name]]
            codes[fields[name]] = pl.Series(column.codes)
            values[fields[name]] = found = column.values.fill_null(MISSING_VALUE)
            if name not in self.closed:
                counted = pl.DataFrame({"value": found, "count": column.counts})
                counts.append(counted.select(pl.lit(name).alias("field"), "value", "count"))
        return codes, values, pl.concat(counts)


def _ranked(clients: _Factored) -> tuple[np.ndarray, pl.Series, np.ndarray]:
    """Rows' clients (n,) as places among the different ones in order of their texts.

    Returns:
        place (n,) int64, -1 for rows without a client; the clients' texts; and which rows have a client.
    """
    texts = clients.values
    named = texts.is_not_null().to_numpy()
    order = texts.arg_sort().to_numpy()
    order = order[named[order]]
    places = np.full(len(texts), -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    return places[clients.codes], texts[order], named[clients.codes]


def _hash(rows: pl.DataFrame, columns: dict[str, _Factored]) -> int:
    """Sum of the rows' hashes."""
    if rows.is_empty():
        return 0
    total = rows[HASH].to_numpy().copy()
    for column in columns.values():
        total += column.hashes[column.codes]  # modulo 2^64, as Polars adds up
    return int(pl.Series(total).to_frame(HASH).select(mixed([pl.col(HASH)]).sum()).item())


def _factorize(values: pl.Series) -> tuple[np.ndarray, pl.Series]:
    """Codes (n,) uint32 of values, and the different values in the order of their codes; null is one of them."""
    encoded = values.to_arrow().dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy().view(np.uint32)
    return codes, pl.Series(encoded.dictionary, dtype=values.dtype)
