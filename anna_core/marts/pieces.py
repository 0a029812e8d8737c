"""A month of a source read once, in pieces that fit into memory; a piece's events are sorted by client and time."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa

from anna_core.columns.typed import LOST_LETTERS
from anna_core.domains import Domain
from anna_core.marts.by_value import ByValue, by_value
from anna_core.marts.counting import SCHEMA
from anna_core.marts.dictionary import MISSING_BOOLEAN, MISSING_VALUE
from anna_core.marts.runs import Run, sorting_key
from anna_core.months import month_bounds
from anna_core.sources.batches import batches
from anna_core.sources.door import CLIENT, TIME, field_names, key_names, version_names
from anna_core.sources.fingerprints import column_hash, mixed
from anna_core.sources.left_aside import valued
from anna_core.sources.scanning import FILE, HASH, SUPERSEDED, MonthScan, factored, fault_name


@dataclass(frozen=True)
class Piece:
    """Some rows of a month.

    Attributes:
        run: their events, sorted.
        counts: how often each value of a categorical field occurs: columns field, value, count.
        rows: number of rows read.
        superseded: number of rows whose event was delivered again in another month; they are not in the run.
        faults: reason → number of rows that have it; rows without a client are not in the run. Categories that have
            lost their letters are among them.
        values: canonical name of each column whose single values are judged → number of rows that have a value in it.
        hash: the sum of the rows' hashes, as in a fingerprint.
    """

    run: Run
    counts: pl.DataFrame
    rows: int
    superseded: int
    faults: Counter[str]
    values: dict[str, int]
    hash: int


def carried(domain: Domain) -> list[str]:
    """Names of the columns of a run's events: the time, those that rank deliveries of one event, and the fields."""
    deliveries = [*key_names(domain), *version_names(domain), FILE]
    return [TIME, *(deliveries if domain.event_key else []), *field_names(domain).values()]


