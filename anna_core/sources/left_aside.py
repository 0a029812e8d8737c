"""What does not reach a mart is counted by reason; where it is too much, the month or the file is refused."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from anna_core.columns.csv_records import line_of
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.months import month_bounds
from anna_core.sources.door import TIME, Door, Fault
from anna_core.sources.scanning import SourceTable, open_table, source_tables

MOST_LEFT_ASIDE = 0.1  # share of rows; the setting `left_aside`
_FEW = 10  # fewer rows are no reason to refuse a file or a month, however small it is; they are counted
_EXAMPLES = 3
_SHOWN = 40  # characters of a value


@dataclass(frozen=True)
class Example:
    """Where a fault was met first, and what stands there."""

    place: str
    value: str | None

    def __str__(self) -> str:
        if self.value is None:
            return self.place
        shown = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}…"
        return f"{self.place}: {shown!r}"


def examples(table: SourceTable, door: Door, fault: Fault, within: pl.Expr | None = None) -> list[Example]:
    """The first rows of a table of one file that have a fault.

    Args:
        table: the table.
        door: the table seen through the door.
        fault: one of the door's.
        within: looks at these rows only, over the table.
    """
    index = "row"
    while index in table.schema:
        index += "_"
    flag = fault.flag if within is None else fault.flag & within
    found = (
        door.table.with_row_index(index)
        .filter(flag)
        .head(_EXAMPLES)
        .select(pl.col(index), fault.values.alias(f"{index}_"))
        .collect(engine="streaming")
    )
    return [Example(_place(table.files[0], row), value) for row, value in found.iter_rows()]


def month_examples(
    domain: Domain,
    home: Path,
    bank_zone: str,
    reason: str,
    month: dt.date,
    files: list[Path] | None = None,
    known: frozenset[str] = frozenset(),
) -> list[Example]:
    """The first rows of a month that have a dated fault; reads file after file, of those of `scan_month`."""
    first, following = month_bounds(month)
    found: list[Example] = []
    tables = source_tables(domain, home, files, known)
    have = known.union(name for table in tables for name in table.schema)
    for file in [file for table in tables for file in table.files]:
        (table,) = source_tables(domain, home, [file], have)
        door = open_table(domain, table, bank_zone)
        time = door.values[TIME]
        for fault in (fault for fault in door.dated if fault.reason == reason):
            found += examples(table, door, fault, time.is_between(first, following, closed="left"))
        if len(found) >= _EXAMPLES:
            break
    return found[:_EXAMPLES]


def too_many(counts: dict[str, int], faults: Iterable[Fault], rows: int, share: float) -> list[str]:
    """Reasons that are above the share and not just a few rows: all of whole rows together, and each of single values.

    Args:
        counts: reason → rows that have it.
        faults: what the reasons are.
        rows: all rows.
        share: of them that may have one.
    """
    most = max(share * rows, _FEW - 1)
    whole = {fault.reason for fault in faults if fault.whole_row and counts.get(fault.reason)}
    values = {fault.reason for fault in faults if not fault.whole_row and counts.get(fault.reason, 0) > most}
    if sum(counts[reason] for reason in whole) <= most:
        whole = set()
    return sorted(whole | values, key=lambda reason: (-counts[reason], reason))


def refusal(
    domain: Domain, place: str, counts: dict[str, int], rows: int, share: float, told: dict[str, tuple[str, str]]
) -> SourceError:
    """The error that refuses a file or a month.

    Args:
        domain: the domain.
        place: what is refused.
        counts: of the reasons that are told.
        rows: all rows of the place.
        share: that may be left aside.
        told: reason → first examples and cure.
    """
    parts = []
    for reason, (where, cure) in told.items():
        first = f" ({where})" if where else ""
        parts.append(f"{reason} in {counts[reason]:,} of them{first}: {cure}")
    return SourceError(
        f"domain {domain.name}: {place} is refused, as more than {share:.0%} of its rows ({rows:,}) cannot be used: "
        f"{'; '.join(parts)}. If that is as it should be, raise `left_aside` in anna.yaml."
    )


def told(faults: Iterable[Fault], reasons: list[str], found: dict[str, list[Example]]) -> dict[str, tuple[str, str]]:
    """Reason → first examples in words, and what to do about the first of them; in the order of the reasons."""
    by_reason = {fault.reason: fault for fault in faults}
    words = {}
    for reason in reasons:
        shown = found.get(reason, [])
        first = next((example.value for example in shown if example.value), "")
        words[reason] = ", ".join(map(str, shown)), by_reason[reason].cure(first)
    return words


def _place(file: Path, row: int) -> str:
    """A row of a file, as a person finds it: the line of a CSV, else the row's number from 1."""
    if file.is_file() and ".csv" in file.name.lower():
        return f"{file.name}, line {line_of(file, row):,}"
    return f"{file.name}, row {row + 1:,}"
