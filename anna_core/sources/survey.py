"""What one file of a source holds: rows by month, what cannot be used and why, and the columns' types."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from anna_core.columns.csv_files import CsvError
from anna_core.columns.csv_records import count_records
from anna_core.columns.near_names import near_names
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.batches import batches
from anna_core.sources.blank_records import BLANK, blank_records, blanks_apart
from anna_core.sources.corrections import NO_VERSION, run_type, write_run
from anna_core.sources.door import REST, TIME, VERSION, Door, field_names, key_names, version_names
from anna_core.sources.faults import Fault, without_time
from anna_core.sources.fingerprints import NO_ROWS, column_hash, mixed, row_hash, rows_in, write_fingerprint
from anna_core.sources.glued_files import refuse_other_headers
from anna_core.sources.layouts import file_schema, is_empty
from anna_core.sources.left_aside import Example, examples, refusal, told, too_many, too_many_of_file, valued
from anna_core.sources.moved_days import DaysWatch, MovedDays
from anna_core.sources.reading import reading
from anna_core.sources.scanning import HASH, identity
from anna_core.sources.source import Source
from anna_core.sources.tables import SourceTable, open_table, source_tables
from anna_core.sources.version_units import count_units

UNDATED = "undated"  # in place of a month's key: the rows that belong to no month
_MONTH, _KEY, _ROWS, _WITHIN = "month", "identity", "rows", "within its month"


class FileSurvey(BaseModel):
    """What a file holds.

    Attributes:
        rows: number of all rows.
        months: key of each month, or `UNDATED`, → fingerprint of its rows.
        left: key of a month, or `UNDATED`, → reason → number of rows that are left aside, or lose a value, for it.
        examples: reason → the places where it was found first.
        kinds: name of each of the domain's columns that the file has → its type.
        near: name of each of the domain's columns that it lacks → the file's that `near_names` finds.
        versions: unit of the events' versions → how many have it, as of `version_units.count_units`.
        runs: number of the files that its events' identities were written to.
        moved_days: its times that are days, and lie on the day before on the bank's clock.
        alike: number of events that others of the same client repeat because all of the file have one and the same key;
            0 where keys differ.
        values: canonical name of each column of single values → number of rows of a month that have a value in it.
    """

    rows: int
    months: dict[str, str]
    left: dict[str, dict[str, int]] = {}
    examples: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    near: dict[str, str] = {}
    versions: dict[str, int] = {}
    moved_days: MovedDays = MovedDays()
    runs: int = 0
    alike: int = 0
    values: dict[str, int] = {}

    @property
    def undated(self) -> int:
        """Number of rows that belong to no month, and are therefore in no mart."""
        return rows_in(self.months.get(UNDATED, NO_ROWS))


def month_number(month: dt.date) -> int:
    """A month as a small number, for runs of identities: months since the year 0."""
    return month.year * 12 + month.month - 1


def month_key(number: int) -> str:
    """The key of the month that `month_number` gives this number."""
    return f"{number // 12}-{number % 12 + 1:02}-01"


def survey(source: Source, file: Path, state: str, keys: Path | None, memory: int, known: frozenset[str]) -> FileSurvey:
    """Read a whole file, once.

    Args:
        source: the source.
        file: the file; for a lake's table, its folder.
        state: of the file; a lake's table is read in it.
        keys: path with which the names of the files begin that the events' identities are written to; None: they are
            not needed.
        memory: bytes that identities may take before they are written.
        known: names of columns that other files of the source have, and that this one may therefore lack.

    Raises:
        SourceError: the file is broken, does not fit the domain, too many rows belong to no month, or one shows that
            others would be read as what they are not.
    """
    domain = source.domain
    if is_empty(domain, file):
        return FileSurvey(rows=0, months={}, kinds=_kinds(domain, file_schema(domain, file)))
    (table,) = source_tables(source, [file], known, state)
    door = open_table(source, table)
    seen = _Seen(domain, table.schema, keys, memory)
    with reading(domain, file):
        rows = _rows(domain, table)
        seen.read(door)
        if rows != seen.rows:
            raise SourceError(
                f"domain {domain.name}: {file} has {rows:,} rows, but {seen.rows:,} were read of it. Was it written "
                "meanwhile? If not, write it anew."
            )
        if table.is_csv and (counts := seen.counts.get(None)):
            refuse_other_headers(domain, table)
            door = blanks_apart(domain, table, door)
            if blanks := blank_records(door):
                counts.update({BLANK: blanks, without_time(domain.columns.event_time): -blanks})
        found = _first_examples(table, door, seen.counts)
    _refuse(source, file, door, seen, found)
    return FileSurvey(
        rows=seen.rows,
        months={_key(month): write_fingerprint(*seen.months[month]) for month in sorted(seen.months, key=_key)},
        left={_key(month): dict(+counts) for month, counts in seen.counts.items() if counts},
        examples={reason: [str(example) for example in shown] for reason, shown in found.items()},
        kinds=_kinds(domain, table.schema),
        near=_near(domain, table.schema),
        versions=dict(seen.versions),
        moved_days=seen.moved_days.found,
        runs=seen.runs,
        alike=seen.alike,
        values=dict(seen.values),
    )


class _Seen:
    """Adds up batches of rows."""

    def __init__(self, domain: Domain, schema: pl.Schema, keys: Path | None, memory: int) -> None:
        self._domain, self._keys = domain, keys
        self._most = max(1, memory // (2 * run_type(domain.version is not None).itemsize))
        self._held: list[pl.DataFrame] = []
        self._key: tuple | None = None  # that all events had so far
        self._keys_differ = keys is None
        self._repeated = 0
        self._version = None if domain.version is None else schema.get(domain.version)  # type of its column
        self.moved_days = DaysWatch(schema[domain.columns.event_time])
        self.versions: Counter[str] = Counter()
        self.runs = 0
        self.rows = 0
        self.months: dict[dt.date | None, list[int]] = {}
        self.counts: dict[dt.date | None, Counter[str]] = {}
        self.values: Counter[str] = Counter()  # canonical name → rows of a month that have a value in it

    @property
    def alike(self) -> int:
        """As of `FileSurvey`."""
        return 0 if self._keys_differ else self._repeated

    def read(self, door: Door) -> None:
        """Add a table's rows."""
        for batch in _batches(self._domain, door, self._keys is not None):
            for month, rows, digest in (
                batch.group_by(_MONTH).agg(pl.len().alias(_ROWS), pl.col(HASH).sum()).iter_rows()
            ):
                self.rows += rows
                total = self.months.setdefault(month, [0, 0])
                total[0], total[1] = total[0] + rows, total[1] + digest
            if door.undated:
                self.moved_days.read(batch[f"raw {TIME}"], batch[TIME])
            for fault in door.undated:
                self._count(fault, batch)
            dated = batch.filter(pl.col(_MONTH).is_not_null()) if door.dated else batch
            for fault in door.dated:
                self._count(fault, dated)
            for name in valued(door.dated):
                self.values[name] += dated[name].count()
            if self._keys is not None:
                self._hold(batch)
        if self._keys is not None:
            self._write()

    def _count(self, fault: Fault, batch: pl.DataFrame) -> None:
        """Count a fault by month. Only rows whose canonical value is missing can have it, so this costs little."""
        odd = batch.filter(pl.col(fault.canonical).is_null())
        if odd.is_empty():
            return
        flag = odd.select(pl.col(_raw(fault)).alias(fault.own)).select(fault.flag.alias(_ROWS)).to_series()
        for month, rows in odd.filter(flag).group_by(_MONTH).agg(pl.len()).iter_rows():
            self.counts.setdefault(month, Counter())[fault.reason] += rows

    def _hold(self, batch: pl.DataFrame) -> None:
        if self._version is not None:
            self.versions += count_units(batch, f"raw {VERSION}", self._version)
        held = batch.filter(pl.col(_MONTH).is_not_null() & pl.col(_KEY).is_not_null())
        self._compare_keys(held)
        self._held.append(held)
        if sum(map(len, self._held)) > self._most:
            self._write()

    def _compare_keys(self, held: pl.DataFrame) -> None:
        """Find out whether all keys are the same; the first rows of a sound file settle it."""
        if self._keys_differ or held.is_empty():
            return
        keys = held.select(key_names(self._domain))
        self._key = self._key or keys.row(0)
        same = keys.select(pl.all_horizontal(pl.nth(i).eq(value).all() for i, value in enumerate(self._key))).item()
        self._keys_differ = not same

    def _write(self) -> None:
        assert self._keys is not None
        held = pl.concat(self._held) if self._held else pl.DataFrame()
        self._held = []
        if held.is_empty():
            return
        if not self._keys_differ:
            self._repeated += len(held) - held[_KEY].n_unique()
        month = held[_MONTH].dt.year().cast(pl.Int32) * 12 + held[_MONTH].dt.month() - 1
        versions = None
        if self._domain.version is not None:
            versions = held.select(pl.col(VERSION).fill_null(NO_VERSION), REST).to_numpy()
        path = self._keys.with_name(f"{self._keys.name}-{self.runs}.npy")
        write_run(path, held[_KEY].to_numpy(), month.to_numpy(), versions, held[_WITHIN].to_numpy())
        self.runs += 1


