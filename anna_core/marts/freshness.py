"""Which months of a source changed, and which marts are behind it.

A file is read once in its life: its months' fingerprints are kept with its size and time of change. A mart's month
keeps the fingerprint of the source rows that it was built from; where the two differ, the mart is stale.
"""

import datetime as dt
import hashlib
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, SourceError
from anna_core.marts.fingerprints import UNDATED, combine_fingerprints, hash_probe, months_of, rows_in
from anna_core.marts.mart import SOURCE_FINGERPRINT, mart_path
from anna_core.marts.places import source_files, table_path
from anna_core.months import parse_month
from anna_core.storage import write_text

FILE = "fingerprints.json"
NO_ROWS = combine_fingerprints([])  # of a month that lost all its rows


class FileFingerprint(BaseModel):
    """A source file's state when it was read, and the fingerprint of each month in it, `UNDATED` among them."""

    state: str
    months: dict[str, str]


class SourceState(BaseModel):
    """What the last observation of a source found.

    Attributes:
        listing: digest of the domain's reading rules, of the months that are kept, and of its files' names, sizes and
            times; tells cheaply that nothing changed.
        files: per file.
        months: month key → fingerprint of all its rows.
        undated: rows that have no time, or none that can be read; no mart holds them.
    """

    listing: str = ""
    files: dict[str, FileFingerprint] = {}
    months: dict[str, str] = {}
    undated: int = 0

    @property
    def rows(self) -> dict[dt.date, int]:
        """Number of rows of each month, by its first day."""
        return {parse_month(key): rows_in(fingerprint) for key, fingerprint in self.months.items()}


def read_state(folder: Path) -> SourceState:
    """The last observation kept in `folder`; an empty one where there is none."""
    path = folder / FILE
    try:
        return SourceState.model_validate_json(path.read_bytes()) if path.exists() else SourceState()
    except ValueError as error:
        raise ArtifactError(f"{path}: cannot be read; remove it, and the source is observed anew: {error}") from error


def listing(domain: Domain, home: Path, bank_zone: str, kept: str = "") -> str:
    """Digest that changes whenever the source's files, the rules to read them, or the months kept do; reads no data.

    Args:
        domain: the domain.
        home: what relative paths start at.
        bank_zone: of naive times.
        kept: names the months that are kept of it; others that come in must be observed, although no file changed.

    Raises:
        SourceError: the source is missing.
    """
    return _listing(_rules(domain, bank_zone), kept, _states(domain, home))


def _listing(rules: str, kept: str, states: dict[str, str]) -> str:
    return _digest(rules, kept, *(f"{name}\0{state}" for name, state in states.items()))


def observe(domain: Domain, home: Path, bank_zone: str, folder: Path, kept: str = "") -> SourceState:
    """Fingerprint every month of the source, reading only files that are new or changed, and keep the result.

    Arguments are as of `listing`; the result is kept in `folder`.

    Raises:
        SourceError: the source is missing or does not fit the domain.
    """
    before, rules, states = read_state(folder), _rules(domain, bank_zone), _states(domain, home)
    found = _listing(rules, kept, states)
    files = {}
    for name, file_state in states.items():
        known, state = before.files.get(name), f"{file_state} {rules}"
        if known is None or known.state != state:
            known = FileFingerprint(state=state, months=months_of(domain, home, bank_zone, [Path(name)]))
        files[name] = known
    parts: dict[str, list[str]] = {month: [] for month in (UNDATED, *before.months)}
    for file in files.values():
        for month, fingerprint in file.months.items():
            parts.setdefault(month, []).append(fingerprint)
    undated, _, _ = combine_fingerprints(parts.pop(UNDATED)).partition("-")
    months = {month: combine_fingerprints(parts[month]) for month in sorted(parts)}
    after = SourceState(listing=found, files=files, months=months, undated=int(undated))
    write_text(folder / FILE, after.model_dump_json())
    return after


def stale_months(domain: Domain, source_folder: Path, mart_folder: Path, months: list[dt.date]) -> list[dt.date]:
    """Those of the months whose mart is missing or older than what was last observed of the source."""
    observed = {parse_month(key): fingerprint for key, fingerprint in read_state(source_folder).months.items()}
    return [m for m in months if m in observed and built_from(mart_path(mart_folder, m)) != observed[m]]


def built_from(mart: Path) -> str | None:
    """Fingerprint of the source rows that a mart's file was built from; None where there is no such file."""
    if not mart.exists():
        return None
    return pl.read_parquet_metadata(mart).get(SOURCE_FINGERPRINT)


def _rules(domain: Domain, bank_zone: str) -> str:
    rules = domain.model_dump_json(include={"source", "columns", "event_key", "fields", "time_zone"})
    return _digest(rules, bank_zone, hash_probe())


def _states(domain: Domain, home: Path) -> dict[str, str]:
    if domain.source.format in ("delta", "iceberg"):
        path = str(table_path(domain, home))
        try:
            return {path: _delta_state(path) if domain.source.format == "delta" else _iceberg_state(path)}
        except ImportError as error:
            raise SourceError(
                f"domain {domain.name}: format {domain.source.format} needs more packages ({error}): "
                "pip install 'anna-platform[lakehouse]'."
            ) from error
        except (OSError, ValueError) as error:
            raise SourceError(
                f"domain {domain.name}: {path} cannot be read as a table of format {domain.source.format}: {error}"
            ) from error
    stats = {str(file): file.stat() for file in source_files(domain, home)}
    return {name: f"{stat.st_size} {stat.st_mtime_ns}" for name, stat in stats.items()}


def _delta_state(path: str) -> str:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        return f"version {DeltaTable(path).version()}"
    except DeltaError as error:
        raise ValueError(str(error)) from error


def _iceberg_state(path: str) -> str:
    from pyiceberg.table import StaticTable

    snapshot = StaticTable.from_metadata(path).current_snapshot()
    return f"snapshot {snapshot.snapshot_id if snapshot else None}"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
