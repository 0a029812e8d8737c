"""Rows that do not reach a mart are counted by reason; if they are too many, the month or the file is refused."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from anna_core.columns.csv_records import line_of
from anna_core.columns.shares import percent
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.months import month_bounds
from anna_core.sources.door import TIME, Door
from anna_core.sources.faults import Fault
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.source import Source
from anna_core.sources.tables import SourceTable, observed_tables, open_table, source_tables

FEW = 10  # fewer rows are counted, but never a reason to refuse a file or a month, however small it is
_PROVEN = 0.001  # share of the rows; of more than that a proof is one, however few the rows are
_EXAMPLES = 3
_SHOWN = 40  # characters of a value


@dataclass(frozen=True)
class Example:
    """Where a fault was found, in words, and the value that stands there; None if nothing does."""

    place: str
    value: str | None

    def __str__(self) -> str:
        if self.value is None:
            return self.place
        shown = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}…"
        return f"{self.place}: {shown!r}"


def examples(table: SourceTable, door: Door, fault: Fault, within: pl.Expr | None = None) -> list[Example]:
    """The first rows, at most three, in which a table of one file has a fault.

    Args:
        table: the table.
        door: the same table seen through the typed door.
        fault: one of the door's faults.
        within: a condition on the table's columns; only rows that meet it count. None: all rows.
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
    return [Example(_place(table, row), value) for row, value in found.iter_rows()]


def month_examples(source: Source, reason: str, month: dt.date, observed: ObservedFiles | None) -> list[Example]:
    """The first rows of a month that have a fault of dated rows; reads one file after another until there are enough.

    Args:
        source: the source.
        reason: the fault's.
        month: its first day.
        observed: as in `anna_core.sources.scanning.scan_month`.
    """
    first, following = month_bounds(month)
    found: list[Example] = []
    tables = observed_tables(source, observed)
    known = observed.columns if observed is not None else frozenset[str]()
    have = known.union(name for table in tables for name in table.schema)
    for file in [file for table in tables for file in table.files]:
        (table,) = source_tables(source, [file], have)
        door = open_table(source, table)
        time = door.values[TIME]
        for fault in (fault for fault in door.dated if fault.reason == reason):
            found += examples(table, door, fault, time.is_between(first, following, closed="left"))
        if len(found) >= _EXAMPLES:
            break
    return found[:_EXAMPLES]


def most_of(rows: int, share: float) -> float:
    """The number of rows that may be left aside of so many."""
    return max(share * rows, FEW - 1)


def valued(faults: Iterable[Fault]) -> set[str]:
    """The canonical names of the columns whose single values are judged."""
    return {fault.canonical for fault in faults if fault.judged and not fault.whole_row}


def too_many(
    counts: dict[str, int], faults: Sequence[Fault], rows: int, share: float, values: Mapping[str, int]
) -> list[str]:
    """The reasons that concern more than the allowed share of the rows, most frequent first.

    Reasons for which whole rows are left aside are judged together, those for which single values are missing each by
    itself among the rows that have something in the column, and those that are only counted (`Fault.judged`) not at
    all. Nine rows or fewer are never too many, but of a fault that is a proof so many are as `Fault.proof` says, or
    more than a thousandth of these rows, unless all rows may be left aside.

    Args:
        counts: reason → number of rows that have it.
        faults: the faults that the reasons belong to.
        rows: number of all rows.
        share: of them that may be left aside, 0 to 1.
        values: canonical name of each column of the faults of single values → number of rows that have a value in it.
    """
    among = _among(counts, faults, rows, values)
    most = most_of(rows, share)
    whole = {fault.reason for fault in faults if fault.whole_row and fault.judged and counts.get(fault.reason)}
    single = {fault.reason for fault in faults if fault.judged and not fault.whole_row}
    lost = {reason for reason in single if counts.get(reason, 0) > most_of(among[reason], share)}
    if sum(counts[reason] for reason in whole) <= most:
        whole = set()
    proven = {
        fault.reason
        for fault in faults
        if share < 1 and _is_proven(fault, counts.get(fault.reason, 0), among[fault.reason])
    }
    return sorted(whole | lost | proven, key=lambda reason: (-counts[reason], reason))


