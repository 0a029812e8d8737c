"""Dictionaries: a domain's category → code tables. Append-only: a code, once given, never changes; 0 is unknown.

Each of a field's first `max_categories` values has a code of its own. When there are more, shared codes are added, and
every further value gets one of them, by its hash: its code is certain without being written down, and neither the table
nor the nets' tables of vectors grow any more.
"""

import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from filelock import FileLock

from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.marts.footer import read_footer
from anna_core.storage import write_file

DICTIONARY_FILE = "dictionary.parquet"
UNKNOWN = 0
BOOLEAN_CODES = 3  # 0 missing, 1 false, 2 true
MISSING_BOOLEAN = 0
MISSING_VALUE = "<missing>"  # a null category is a category of its own

_START_ANEW = (
    "materialize all months of mart/{domain}, and train every task again, because the codes then have other meanings."
)
_OWN_A_SHARED = 10  # for every so many codes of single values there is one shared code
_NO_VALUES = pl.Series(dtype=pl.String), np.empty(0, dtype=np.uint32)
_SCHEMA = {"field": pl.String, "value": pl.String, "code": pl.UInt32}


@dataclass(frozen=True)
class Dictionary:
    """The codes of a domain's categories.

    Attributes:
        domain: the domain.
        table: columns field, value, code; a field's codes run from 1 without gaps. The value of a shared code is null.
    """

    domain: Domain
    table: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_SCHEMA))

    @cached_property
    def cardinalities(self) -> dict[str, int]:
        """Name of each coded field → number of its codes, 0 included; it never shrinks."""
        known = dict(self.table.group_by("field").agg(pl.col("code").max() + 1).iter_rows())
        return {
            name: BOOLEAN_CODES if name in self.domain.boolean else int(known.get(name, 1))
            for name in self.domain.coded
        }

    @property
    def version(self) -> str:
        """The number of known values of each field, as text; as the table only grows, it tells versions apart."""
        sizes = self.cardinalities
        return "-".join(f"{name}:{sizes[name] - 1}" for name in self.domain.categorical) or "empty"

    @cached_property
    def shared(self) -> dict[str, range]:
        """Name of each field that has reached `max_categories` → its shared codes."""
        rows = self.table.filter(pl.col("value").is_null()).group_by("field").agg(pl.col("code").min(), pl.len())
        return {name: range(first, first + count) for name, first, count in rows.iter_rows()}

    def codes_of(self, name: str, values: pl.Series) -> np.ndarray:
        """The codes (n,) of n different values of the field `name`, in the smallest type that holds all its codes."""
        known, of_known = self._sorted.get(name, _NO_VALUES)
        codes = np.full(len(values), UNKNOWN, dtype=code_type(self.cardinalities[name]))
        if len(known):
            place = np.minimum(known.search_sorted(values).to_numpy(), len(known) - 1)
            found = (known[place] == values).to_numpy()
            codes[found] = of_known[place[found]]
        shared = self.shared.get(name)
        if shared is not None and (others := codes == UNKNOWN).any():
            codes[others] = [shared[_stable_hash(value) % len(shared)] for value in values.filter(pl.Series(others))]
        return codes

    @cached_property
    def _sorted(self) -> dict[str, tuple[pl.Series, np.ndarray]]:
        """Field → its values, ascending, and their codes: to look values up takes no pass over the table."""
        known = self.table.filter(pl.col("value").is_not_null()).sort("field", "value")
        return {
            str(part["field"][0]): (part["value"], part["code"].to_numpy())
            for part in known.partition_by("field", maintain_order=True)
        }

    def extended(self, counts: Iterable[pl.DataFrame]) -> "Dictionary":
        """A dictionary in which new values have codes as well, the most frequent first, as far as there is room.

        Args:
            counts: frames with columns field, value, count. The counts of a value that is in several frames are added;
                in a field with more values than there is room for, each value must be in one frame only.
        """
        shared, sizes = self.shared, self.cardinalities
        room = {
            name: 0 if name in shared else max(0, self.domain.max_categories - sizes[name] + 1)
            for name in self.domain.categorical
        }
        new = pl.DataFrame(schema={"field": pl.String, "value": pl.String, "count": pl.UInt32})
        limit = pl.col("field").replace_strict(room, return_dtype=pl.Int64) if room else pl.lit(0)
        place = pl.int_range(pl.len()).over("field")
        for part in counts:
            unknown = part.filter(~pl.col("field").is_in(list(shared))).join(
                self.table, on=["field", "value"], how="anti"
            )
            unknown = _before(unknown, new.filter(place == limit))
            ranked = pl.concat([new, unknown]).group_by("field", "value").agg(pl.col("count").sum())
            ranked = ranked.sort("field", "count", "value", descending=[False, True, False])
            new = ranked.filter(place <= limit)  # one more than there is room for, as a sign that there is none left
        if new.is_empty():
            return self
        first = pl.col("field").replace_strict(sizes, return_dtype=pl.UInt32)
        fitting = new.filter(place < limit).select("field", "value", code=(place + first).cast(pl.UInt32))
        full = new.filter(place == limit)["field"].to_list()
        return Dictionary(self.domain, pl.concat([self.table, fitting, *(self._sharing(name, room) for name in full)]))

    def _sharing(self, name: str, room: dict[str, int]) -> pl.DataFrame:
        """The rows of the table for the shared codes of a full field."""
        first = self.cardinalities[name] + room[name]
        count = max(1, self.domain.max_categories // _OWN_A_SHARED)
        codes = pl.int_range(first, first + count, dtype=pl.UInt32, eager=True)
        return codes.to_frame("code").select(field=pl.lit(name), value=pl.lit(None, pl.String), code="code")


def _before(counts: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """Of `counts`, the values that are not behind their field's row in `last`; all others need not be sorted."""
    if last.is_empty():
        return counts
    count, value = pl.col("count"), pl.col("value")
    both = counts.join(last, on="field", how="left", suffix=" last")
    before = (count > pl.col("count last")) | ((count == pl.col("count last")) & (value <= pl.col("value last")))
    return both.filter(before | pl.col("count last").is_null()).select(counts.columns)


def _stable_hash(value: str) -> int:
    """A hash that is the same in every release of every library; otherwise codes would change."""
    return zlib.crc32(value.encode())


def code_type(cardinality: int) -> type[np.unsignedinteger]:
    """The smallest unsigned integer type that holds `cardinality` codes."""
    return np.uint8 if cardinality <= 2**8 else np.uint16 if cardinality <= 2**16 else np.uint32


def read_dictionary(domain: Domain, folder: Path, marts: Iterable[Path] = ()) -> Dictionary:
    """Read the dictionary kept in a folder; an empty one if none was written yet.

    Args:
        domain: the domain.
        folder: where the dictionary is kept.
        marts: files that were encoded with it, as far as they are there; with another they would mean something else.
            Damaged ones are passed over, with a warning.

    Raises:
        ArtifactError: the dictionary is damaged, or a mart has codes that it lacks.
    """
    path = folder / DICTIONARY_FILE
    used = _most_codes(domain, marts)  # first: whoever builds a mart meanwhile writes the dictionary before
    try:
        table = pl.read_parquet(path, schema=_SCHEMA, glob=False) if path.exists() else None
        found = Dictionary(domain) if table is None else Dictionary(domain, table)
    except pl.exceptions.PolarsError as error:
        raise ArtifactError(
            f"domain {domain.name}: the dictionary {path} is damaged ({error}). Put back the newest copy. If there is "
            f"none, remove it and the months of mart/{domain.name} in the storage, "
            f"{_START_ANEW.format(domain=domain.name)}"
        ) from error
    sizes = found.cardinalities
    for name, (count, mart) in used.items():
        if count > sizes[name]:
            raise ArtifactError(
                f"domain {domain.name}: the dictionary {path} lacks codes of {name} that {mart} was written with (it "
                f"has {sizes[name] - 1:,} of {count - 1:,}): it was lost, or is an older copy. Put back the newest "
                f"copy. If there is none, remove {mart.parents[1]}, {_START_ANEW.format(domain=domain.name)}"
            )
    return found


def _most_codes(domain: Domain, marts: Iterable[Path]) -> dict[str, tuple[int, Path]]:
    """Categorical field → the most codes that a dictionary of these marts had, and which mart's that was."""
    most: dict[str, tuple[int, Path]] = {}
    for mart in marts:
        footer = read_footer(mart)
        if footer is None:
            continue
        if footer.damage:
            logging.getLogger(__name__).warning(
                "domain %s: %s is damaged, and counts as not built: %s", domain.name, mart, footer.damage
            )
        for name in domain.categorical:
            if footer.codes.get(name, 0) > most.get(name, (0, mart))[0]:
                most[name] = footer.codes[name], mart
    return most


def extend_dictionary(domain: Domain, folder: Path, counts: Iterable[pl.DataFrame]) -> Dictionary:
    """Add new values to the stored dictionary, and return it; other processes may do so at the same time.

    Args:
        domain: the domain.
        folder: the folder that stores the dictionary.
        counts: as of `Dictionary.extended`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        before = read_dictionary(domain, folder)
        after = before.extended(counts)
        if after is not before:
            with write_file(folder / DICTIONARY_FILE) as temporary:
                after.table.write_parquet(temporary)
    return after
