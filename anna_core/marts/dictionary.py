"""Dictionaries: a domain's category → code tables. Append-only: a code, once given, never changes; 0 is unknown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from filelock import FileLock

from anna_core.domains import Domain
from anna_core.storage import write_file

FILE = "dictionary.parquet"
UNKNOWN = 0
BOOLEAN_CODES = 3  # 0 missing, 1 false, 2 true
MISSING_VALUE = "<missing>"  # a null category is a category of its own

_SCHEMA = {"field": pl.String, "value": pl.String, "code": pl.UInt32}


@dataclass(frozen=True)
class Dictionary:
    """Codes of one domain's categories.

    Attributes:
        domain: the domain.
        table: columns field, value, code; codes of a field run from 1 without a gap.
    """

    domain: Domain
    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SCHEMA))

    @property
    def cardinalities(self) -> dict[str, int]:
        """Number of codes of every coded field, 0 included; it only ever grows."""
        known = dict(self.table.group_by("field").agg(pl.col("code").max() + 1).iter_rows())
        return {
            name: BOOLEAN_CODES if name in self.domain.boolean else int(known.get(name, 1))
            for name in self.domain.coded
        }

    @property
    def version(self) -> str:
        """Number of known values by field: as the table only grows, this tells two versions apart."""
        sizes = self.cardinalities
        return "-".join(f"{name}:{sizes[name] - 1}" for name in self.domain.categorical) or "empty"

    def codes(self, name: str) -> pl.LazyFrame:
        """Columns `<name>` and `code.<name>` to join a frame with."""
        rows = self.table.lazy().filter(pl.col("field") == name)
        return rows.select(pl.col("value").alias(name), pl.col("code").alias(f"code.{name}"))

    def extended(self, counts: pl.DataFrame) -> "Dictionary":
        """Give new codes to the values of `counts` (field, value, count) that have none, the most frequent first."""
        if counts.is_empty():
            return self
        new = (
            counts.join(self.table, on=["field", "value"], how="anti")
            .sort("field", "count", "value", descending=[False, True, False])
            .with_columns(first=pl.col("field").replace_strict(self.cardinalities, return_dtype=pl.UInt32))
            .select("field", "value", code=(pl.int_range(pl.len()).over("field") + pl.col("first")).cast(pl.UInt32))
        )
        return Dictionary(self.domain, pl.concat([self.table, new])) if len(new) else self


def code_type(cardinality: int) -> type[np.unsignedinteger]:
    """The smallest type that holds `cardinality` codes."""
    return np.uint8 if cardinality <= 2**8 else np.uint16 if cardinality <= 2**16 else np.uint32


def read_dictionary(domain: Domain, folder: Path) -> Dictionary:
    """The dictionary kept in `folder`; an empty one where none was written yet."""
    path = folder / FILE
    return Dictionary(domain, pl.read_parquet(path)) if path.exists() else Dictionary(domain)


def extend_dictionary(domain: Domain, folder: Path, counts: Iterable[pl.DataFrame]) -> Dictionary:
    """Add new values to the stored dictionary; safe while other processes do the same.

    Args:
        domain: the domain.
        folder: where the dictionary is kept.
        counts: frames (field, value, count) of values seen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        before = read_dictionary(domain, folder)
        after = before.extended(pl.concat(counts).group_by("field", "value").agg(pl.col("count").sum()))
        if after is not before:
            with write_file(folder / FILE) as temporary:
                after.table.write_parquet(temporary)
    return after
