"""The rows of one month of a source, scanned through the door with Polars."""

import datetime as dt
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from anna_core.columns.event_keys import as_text
from anna_core.domains import Domain
from anna_core.months import month_bounds
from anna_core.sources.door import CLIENT, TIME, Door, field_names, key_names, version_names
from anna_core.sources.faults import Fault
from anna_core.sources.fingerprints import column_hash, summed
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.source import Source
from anna_core.sources.tables import SourceTable, observed_tables, open_table

FILE, HASH, SUPERSEDED = "file", "hash", "superseded"
_ANY_CLOCK = dt.timedelta(days=2)  # no two time zones differ by more


@dataclass(frozen=True)
class Deferred:
    """A column that goes through the door later: not row by row, but once for each of its different values.

    Attributes:
        column: the column's name in the table, to which the expressions refer.
        value: the canonical value, an expression.
        faults: what can be wrong with a value.
    """

    column: str
    value: pl.Expr
    faults: list[Fault]


@dataclass(frozen=True)
class MonthScan:
    """A month's rows seen through the door.

    Attributes:
        rows: lazy columns: the canonical ones; `FILE` where events have keys (uint32, the greater the later); `HASH`,
            the part of all columns that are not `factored` in the row's hash; a flag for each fault (`fault_name`);
            and where some are superseded, whether the row is (`SUPERSEDED`).
        faults: reason → what can be wrong with a row.
        deferred: columns of `rows` that are still as the source stores them.
    """

    rows: pl.LazyFrame
    faults: dict[str, Fault]
    deferred: dict[str, Deferred]


def factored(domain: Domain) -> dict[str, int]:
    """Columns that are typed and hashed once per different value, as many rows share few values.

    Returns:
        Name of the column behind the door → seed of its hash.
    """
    fields, behind = field_names(domain), 2 + len(domain.event_key) + len(version_names(domain))
    places = {name: place for place, name in enumerate(domain.fields, behind)}
    return {CLIENT: 0} | {fields[name]: places[name] for name in domain.categorical}


def fault_name(place: int) -> str:
    """The name of the flag column of a fault, by the fault's position in `MonthScan.faults`."""
    return f"fault {place}"


def scan_month(
    source: Source, month: dt.date, superseded: pl.Series | None, observed: ObservedFiles | None
) -> MonthScan:
    """The source's rows of one month.

    Args:
        source: the source.
        month: its first day.
        superseded: identities (`identity`) of the events whose last delivery lies in another month; None: no event's.
        observed: the files to read; None: the whole table as it is now.

    Raises:
        SourceError: the table or a column is missing, or a column's type does not fit its kind.
    """
    first, following = month_bounds(month)
    domain, tables = source.domain, observed_tables(source, observed)
    ranks = {str(file): rank for rank, file in enumerate(winning_order([f for t in tables for f in t.files]))}
    doors = [open_table(source, near(domain, table, first, following)) for table in tables]
    deferred = deferred_columns(domain, [table.schema for table in tables], doors)
    by_value = factored(domain)
    later = {fault.reason for column in deferred.values() for fault in column.faults}
    faults = {fault.reason: fault for door in doors for fault in door.dated}
    scans = []
    for table, door in zip(tables, doors, strict=True):
        values = door.values | {own: pl.col(column.column).alias(own) for own, column in deferred.items()}
        flags = {fault.reason: fault.flag for fault in door.dated if fault.reason not in later}
        flagged = [flags.get(reason, pl.lit(value=False)).alias(fault_name(i)) for i, reason in enumerate(faults)]
        extra = [_rank(table, ranks)] if domain.event_key else []
        if superseded is not None:
            again = identity(domain, door.values).is_in(superseded.implode())
            extra.append(again.fill_null(value=False).alias(SUPERSEDED))
        # Filtered before anything else is typed, because a file of many months is scanned once for each of them.
        time = door.values[TIME]
        of_month = door.table.filter(time.is_between(first, following, closed="left"))
        rows = of_month.select(*values.values(), *extra, *flagged)
        rest = [(name, seed) for seed, name in enumerate(values) if name not in by_value]
        kinds = rows.collect_schema()
        scans.append(rows.with_columns(summed(column_hash(name, kinds[name], seed) for name, seed in rest).alias(HASH)))
    return MonthScan(pl.concat(_with_equal_keys(domain, scans)), faults, deferred)


