"""Marts: a month of a domain's events, typed, de-duplicated, encoded and sorted.

The source is read once, in pieces that fit into memory (`pieces.py`); each is sorted (`runs.py`). Once the month's
categories are known, the dictionary is extended, and the sorted runs are merged (`merge.py`) and written (`output.py`)
one range of clients after another. A month that fits into memory is one piece and one range.
"""

import datetime as dt
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.marts.dictionary import Dictionary, extend_dictionary
from anna_core.marts.fingerprints import write_fingerprint
from anna_core.marts.memory import DEFAULT_MEMORY, events_within
from anna_core.marts.merge import code_tables, content_hash, merge
from anna_core.marts.output import MartWriter
from anna_core.marts.pieces import read_pieces
from anna_core.marts.reading import reading
from anna_core.marts.runs import Run, client_ranges
from anna_core.months import month_bounds, parse_month
from anna_core.storage import write_file

MART_FILE = "events.parquet"
SOURCE_FINGERPRINT = "anna.source"  # key of a mart file's Parquet metadata
MOST_ANONYMOUS = 0.1  # share of rows without a client above which a month is surely broken
_BYTES, _FIELD_BYTES = 200, 40  # of an event in work, and of each field and key column; measured, with all copies


@dataclass(frozen=True)
class MartMonth:
    """What one build of a mart's month found.

    Attributes:
        rows: events written.
        clients: different clients among them.
        source_rows: rows that the source has for the month.
        repeated: rows dropped because their client has an event of the same key already.
        anonymous: rows dropped for having no client.
        missing: numeric field → share of events without a value.
        dictionary: the dictionary that encoded it.
        data_version: digest of the content.
        source_version: fingerprint of the source rows that it was built from.
    """

    rows: int
    clients: int
    source_rows: int
    repeated: int
    anonymous: int
    missing: dict[str, float]
    dictionary: Dictionary
    data_version: str
    source_version: str


def mart_path(folder: Path, month: dt.date) -> Path:
    """File of a mart's month under the domain's folder, `month=2024-03/events.parquet`."""
    return folder / f"month={month:%Y-%m}" / MART_FILE


def built_months(folder: Path) -> dict[dt.date, Path]:
    """The months of a mart that were built, in their order, and their files."""
    files = folder.glob(f"month=*/{MART_FILE}")
    return dict(sorted((parse_month(file.parent.name.removeprefix("month=")), file) for file in files))


def build_mart(
    domain: Domain,
    month: dt.date,
    home: Path,
    bank_zone: str,
    mart_folder: Path,
    dictionary_folder: Path,
    memory: int = DEFAULT_MEMORY,
) -> MartMonth:
    """Build one month of a mart from the source, extending the dictionary by what is new.

    Args:
        domain: the domain.
        month: its first day.
        home: ANNA_HOME.
        bank_zone: the bank's time zone.
        mart_folder: where the domain's months are kept.
        dictionary_folder: where its dictionary is kept.
        memory: bytes to work with; the result does not depend on it.

    Raises:
        SourceError: the source cannot be read as the domain says, or too many rows have no client; the mart is then
            left as it was.
    """
    path = mart_path(mart_folder, month)
    most = events_within(memory, _BYTES + _FIELD_BYTES * (len(domain.fields) + len(domain.event_key)))
    with write_file(path) as temporary, tempfile.TemporaryDirectory(dir=path.parent, prefix=".tmp-") as spill:
        with reading(domain):
            found = _read(domain, month, home, bank_zone, most, Path(spill))
        _refuse_anonymous(domain, month, found.rows, found.anonymous)
        dictionary = extend_dictionary(domain, dictionary_folder, found.counts)
        source_version = write_fingerprint(found.rows, found.hash)
        return _write(domain, month, found, dictionary, source_version, most, temporary)


@dataclass
class _Found:
    """A month of the source: its events as sorted runs, and what was counted on the way."""

    runs: list[Run] = field(default_factory=list)
    counts: list[pl.DataFrame] = field(default_factory=list)
    rows: int = 0
    anonymous: int = 0
    hash: int = 0


def _read(domain: Domain, month: dt.date, home: Path, bank_zone: str, most: int, spill: Path) -> _Found:
    found, held = _Found(), None
    for number, piece in enumerate(read_pieces(domain, month, home, bank_zone, most)):
        if held is not None:  # there is more than one piece: only the last stays in memory
            found.runs.append(held.on_disk(spill / str(number)))
        held = piece.run
        found.counts = [_summed([*found.counts, piece.counts])]
        found.rows += piece.rows
        found.anonymous += piece.anonymous
        found.hash += piece.hash
    assert held is not None  # a month without rows is a piece, too
    found.runs.append(held)
    return found


def _summed(counts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(counts).group_by("field", "value").agg(pl.col("count").sum())


def _write(
    domain: Domain, month: dt.date, found: _Found, dictionary: Dictionary, source_version: str, most: int, path: Path
) -> MartMonth:
    first, _ = month_bounds(month)
    writer = MartWriter(path, domain)
    rows = clients = repeated = digest = 0
    missing = dict.fromkeys(domain.numeric, 0)
    codes = [code_tables(run, dictionary) for run in found.runs]
    for runs in client_ranges(found.runs, most):
        part = merge(runs, codes, domain, first)
        writer.add(part)
        rows, clients, repeated = rows + len(part.place), clients + len(part.clients), repeated + part.repeated
        digest += content_hash(part)
        for name in missing:
            missing[name] += part.events[name].null_count()
    writer.close({SOURCE_FINGERPRINT: source_version})
    return MartMonth(
        rows=rows,
        clients=clients,
        source_rows=found.rows,
        repeated=repeated,
        anonymous=found.anonymous,
        missing={name: count / rows if rows else 0.0 for name, count in missing.items()},
        dictionary=dictionary,
        data_version=write_fingerprint(rows, digest),
        source_version=source_version,
    )


def _refuse_anonymous(domain: Domain, month: dt.date, rows: int, anonymous: int) -> None:
    if anonymous > MOST_ANONYMOUS * rows:
        raise SourceError(
            f"domain {domain.name}, {month:%Y-%m}: {anonymous:,} of {rows:,} rows have no "
            f"'{domain.columns.client_id}'; at most {MOST_ANONYMOUS:.0%} may. The mart is left as it was; mend the "
            "source."
        )
