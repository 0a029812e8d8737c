"""What a mart's file says of itself in its footer: what it was built from, and how many codes encoded it.

A file may be damaged, as a disk or a copy may be. One such month counts as not built, and is built anew: it must hold
up neither its domain's other months nor whoever waits for them.
"""

import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import polars as pl

from anna_core.errors import in_words

# Keys of a mart file's Parquet metadata.
_SOURCE, _CODES, _MISSING, _DAYS = "anna.source", "anna.codes", "anna.missing", "anna.days"
_KEPT = 4096  # footers: ten domains of thirty years


@dataclass(frozen=True)
class Footer:
    """What stands in a mart's footer.

    Attributes:
        source: fingerprint of the source rows that the month was built from; None if the file is damaged.
        codes: categorical field → number of codes of the dictionary that encoded the month.
        missing: field → share of the month's events without a value, 0 to 1; empty of a month without events, or where
            it was not written yet.
        days: day, such as 2024-03-18 → fingerprint of its events, of days that have some; None where it was not written
            yet, as by an older version.
        damage: why the file cannot be read; empty where it can.
    """

    source: str | None = None
    codes: dict[str, int] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    days: dict[str, str] | None = None
    damage: str = ""

    def as_metadata(self) -> dict[str, str]:
        """The footer as a file's Parquet metadata."""
        return {
            _SOURCE: self.source or "",
            _CODES: json.dumps(self.codes),
            _MISSING: json.dumps(self.missing),
            _DAYS: json.dumps(self.days),
        }


def read_footer(mart: Path) -> Footer | None:
    """The footer of a mart's file; None if there is no such file.

    A process opens each file once, as long as it stays the same: on a network share opening takes far longer than
    looking at a file's time, and many builds and looks ask for the same footers.
    """
    try:
        stat = mart.stat()
        return _read(mart, stat.st_ino, stat.st_size, stat.st_ctime_ns, stat.st_mtime_ns)
    except FileNotFoundError:
        return None
    except OSError as error:  # may pass, so it is not kept
        return Footer(damage=in_words(error))


@lru_cache(maxsize=_KEPT)
def _read(mart: Path, *_state: int) -> Footer:
    """The footer of a file in a state."""
    try:
        found = pl.read_parquet_metadata(mart)
        codes, missing = (json.loads(found.get(key, "{}")) for key in (_CODES, _MISSING))
        return Footer(found.get(_SOURCE), codes, missing, json.loads(found.get(_DAYS, "null")))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, AttributeError) as error:
        return Footer(damage=in_words(error))