def read_pieces(domain: Domain, month: dt.date, scan: MonthScan, most: int, closed: frozenset[str]) -> Iterator[Piece]:
    """Yield the rows of a month in pieces; a month without rows is one piece without rows.

    Args:
        domain: the domain.
        month: its first day.
        scan: the month's rows.
        most: the largest number of rows in a piece.
        closed: names of fields whose values need not be counted.
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
    """Type fields whose values do not depend on other rows."""
    columns = typed_fields(domain, nw)
    return events.with_columns(*columns) if columns else events


def typed_fields(domain: Domain, frames: Any) -> list[Any]:
    """Expressions of fields whose values do not depend on other rows: booleans become codes, numbers float32.

    Args:
        domain: the domain.
        frames: the library whose expressions they are, `narwhals` or `polars`.
    """
    own = field_names(domain)
    byte = frames.UInt8
    codes = [(frames.col(own[name]).cast(byte) + 1).fill_null(0).cast(byte) for name in domain.boolean]
    return [*codes, *(frames.col(own[name]).cast(frames.Float32) for name in domain.numeric)]


@dataclass(frozen=True)
class _Ordered:
    """The order of a piece's events.

    Attributes:
        column: the rows' clients.
        clients: as of `Run`.
        bounds: likewise.
        rows: the positions of the rows that are events, by client and time; None: all rows, as they are.
        superseded: as of `Piece`.
    """

    column: ByValue
    clients: pl.Series
    bounds: np.ndarray
    rows: pl.Series | None
    superseded: int


@dataclass(frozen=True)
class _Making:
    """Makes pieces of a month that begins at `first`."""

    domain: Domain
    first: dt.datetime
    scan: MonthScan
    closed: frozenset[str]

    def piece(self, rows: pl.DataFrame) -> Piece:
        """Make a piece of some of the month's rows."""
        with ThreadPoolExecutor(1) as pool:  # which is busy with the clients while the categories are looked at
            ordering = pool.submit(self._ordered, rows)
            categories = {name: self._by_value(rows, name) for name in factored(self.domain) if name != CLIENT}
            ordered = ordering.result()
            columns = {CLIENT: ordered.column} | categories
            hashing = pool.submit(_hash, rows, columns, factored(self.domain))
            codes, values, counts = self._categories(categories)
            events = rows.select(carried(self.domain)).with_columns(**codes)
            if ordered.rows is not None:
                events = events[ordered.rows]
        # Otherwise Arrow would keep the memory of the columns' texts, which Polars holds as well.
        pa.default_memory_pool().release_unused()
        met = Counter({reason: int(rows[fault_name(i)].sum()) for i, reason in enumerate(self.scan.faults)})
        for column in columns.values():
            met.update(column.faults)
        met.update(self._lost(categories))
        run = Run(ordered.clients, ordered.bounds, events, values)
        filled = self._values(rows)
        return Piece(run, counts, len(rows), ordered.superseded, met, filled, hashing.result())

    def _ordered(self, rows: pl.DataFrame) -> _Ordered:
        column = self._by_value(rows, CLIENT)
        place, clients, kept = _ranked(column)
        superseded = 0
        if SUPERSEDED in rows.columns:
            old = rows[SUPERSEDED].to_numpy()
            kept, superseded = kept & ~old, int((kept & old).sum())
        time, stays = rows[TIME], None
        if not kept.all():
            stays = pl.Series(np.flatnonzero(kept))
            place, time = place[kept], time[stays]
        lengths = np.bincount(place, minlength=len(clients)).astype(np.int64)
        key = sorting_key(place, time, self.first)
        if (key[1:] < key[:-1]).any():
            order = pl.Series(np.argsort(key))  # 500,000 take 10 ms, to Polars' 16; any order of equal ones will do
            stays = order if stays is None else stays[order]
        return _Ordered(column, clients, np.concatenate([[0], np.cumsum(lengths)]), stays, superseded)

    def _by_value(self, rows: pl.DataFrame, name: str) -> ByValue:
        return by_value(rows[name], name, self.scan.deferred.get(name))

    def _lost(self, columns: dict[str, ByValue]) -> dict[str, int]:
        """Reason → rows in which an export has put signs in place of a category's letters; the rows keep the value."""
        lost = {}
        for name, own in field_names(self.domain).items():
            if column := columns.get(own):
                odd = column.values.str.contains(LOST_LETTERS).fill_null(value=False).to_numpy()
                lost[f"{name} has lost its letters"] = int(column.counts[odd].sum())
        return lost

    def _values(self, rows: pl.DataFrame) -> dict[str, int]:
        own = field_names(self.domain)
        flags = {own[name] for name in self.domain.boolean}  # which are codes already
        return {
            name: int((rows[name] != MISSING_BOOLEAN).sum()) if name in flags else rows[name].count()
            for name in valued(self.scan.faults.values())
        }

    def _categories(
        self, columns: dict[str, ByValue]
    ) -> tuple[dict[str, pl.Series], dict[str, pl.Series], pl.DataFrame]:
        """For each categorical column, its codes and the values that they stand for; and the counts of all values."""
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


def _ranked(clients: ByValue) -> tuple[np.ndarray, pl.Series, np.ndarray]:
    """Rank the rows' clients.

    Returns:
        (n,) int64, the position of each row's client among the different clients, -1 without a client; the different
        clients' texts, ascending; and (n,) bool, whether a row has a client.
    """
    texts = clients.values
    named = texts.is_not_null().to_numpy()
    order = texts.arg_sort().to_numpy()
    order = order[named[order]]
    places = np.full(len(texts), -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    kept = named[clients.codes] if not named.all() else np.ones(len(clients.codes), dtype=bool)
    return places[clients.codes], texts[order], kept


def _hash(rows: pl.DataFrame, columns: dict[str, ByValue], seeds: dict[str, int]) -> int:
    """Sum of the rows' hashes; `seeds` are those of the columns."""
    if rows.is_empty():
        return 0
    total = rows[HASH].to_numpy().copy()
    for name, column in columns.items():
        hashes = column.values.to_frame(name).select(column_hash(name, pl.String(), seeds[name])).to_series()
        total += hashes.to_numpy()[column.codes]  # modulo 2^64, as Polars adds up
    return int(pl.Series(total).to_frame(HASH).select(mixed([pl.col(HASH)]).sum()).item())