def too_many_of_file(
    left: Collection[Mapping[str, int]], dated: Sequence[Fault], rows: int, share: float, values: Mapping[str, int]
) -> list[str]:
    """The reasons of single values for which a file is refused as a whole, most frequent first.

    These are proofs, and what no month has too much of. Other faults are judged by months, which may have rows of
    several files; but those of a column that is filled in few rows would never be, were each month to have too few.

    Args:
        left: of each month, and of the rows that belong to none, reason → number of rows that have it.
        dated: all faults of rows that belong to a month, as each is judged beside the others of its column.
        rows: as of `too_many`, of the file.
        share: likewise.
        values: likewise.
    """
    single = [fault for fault in dated if not fault.whole_row]
    proofs = {fault.reason for fault in single if fault.proof}
    reasons = too_many(sum(map(Counter, left), Counter[str]()), single, rows, share, values)
    return [reason for reason in reasons if reason in proofs or all(found.get(reason, 0) < FEW for found in left)]


def refusal(
    domain: Domain,
    place: str,
    counts: dict[str, int],
    rows: int,
    share: float,
    told: dict[str, tuple[str, str]],
    faults: Sequence[Fault] = (),
    values: Mapping[str, int] | None = None,
) -> SourceError:
    """The error that refuses a file or a month.

    Args:
        domain: the domain.
        place: the file or month, as text.
        counts: reason → number of rows that have it.
        rows: number of all rows of the place.
        share: of them that may be left aside, 0 to 1.
        told: the reasons to name → their first examples and their cure, as the function `told` gives them.
        faults: those that the reasons belong to, where proofs or faults of single values may be among them.
        values: as of `too_many`.
    """
    among = _among(counts, faults, rows, values or {})
    parts, of_values = [], False
    for reason, (where, cure) in told.items():
        first = f" ({where})" if where else ""
        held = among.get(reason, rows)
        them = "them" if held == rows else f"the {held:,} rows that have a value in it"
        of_values |= held != rows
        parts.append(f"{reason} in {counts[reason]:,} of {them}{first}: {cure}")
    proofs = {fault.reason: fault.proof for fault in faults if fault.proof}
    if told.keys() <= proofs.keys():
        one = any(proofs[reason] == 1 for reason in told)
        shown = "One such value shows" if one else "So many such values show"
        return SourceError(
            f"domain {domain.name}: {place} is refused: of its rows ({rows:,}), {'; '.join(parts)}. {shown} how "
            "the column is written, so that others would be lost or read as what they are not. Where that is no loss, "
            "`left_aside: 1` in anna.yaml has them counted instead, with all else that cannot be used."
        )
    what = f"its rows ({rows:,}), or of the values of a column," if of_values else f"its rows ({rows:,})"
    return SourceError(
        f"domain {domain.name}: {place} is refused, as more than {percent(share)} of {what} cannot be "
        f"used: {'; '.join(parts)}. If that is as it should be, raise `left_aside` in anna.yaml."
    )


def told(faults: Iterable[Fault], reasons: list[str], found: dict[str, list[Example]]) -> dict[str, tuple[str, str]]:
    """Put reasons into words.

    Args:
        faults: the faults that the reasons belong to.
        reasons: to be told.
        found: reason → where it was found first.

    Returns:
        Reason → its examples as text, and what to do about the first of them; in the order of `reasons`.
    """
    by_reason = {fault.reason: fault for fault in faults}
    words = {}
    for reason in reasons:
        shown = found.get(reason, [])
        first = next((example.value for example in shown if example.value), "")
        words[reason] = ", ".join(map(str, shown)), by_reason[reason].cure(first)
    return words


def _among(counts: dict[str, int], faults: Sequence[Fault], rows: int, values: Mapping[str, int]) -> dict[str, int]:
    """Reason → number of rows among which it is judged: all, or those that have something in the fault's column."""
    unreadable: Counter[str] = Counter()
    for fault in faults:
        if fault.canonical in values and fault.judged:
            unreadable[fault.canonical] += counts.get(fault.reason, 0)
    return {
        fault.reason: rows if fault.canonical not in values else values[fault.canonical] + unreadable[fault.canonical]
        for fault in faults
    }


def _is_proven(fault: Fault, count: int, rows: int) -> bool:
    return fault.proof is not None and (count >= fault.proof or count > _PROVEN * rows)


def _place(table: SourceTable, row: int) -> str:
    """A row as a person finds it: by its line in a CSV file, else by its number, counted from 1."""
    file = table.files[0]
    if table.is_csv:
        return f"{file.name}, line {line_of(file, row):,}"
    return f"{file.name}, row {row + 1:,}"
