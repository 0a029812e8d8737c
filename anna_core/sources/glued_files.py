"""CSV files that are glued of several, so that a header stands among the rows.

One that is the file's own again is passed over: it has no time. Below any other one, columns lie otherwise than the
first line says, and nobody would see it. A row is a header where the time's own name stands in place of a time, or
where another text does and half of its fields are names of columns.
"""

import polars as pl

from anna_core.columns.csv_records import line_of
from anna_core.columns.headers import bare_name
from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.tables import SourceTable

_KNOWN = 0.5  # share of a row's fields that are names of columns; of such a row it is no chance
_MAY_BE_TIME = r"^\s*\d"


def refuse_other_headers(domain: Domain, table: SourceTable) -> None:
    """Raise `SourceError` if a CSV file has a header among its rows that is another one than its first line.

    Letter case, quotes and spaces around names make no difference. Reads all rows, and is to be asked only of a table
    with some that have no time.

    Args:
        domain: the domain.
        table: the file's rows.
    """
    own = ["" if name.startswith(" ") else name.lower() for name in table.schema]  # a column without a name has a place
    known = [name for name in own if name]
    time = list(table.schema).index(domain.columns.event_time)
    fields = [pl.nth(place).alias(str(place)) for place in range(len(own))]
    rows = table.rows.select(fields).with_row_index("row")
    undated = rows.filter(~pl.col(str(time)).str.contains(_MAY_BE_TIME).fill_null(value=False))
    names_of = undated.with_columns(bare_name(pl.all().exclude("row")).fill_null(""))
    in_place = pl.col(str(time))  # of the time; below nothing, values may be names of columns, too
    are_names = (in_place != "") & (pl.sum_horizontal(pl.all().exclude("row").is_in(known)) >= _KNOWN * len(own))
    found = names_of.filter((in_place == own[time]) | are_names).collect(engine="streaming")
    for row, *names in found.iter_rows():
        if names != own:
            file = table.files[0]
            others = "in another order" if sorted(names) == sorted(own) else "but not the same"
            raise SourceError(
                f"domain {domain.name}: {file}, line {line_of(file, row):,}: the columns' names stand here again, "
                f"{others}: {','.join(names)!r}. The file is glued of several; bring each as a file of its own."
            )