def _batches(domain: Domain, door: Door, keys: bool) -> Iterator[pl.DataFrame]:
    """Yield batches of rows: month, hash, each fault's canonical and raw column.

    With `keys`, also identity, version, and a digest of the row without its year and month.
    """
    schema = door.table.select(*door.values.values()).collect_schema()
    faults = [*door.undated, *door.dated]
    raw = {_raw(fault): pl.col(fault.own).alias(_raw(fault)) for fault in faults}
    of_keys = [*key_names(domain), *version_names(domain)] if keys else []
    kept = dict.fromkeys([fault.canonical for fault in faults] + of_keys)
    columns = [pl.col(TIME).dt.truncate("1mo").cast(pl.Date).alias(_MONTH), row_hash(schema).alias(HASH)]
    if keys:
        columns.append(identity(domain, {name: pl.col(name) for name in schema}).alias(_KEY))
        columns.append(_within_month(domain, schema).alias(_WITHIN))
    rows = door.table.select(*door.values.values(), *raw.values()).select(*columns, *kept, *raw)
    return batches(rows)


def _within_month(domain: Domain, schema: pl.Schema) -> pl.Expr:
    """A digest (uint64) of fields, day and time of day; the fields' parts are those of the row's hash."""
    own = set(field_names(domain).values())
    fields = [column_hash(name, kind, seed) for seed, (name, kind) in enumerate(schema.items()) if name in own]
    moment = pl.col(TIME) - pl.col(TIME).dt.truncate("1mo")
    return mixed([moment.hash(seed=0), *fields])


