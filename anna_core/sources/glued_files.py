"""CSV files that are glued of several, so that a header stands among the rows.

One that is the file's own again is passed over: it has no time. Below any other one, columns lie otherwise than the
first line says, and nobody would see it.
"""

import polars as pl

from anna_core.columns.csv_files import BOM
from anna_core.columns.csv_records import line_of
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.tables import SourceTable

_BOM = BOM.decode()
_KNOWN = 0.5  # share of a row's fields that are names of columns; of such a row it is no chance


def refuse_other_headers(domain: Domain, table: SourceTable) -> None:
    """Raise `SourceError` if a CSV file has a header among its rows that is another one than its first line.

    Reads the whole file, and is to be asked only of one with rows that have no time.

    Args:
        domain: the domain.
        table: the file's rows.
    """
    own = ["" if name.startswith(" ") else name.lower() for name in table.schema]  # a column without a name has a place
    time = list(table.schema).index(domain.columns.event_time)
    fields = [_bare(pl.nth(place)).alias(str(place)) for place in range(len(own))]
    rows = table.rows.select(fields).with_row_index("row")
    found = rows.filter(pl.col(str(time)).is_in([name for name in own if name])).collect(engine="streaming")
    for row, *names in found.iter_rows():
        known = sum(name in own for name in names)
        if names != own and known >= _KNOWN * len(own):
            file = table.files[0]
            others = "in another order" if sorted(names) == sorted(own) else "but not the same"
            raise SourceError(
                f"domain {domain.name}: {file}, line {line_of(file, row):,}: the columns' names stand here again, "
                f"{others}: {','.join(names)!r}. The file is glued of several; bring each as a file of its own."
            )


def _bare(field: pl.Expr) -> pl.Expr:
    return field.fill_null("").str.strip_prefix(_BOM).str.strip_chars().str.to_lowercase()
