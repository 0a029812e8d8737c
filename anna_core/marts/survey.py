"""What one file of a source holds: rows by month, what no mart can hold and why, and the columns' types."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import BaseModel

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.marts.corrections import NO_VERSION, RUN, write_run
from anna_core.marts.csv_records import count_records
from anna_core.marts.door import TIME, VERSION, Door
from anna_core.marts.fingerprints import row_hash, write_fingerprint
from anna_core.marts.left_aside import MOST_LEFT_ASIDE, Example, examples, refusal, told, too_many
from anna_core.marts.memory import DEFAULT_MEMORY
from anna_core.marts.reading import reading
from anna_core.marts.source import HASH, SourceTable, fault_name, identity, open_table, source_tables

UNDATED = "undated"  # stands for the month of rows that belong to none
_FEW = 10  # fewer rows of no month are no reason to refuse a file, however small it is; they are counted
_MONTH, _KEY, _ROWS = "month", "identity", "rows"


class FileSurvey(BaseModel):
    """What a file holds.

    Attributes:
        rows: all rows.
        months: month key → fingerprint of its rows, `UNDATED` among them.
        left: month key → reason → rows; of values that are missing for what stands there, too.
        examples: reason → where it was met first.
        kinds: column of the domain → its type.
    """

    rows: int
    months: dict[str, str]
    left: dict[str, dict[str, int]] = {}
    examples: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}


def month_number(month: dt.date) -> int:
    """A month of our era as a small number, for runs of keys."""
    return month.year * 12 + month.month - 1


def month_key(number: int) -> str:
    """The key of the month with a number of `month_number`."""
    return f"{number // 12}-{number % 12 + 1:02}-01"


def survey(
    domain: Domain,
    home: Path,
    bank_zone: str,
    file: Path,
    keys: Path | None = None,
    share: float = MOST_LEFT_ASIDE,
    memory: int = DEFAULT_MEMORY,
    known: frozenset[str] = frozenset(),
) -> FileSurvey:
    """Read a file once, all of it.

    Args:
        domain: the domain.
        home: ANNA_HOME.
        bank_zone: the bank's time zone.
        file: which; of a lake's table its folder.
        keys: where events' identities are kept, in files whose names begin so; None means nowhere.
        share: of rows that may belong to no month.
        memory: bytes that identities may take before they are written.
        known: columns that other files of the source have; this one may lack them.

    Raises:
        SourceError: the file is broken, does not fit the domain, or too many rows belong to no month.
    """
    (table,) = source_tables(domain, home, [file], known)
    door = open_table(domain, table, bank_zone)
    csv = domain.source.format == "csv"
    records = count_records(domain, file, len(table.schema)) if csv else None
    seen = _Seen(domain, keys, memory)
    with reading(domain, file):
        seen.read(door)
        if records not in (None, seen.rows):
            raise SourceError(
                f"domain {domain.name}: {file} has {records:,} records, but {seen.rows:,} rows were read of it. Was it "
                "written meanwhile? If not, write it as Parquet."
            )
        found = _first_examples(table, door, seen.counts)
    _refuse_undated(domain, file, door, seen, found, share)
    return FileSurvey(
        rows=seen.rows,
        months={_key(month): write_fingerprint(*seen.months[month]) for month in sorted(seen.months, key=_key)},
        left={_key(month): dict(counts) for month, counts in seen.counts.items() if counts},
        examples={reason: [str(example) for example in shown] for reason, shown in found.items()},
        kinds={name: str(table.schema[name]) for name in domain.source_columns if name in table.schema},
    )


class _Seen:
    """Adds up batches of rows."""

    def __init__(self, domain: Domain, keys: Path | None, memory: int) -> None:
        self._domain, self._keys, self._most = domain, keys, max(1, memory // (2 * RUN.itemsize))
        self._held: list[pl.DataFrame] = []
        self._written = 0
        self.rows = 0
        self.months: dict[dt.date | None, list[int]] = {}
        self.counts: dict[dt.date | None, Counter[str]] = {}

    def read(self, door: Door) -> None:
        """Add a table's rows."""
        for batch in _batches(self._domain, door, self._keys is not None):
            self._count(batch, [fault.reason for fault in door.undated], [fault.reason for fault in door.dated])
            if self._keys is not None:
                self._hold(batch)
        if self._keys is not None:
            self._write()

    def _count(self, batch: pl.DataFrame, undated: list[str], dated: list[str]) -> None:
        reasons = [*undated, *dated]
        flags = [pl.col(fault_name(place)).sum() for place in range(len(reasons))]
        for month, rows, digest, *counts in (
            batch.group_by(_MONTH).agg(pl.len().alias(_ROWS), pl.col(HASH).sum(), *flags).iter_rows()
        ):
            self.rows += rows
            total = self.months.setdefault(month, [0, 0])
            total[0], total[1] = total[0] + rows, total[1] + digest
            told = undated if month is None else dated  # a row that belongs to no month is counted for this alone
            met = {reason: count for reason, count in zip(reasons, counts, strict=True) if count and reason in told}
            self.counts.setdefault(month, Counter()).update(met)

    def _hold(self, batch: pl.DataFrame) -> None:
        self._held.append(batch.filter(pl.col(_MONTH).is_not_null() & pl.col(_KEY).is_not_null()))
        if sum(map(len, self._held)) > self._most:
            self._write()

    def _write(self) -> None:
        assert self._keys is not None
        held = pl.concat(self._held) if self._held else pl.DataFrame()
        self._held = []
        if held.is_empty():
            return
        month = held[_MONTH].dt.year().cast(pl.Int32) * 12 + held[_MONTH].dt.month() - 1
        version = held[VERSION].fill_null(NO_VERSION).to_numpy() if VERSION in held.columns else NO_VERSION
        write_run(
            self._keys.with_name(f"{self._keys.name}-{self._written}.npy"),
            held[_KEY].to_numpy(), month.to_numpy(), np.broadcast_to(version, len(held)),
        )  # fmt: skip
        self._written += 1


