"""Whether the files of a source write the same clients in different ways: each is then several with half a history.

One of a spreadsheet, among those of a database, has lost the zeros in front of its ids; a new system writes them in
capitals. Each file's first rows are compared with those of all newer ones.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import polars as pl

from anna_core.errors import SourceError
from anna_core.guards.written_apart import written_apart
from anna_core.sources.door import CLIENT
from anna_core.sources.reading import reading
from anna_core.sources.source import Source
from anna_core.sources.tables import open_table, source_tables

_ROWS = 1_000_000  # of each source, from its newest files
_FILES = 20
_ROWS_A_FILE = _ROWS // 4  # at most, so that there are several files to compare


def first_clients(source: Source, newest: Iterable[Path]) -> dict[str, pl.Series]:
    """Name of each file → different clients in its first rows, as text; files that cannot be read are left out.

    Args:
        source: the source.
        newest: its files, the newest first; of a lake's table, its folder.
    """
    found, left = dict[str, pl.Series](), _ROWS
    for file in list(newest)[:_FILES]:
        with suppress(SourceError):
            rows = _clients(source, file, left if source.domain.source.is_lake else min(left, _ROWS_A_FILE))
            found[str(file)] = rows.unique()
            left -= len(rows)
        if left <= 0:
            break
    return found


def files_apart(clients: dict[str, pl.Series]) -> str:
    """A sentence about the newest of the files that write clients otherwise than those after it; empty for none.

    Args:
        clients: as `first_clients` returns them.
    """
    newer, names = pl.Series(CLIENT, dtype=pl.String), list[str]()
    for older, ids in clients.items():
        others = f" and {len(names) - 1:,} newer" * (len(names) > 1)
        if names:
            # Few ids of either side may be among many of the other, so each is looked for in the other.
            pair = {older: ids, f"{names[-1]}{others}": newer}
            if told := written_apart(pair) or written_apart(dict(reversed(pair.items()))):
                return told[0]
        if len(ids):
            newer, names = pl.concat([newer, ids]).unique(), [*names, older]
    return ""


def _clients(source: Source, file: Path, rows: int) -> pl.Series:
    """The clients of a file's first rows."""
    domain = source.domain
    files = None if domain.source.is_lake else [file]
    (table,) = source_tables(source, files, frozenset(domain.source_columns))
    with reading(domain, file):
        door = open_table(source, table)
        clients = door.table.head(rows).select(door.values[CLIENT].cast(pl.String).alias(CLIENT))
        return clients.collect()[CLIENT].drop_nulls()