def identity(domain: Domain, values: dict[str, pl.Expr]) -> pl.Expr:
    """An event's identity: its client and key as one number (uint64), whatever types its file stores them in.

    It is null if the client or a part of the key is. Among a billion events, any two share one with a chance of 3%.

    Args:
        domain: the domain.
        values: name of each canonical column → an expression.
    """
    texts = [as_text(values[name]) for name in (CLIENT, *key_names(domain))]
    hashed = summed(text.hash(seed=seed) for seed, text in enumerate(texts)).hash(seed=0)
    return pl.when(pl.all_horizontal(text.is_not_null() for text in texts)).then(hashed)


def winning_order(files: list[Path]) -> list[Path]:
    """Sort files by their time of modification, then by name: the delivery in the last file wins."""
    return sorted(files, key=lambda file: (file.stat().st_mtime_ns, str(file)))


def near(domain: Domain, table: SourceTable, first: dt.datetime, following: dt.datetime) -> SourceTable:
    """Leave out rows that lie outside of first <= event_time < following in every time zone.

    With a bound on the source's own column, the reader can skip row groups and files by their statistics; with a bound
    on a column computed from it, it cannot (measured: finding one month of 24 took 12 times as long).
    """
    name = domain.columns.event_time
    kind = table.schema.get(name)
    column = pl.nth(list(table.schema).index(name)) if kind is not None else pl.lit(None)
    if kind == pl.Date:
        rows = table.rows.filter(column.is_between(first.date(), following.date()))
    elif isinstance(kind, pl.Datetime):
        low, high = (pl.lit(moment, pl.Datetime("us")) for moment in (first - _ANY_CLOCK, following + _ANY_CLOCK))
        if kind.time_zone is not None:
            zone = kind.time_zone
            low, high = (bound.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) for bound in (low, high))
        low, high = (bound.dt.cast_time_unit(kind.time_unit) for bound in (low, high))
        rows = table.rows.filter((column >= low) & (column < high))
    else:
        rows = table.rows
    return replace(table, rows=rows)


def deferred_columns(domain: Domain, schemas: list[pl.Schema], doors: list[Door]) -> dict[str, Deferred]:
    """The `factored` columns that can be deferred: those that all tables store in the same plain type.

    Args:
        domain: the domain.
        schemas: of each table.
        doors: the same tables seen through the typed door.
    """
    fields = field_names(domain)
    sources = {CLIENT: domain.columns.client_id} | {fields[name]: name for name in domain.categorical}
    deferred = {}
    for own, name in sources.items():
        kinds = {schema.get(name) for schema in schemas}
        kind = kinds.pop()
        plain = kind is not None and (kind == pl.String or kind.is_integer() or kind in (pl.Float32, pl.Float64))
        if kinds or not plain or kind in (pl.Int128, pl.UInt128):  # of 128 bits Arrow, which `pieces` uses, has none
            continue
        faults = [fault for fault in doors[0].dated if fault.column == name] if own == CLIENT else []
        deferred[own] = Deferred(doors[0].names[name], doors[0].values[own], faults)
    return deferred


def _rank(table: SourceTable, ranks: dict[str, int]) -> pl.Expr:
    if table.path_column is None:
        return pl.lit(ranks[str(table.files[0])], pl.UInt32).alias(FILE)
    return pl.col(table.path_column).cast(pl.Enum(list(ranks))).to_physical().cast(pl.UInt32).alias(FILE)


def _with_equal_keys(domain: Domain, scans: list[pl.LazyFrame]) -> list[pl.LazyFrame]:
    """Turn columns of the event key that files store in different types into text."""
    names = key_names(domain)
    kinds = [tuple(scan.collect_schema()[name] for name in names) for scan in scans]
    if len(set(kinds)) == 1:
        return scans
    mixed = [name for name, found in zip(names, zip(*kinds, strict=True), strict=True) if len(set(found)) > 1]
    return [scan.with_columns(as_text(pl.col(name)) for name in mixed) for scan in scans]
