"""A first look at a source before anything is observed: its columns and types, and the first rows of its files."""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from anna_core.columns.csv_files import CsvError
from anna_core.columns.csv_records import check_beginning
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.blank_records import BLANK, blanks_apart
from anna_core.sources.door import TIME, Door
from anna_core.sources.files import newest_first, source_files
from anna_core.sources.glued_files import refuse_other_headers
from anna_core.sources.layouts import columns_that_count, file_schema, has_rows, is_empty
from anna_core.sources.left_aside import examples, refusal, told, too_many, valued
from anna_core.sources.moved_days import DaysWatch, MovedDays, refuse_moved_days, told_moved_days
from anna_core.sources.reading import reading
from anna_core.sources.same_faults import told_once
from anna_core.sources.scanning import fault_name
from anna_core.sources.source import Source
from anna_core.sources.tables import SourceTable, open_table, source_tables

ROWS = 1000  # looked at in each file
_FILES = 20  # the newest, whose rows are looked at; the columns of all files are


@dataclass
class Preview:
    """What was seen.

    Attributes:
        files: number of files that are read; a lake's table counts as one.
        rows: number of rows looked at.
        left: reason → how many of these rows would be left aside, or lose a value, for it.
        told: reason → where it was found first, with what stands there, and what to do about that.
        unread: name of a file that is not read → why.
        wrong: each file that would be refused → why.
        of_all: what is wrong with all files together.
        moved: name of each file → its times that are days, and lie on the day before on the bank's clock.
        notes: what will be told of all files.
    """

    files: int = 0
    rows: int = 0
    left: Counter[str] = field(default_factory=Counter)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    wrong: dict[Path, str] = field(default_factory=dict)
    of_all: list[str] = field(default_factory=list)
    moved: dict[str, MovedDays] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def refused(self) -> list[str]:
        """One message for each fault for which files would be refused."""
        return [*told_once(self.wrong.items()), *self.of_all]


def preview(source: Source) -> Preview:
    """Look at the columns of all files, and at the first rows of the newest files.

    Raises:
        SourceError: nothing is there, or a column that the domain names is in no file.
    """
    domain = source.domain
    if domain.source.is_lake:
        seen = Preview(files=1)
        (table,) = source_tables(source)
        _look(source, table, seen)
        return _judged(domain, seen)
    found = source_files(source)
    seen = Preview(files=len(found.read), unread=found.not_read)
    layouts = list[tuple[pl.Schema, bool]]()
    sound, empty = list[Path](), list[Path]()
    for file in found.read:
        try:
            layouts.append((file_schema(domain, file), has_rows(domain, file)))
            (empty if is_empty(domain, file) else sound).append(file)
        except SourceError as error:
            seen.wrong[file] = str(error)
    sound = sound or empty  # where no file has rows, their types are all there is
    if not sound:
        return seen
    source_tables(source, sound)  # refuses a column that none has
    columns = columns_that_count(layouts)
    for file in newest_first(sound)[:_FILES]:
        (table,) = source_tables(source, [file], columns)
        _look(source, table, seen)
    return _judged(domain, seen)


def _judged(domain: Domain, seen: Preview) -> Preview:
    """Judge what is judged of all files together, as an observation does."""
    try:
        refuse_moved_days(domain, seen.moved)
    except SourceError as error:
        seen.of_all.append(str(error))
    seen.notes += told_moved_days(domain, seen.moved)
    return seen


def _look(source: Source, table: SourceTable, seen: Preview) -> None:
    domain, share = source.domain, source.left_aside
    first = replace(table, rows=table.rows.head(ROWS))
    try:
        if domain.source.format == "csv":
            _check_records(domain, table)
        with reading(domain, table.files[0]):
            door = blanks_apart(domain, first, open_table(source, first))
            faults = [*door.undated, *door.dated]
            dated = door.values[TIME].is_not_null()  # of other rows nothing else is judged
            concerned = [fault.flag for fault in door.undated] + [fault.flag & dated for fault in door.dated]
            flags = [flag.sum().alias(fault_name(place)) for place, flag in enumerate(concerned)]
            there = {name: (door.values[name].is_not_null() & dated).sum() for name in valued(faults)}
            row = door.table.select(pl.len(), *flags, **there).collect().row(0, named=True)
            rows, values = row["len"], {name: row[name] for name in there}
            # The sum of a flag that is the same for all rows is 1 even where there is none.
            counts = {fault.reason: row[fault_name(place)] if rows else 0 for place, fault in enumerate(faults)}
            left = Counter({reason: count for reason, count in counts.items() if count})
            real = rows - left[BLANK]
            refused = too_many(left, faults, real, share, values)
            within = [(fault, None) for fault in door.undated] + [(fault, dated) for fault in door.dated]
            shown = {fault.reason: examples(first, door, fault, of) for fault, of in within if fault.reason in left}
            words = told(faults, list(left), shown)
            seen.moved[str(table.files[0])] = _moved_days(domain, table, door)
            if table.is_csv and not left.keys().isdisjoint({fault.reason for fault in door.undated}):
                refuse_other_headers(domain, first)
    except SourceError as error:
        seen.wrong[table.files[0]] = str(error)
        return
    seen.rows += rows
    seen.left.update(left)
    seen.told = words | seen.told
    if refused:
        named = {reason: words[reason] for reason in refused}
        file = table.files[0]
        seen.wrong[file] = str(refusal(domain, str(file), left, real, share, named, faults, values))


def _moved_days(domain: Domain, table: SourceTable, door: Door) -> MovedDays:
    name = domain.columns.event_time
    times = door.table.select(pl.col(door.names[name]).alias("own"), door.values[TIME]).collect()
    days = DaysWatch(table.schema[name])
    days.read(times["own"], times[TIME])
    return days.found


def _check_records(domain: Domain, table: SourceTable) -> None:
    """Refuse a CSV file in whose beginning a row has another number of fields than the header, or a stray quote."""
    try:
        check_beginning(table.files[0], len(table.schema))
    except CsvError as error:
        raise SourceError(f"domain {domain.name}: {error}") from error