def _raw(fault: Fault) -> str:
    """The name of a fault's raw column in a batch."""
    return f"raw {fault.canonical}"


def _kinds(domain: Domain, schema: pl.Schema) -> dict[str, str]:
    return {name: str(schema[name]) for name in domain.source_columns if name in schema}


def _near(domain: Domain, schema: pl.Schema) -> dict[str, str]:
    lacking = [name for name in domain.source_columns if name not in schema]
    return near_names(lacking, [name for name in schema if name not in domain.source_columns])


def _rows(domain: Domain, table: SourceTable) -> int:
    """Rows of a file by what it says itself: a Parquet file's footer, or the records of a CSV."""
    if domain.source.format != "csv":
        any_column = pl.nth(0)  # without one older Polars counts no rows of a table that it reads through PyArrow
        count = any_column.count() + any_column.null_count() if domain.source.format == "iceberg" else pl.len()
        return table.rows.select(count).collect().item()
    try:
        return count_records(table.files[0], len(table.schema))
    except CsvError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error


def _first_examples(
    table: SourceTable, door: Door, counts: dict[dt.date | None, Counter[str]]
) -> dict[str, list[Example]]:
    """Reason → the rows in which it was found first, for the reasons that were found."""
    met = {reason for found in counts.values() for reason in +found}
    dated = door.values[TIME].is_not_null()
    within = [(fault, None) for fault in door.undated] + [(fault, dated) for fault in door.dated]
    return {fault.reason: examples(table, door, fault, rows) for fault, rows in within if fault.reason in met}


def _refuse(source: Source, file: Path, door: Door, seen: _Seen, found: dict[str, list[Example]]) -> None:
    counts, share = seen.counts.get(None, Counter()), source.left_aside
    rows = seen.rows - counts[BLANK]
    if reasons := too_many(counts, door.undated, rows, share, {}):
        raise refusal(source.domain, str(file), counts, rows, share, told(door.undated, reasons, found))
    if reasons := too_many_of_file(seen.counts.values(), door.dated, rows, share, seen.values):
        counts = sum(seen.counts.values(), Counter())
        words = told(door.dated, reasons, found)
        raise refusal(source.domain, str(file), counts, rows, share, words, door.dated, seen.values)


def _key(month: dt.date | None) -> str:
    return UNDATED if month is None else f"{month:%Y-%m-01}"
