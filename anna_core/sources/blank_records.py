"""Records of a CSV file in which no column has a value, such as a spreadsheet's commas below a table: they are no rows.

They are counted by a reason of their own, which is never too many. To look for them takes all columns of a file, so
it is to be done only where there are rows without a time.
"""

from dataclasses import replace

import polars as pl
from polars.selectors import by_name

from anna_core.domains import Domain
from anna_core.sources.door import Door
from anna_core.sources.faults import without_time
from anna_core.sources.tables import SourceTable

BLANK = "no column has a value"


def blanks_apart(domain: Domain, table: SourceTable, door: Door) -> Door:
    """The door of a table, with blank records as a fault of their own instead of rows without a time.

    Its faults' flags look at all columns of the table.

    Args:
        domain: the domain.
        table: the table.
        door: the same table seen through the typed door.
    """
    reason = without_time(domain.columns.event_time)
    missing = next((fault for fault in door.undated if fault.reason == reason), None)
    if not table.is_csv or missing is None:
        return door
    columns = by_name(*table.schema)  # exactly, also `*` or what looks like a pattern
    blank = pl.all_horizontal((columns.str.strip_chars() == "").fill_null(value=True))
    cure = "a record without a value is no row, and nothing is lost"
    apart = replace(missing, reason=BLANK, flag=blank, cure=lambda _: cure, judged=False)
    others = [replace(fault, flag=fault.flag & ~blank) if fault is missing else fault for fault in door.undated]
    return replace(door, undated=[apart, *others])


def blank_records(door: Door) -> int:
    """The number of a table's blank records; `blanks_apart` has made its door."""
    flags = [fault.flag.sum() for fault in door.undated if fault.reason == BLANK]
    return int(door.table.select(flags).collect(engine="streaming").item() or 0) if flags else 0