def _batches(domain: Domain, door: Door, keys: bool) -> Iterator[pl.DataFrame]:
    """Columns month, hash, a flag a fault, and with keys the event's identity and version."""
    flags = [fault.flag.alias(fault_name(place)) for place, fault in enumerate((*door.undated, *door.dated))]
    schema = door.table.select(*door.values.values()).collect_schema()
    canonical = door.table.select(*door.values.values(), *flags)
    month = pl.col(TIME).dt.truncate("1mo").cast(pl.Date).alias(_MONTH)
    kept = [pl.col(fault_name(place)) for place in range(len(flags))]
    if keys:
        kept.append(identity(domain, {name: pl.col(name) for name in schema}).alias(_KEY))
        kept += [pl.col(VERSION)] if domain.version is not None else []
    rows = canonical.select(month, row_hash(schema).alias(HASH), *kept)
    yield from rows.collect_batches(maintain_order=False, engine="streaming")


def _first_examples(
    table: SourceTable, door: Door, counts: dict[dt.date | None, Counter[str]]
) -> dict[str, list[Example]]:
    """Reason → where it was met first, for the reasons that were."""
    met = {reason for found in counts.values() for reason in found}
    dated = door.values[TIME].is_not_null()
    within = [(fault, None) for fault in door.undated] + [(fault, dated) for fault in door.dated]
    return {fault.reason: examples(table, door, fault, rows) for fault, rows in within if fault.reason in met}


def _refuse_undated(
    domain: Domain, file: Path, door: Door, seen: _Seen, found: dict[str, list[Example]], share: float
) -> None:
    counts = seen.counts.get(None, Counter())
    if sum(counts.values()) < _FEW:
        return
    if reasons := too_many(counts, door.undated, seen.rows, share):
        raise refusal(domain, str(file), counts, seen.rows, share, told(door.undated, reasons, found))


def _key(month: dt.date | None) -> str:
    return UNDATED if month is None else f"{month:%Y-%m-01}"
