"""Which months of a source changed, and which marts are behind it.

A file is read once in its life: its months' fingerprints are kept with its size and time of change. A mart's month
keeps the fingerprint of the source rows that it was built from; where the two differ, the mart is stale.
"""

import datetime as dt
import hashlib
import os
import time
from collections import Counter
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, SourceError
from anna_core.marts.corrections import Corrections, find_corrections, write_corrections
from anna_core.marts.files import SourceFiles, source_files
from anna_core.marts.fingerprints import combine_fingerprints, hash_probe, shifted_fingerprint
from anna_core.marts.lakes import LAKES, lake_state
from anna_core.marts.left_aside import MOST_LEFT_ASIDE
from anna_core.marts.mart import SOURCE_FINGERPRINT, mart_path
from anna_core.marts.memory import DEFAULT_MEMORY
from anna_core.marts.source import file_schema
from anna_core.marts.survey import UNDATED, FileSurvey, month_key, survey
from anna_core.months import parse_month
from anna_core.storage import write_text

FILE = "fingerprints.json"
KEYS = "keys"  # folder of events' identities, by file
NO_ROWS = combine_fingerprints([])  # of a month that lost all its rows
_DOOR = "2"  # changes whenever the same files would be read as other rows than before
_TOLD = 10  # refused files in one message
_WRITTEN = "is still being written"


class FileState(BaseModel):
    """A file as it was when it was read, the rules by which, and what it holds."""

    state: str
    rules: str
    survey: FileSurvey


class SourceState(BaseModel):
    """What the last observation of a source found.

    Attributes:
        listing: digest of the domain's reading rules, of the months that are kept, and of its files' names, sizes and
            times; tells cheaply that nothing changed.
        files: per file.
        months: month key → fingerprint of all its rows.
        unread: what lies beside the files and is not read → why.
        notes: what differs between the files.
    """

    listing: str = ""
    files: dict[str, FileState] = {}
    months: dict[str, str] = {}
    unread: dict[str, str] = {}
    notes: list[str] = []

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.survey.rows for file in self.files.values())

    @property
    def undated(self) -> int:
        """Rows that belong to no month; no mart holds them."""
        return sum(int(file.survey.months.get(UNDATED, NO_ROWS).split("-")[0]) for file in self.files.values())

    def left(self, month: str | None = None) -> dict[str, int]:
        """Reason → rows of a month, or of no month and all months, of which a mart holds not all."""
        counts: Counter[str] = Counter()
        for file in self.files.values():
            for key, found in file.survey.left.items():
                if month in (None, key):
                    counts.update(found)
        return dict(counts)

    def examples(self) -> dict[str, list[str]]:
        """Reason → where it was met first, of the first file that has it."""
        found: dict[str, list[str]] = {}
        for file in self.files.values():
            found = file.survey.examples | found
        return found


def read_state(folder: Path) -> SourceState:
    """The last observation kept in `folder`; an empty one where there is none."""
    path = folder / FILE
    try:
        return SourceState.model_validate_json(path.read_bytes()) if path.exists() else SourceState()
    except ValueError as error:
        raise ArtifactError(f"{path}: cannot be read; remove it, and the source is observed anew: {error}") from error


def listing(
    domain: Domain,
    home: Path,
    bank_zone: str,
    kept: str = "",
    settle: float = 0.0,
    before: SourceState | None = None,
) -> str:
    """Digest that changes whenever the source's files, the rules to read them, or the months kept do; reads no data.

    Args:
        domain: the domain.
        home: what relative paths start at.
        bank_zone: of naive times.
        kept: names the months that are kept of it; others that come in must be observed, although no file changed.
        settle: seconds for which a file must not have changed; until then it counts as it was before.
        before: what was last observed; needed with `settle`.

    Raises:
        SourceError: the source is missing.
    """
    found = _look(domain, home, settle, before or SourceState())
    return _listing(_rules(domain, bank_zone), kept, found.states, found.unread)


def observe(
    domain: Domain,
    home: Path,
    bank_zone: str,
    folder: Path,
    kept: str = "",
    settle: float = 0.0,
    share: float = MOST_LEFT_ASIDE,
    memory: int = DEFAULT_MEMORY,
) -> SourceState:
    """Fingerprint every month of the source, reading only files that are new or changed, and keep the result.

    Args:
        domain: the domain.
        home: ANNA_HOME.
        bank_zone: the bank's time zone.
        folder: where the result is kept.
        kept: as of `listing`.
        settle: as of `listing`.
        share: of a file's rows that may belong to no month.
        memory: bytes to work with.

    Raises:
        SourceError: the source is missing or does not fit the domain; every file that does not is named.
    """
    before, rules = read_state(folder), _rules(domain, bank_zone)
    found = _look(domain, home, settle, before)
    columns = _columns(domain, found.states)
    files, refused, torn = {}, [], dict[str, str]()
    for name, state in found.states.items():
        known = before.files.get(name)
        if known is None or (known.state, known.rules) != (state, rules):
            keys = folder / KEYS / _digest(name, state, rules) if domain.event_key else None
            try:
                read = survey(domain, home, bank_zone, Path(name), keys, share, memory, columns)
            except SourceError as error:
                refused.append(str(error))
                continue
            if _changed(domain, name, state):
                torn[name] = _WRITTEN  # what was read may be half of each
                if known is None:
                    continue
            else:
                known = FileState(state=state, rules=rules, survey=read)
        files[name] = known
    if refused:
        raise _refusal(domain, refused)
    states = {name: file.state for name, file in files.items()}
    months = _months(domain, before, files, folder, memory)
    after = SourceState(
        listing=_listing(rules, kept, states, found.unread),
        files=files,
        months=months,
        unread=found.unread | found.hidden | found.unsettled | torn,
        notes=_differences(domain, files),
    )
    write_text(folder / FILE, after.model_dump_json())
    _sweep_keys(folder, files)
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


class _Found(BaseModel):
    """What lies at a source's place: state of each file to be read, by name, and the reasons of all others."""

    states: dict[str, str]
    unread: dict[str, str] = {}
    hidden: dict[str, str] = {}
    unsettled: dict[str, str] = {}


def _look(domain: Domain, home: Path, settle: float, before: SourceState) -> _Found:
    if domain.source.format in LAKES:
        name, state = lake_state(domain, home)
        return _Found(states={name: state})
    files: SourceFiles = source_files(domain, home)
    found = _Found(states={}, unread=files.unread, hidden=files.hidden)
    now = time.time()
    for file in files.read:
        name = str(file)
        try:
            stat = file.stat()
        except FileNotFoundError:
            continue  # its writer has just moved it
        # A copy may keep the time of the original, but not that at which it was itself changed. A file that lies as
        # far in the future has a clock of its own; it is read, and once more should it change meanwhile.
        if abs(now - max(stat.st_mtime, stat.st_ctime)) >= settle:
            found.states[name] = _state(stat)
            continue
        known = before.files.get(name)
        if known is None or known.state != _state(stat):
            found.unsettled[name] = _WRITTEN
        if known is not None:
            found.states[name] = known.state
    return found


def _state(stat: os.stat_result) -> str:
    return f"{stat.st_size} {stat.st_mtime_ns}"


def _changed(domain: Domain, name: str, state: str) -> bool:
    if domain.source.format in LAKES:
        return False  # a version of a table never changes
    try:
        return _state(Path(name).stat()) != state
    except FileNotFoundError:
        return True


def _columns(domain: Domain, states: dict[str, str]) -> frozenset[str]:
    """Columns that any file of the source has."""
    if domain.source.format in LAKES:
        return frozenset()
    have: set[str] = set()
    for name in states:
        try:
            have.update(file_schema(domain, Path(name)))
        except SourceError:
            continue  # its survey tells what is wrong with it
    return frozenset(have)


def _months(
    domain: Domain, before: SourceState, files: dict[str, FileState], folder: Path, memory: int
) -> dict[str, str]:
    """Fingerprint of every month, of those that lost all rows, too; keeps the corrections beside the state."""
    parts: dict[str, list[str]] = {month: [] for month in before.months}
    for file in files.values():
        for month, fingerprint in file.survey.months.items():
            if month != UNDATED:
                parts.setdefault(month, []).append(fingerprint)
    corrected: dict[str, Corrections] = {}
    if domain.event_key:
        order = sorted(files, key=lambda name: (_modified(files[name]), name))  # as `winning_order` has it
        runs = [(name, _key_runs(folder, name, files[name])) for name in order]
        corrected = {month_key(number): part for number, part in find_corrections(runs, memory).items()}
        write_corrections(folder, corrected)
    return {
        month: shifted_fingerprint(combine_fingerprints(parts[month]), corrected.get(month, Corrections()).digest)
        for month in sorted(parts)
    }


def _modified(file: FileState) -> int:
    """When a file was modified, in nanoseconds, by its state; a lake's table is one file."""
    return int(file.state.rpartition(" ")[2])


def _key_runs(folder: Path, name: str, file: FileState) -> list[Path]:
    return sorted((folder / KEYS).glob(f"{_digest(name, file.state, file.rules)}-*.npy"))


def _sweep_keys(folder: Path, files: dict[str, FileState]) -> None:
    """Remove the identities of files that are gone or changed."""
    if not (folder / KEYS).is_dir():
        return
    kept = {_digest(name, file.state, file.rules) for name, file in files.items()}
    for path in (folder / KEYS).glob("*.npy"):
        if path.name.partition("-")[0] not in kept:
            path.unlink(missing_ok=True)


def _differences(domain: Domain, files: dict[str, FileState]) -> list[str]:
    """What is told of columns that files store in several types, or that some files lack."""
    notes = []
    for column in domain.source_columns:
        kinds: dict[str, list[str]] = {}
        for name, file in files.items():
            kinds.setdefault(file.survey.kinds.get(column, "missing"), []).append(Path(name).name)
        if len(kinds) > 1:
            told = [f"{kind} in {_some(names)}" for kind, names in kinds.items()]
            notes.append(f"column '{column}' differs between files: {', '.join(told)}")
    return notes


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"


def _refusal(domain: Domain, refused: list[str]) -> SourceError:
    if len(refused) == 1:
        return SourceError(refused[0])
    more = f"\n- and {len(refused) - _TOLD:,} more" if len(refused) > _TOLD else ""
    lines = "\n- ".join(refused[:_TOLD])
    return SourceError(f"domain {domain.name}: {len(refused):,} files are refused:\n- {lines}{more}")


def _listing(rules: str, kept: str, states: dict[str, str], unread: dict[str, str]) -> str:
    return _digest(rules, kept, *(f"{name}\0{state}" for name, state in sorted(states.items())), *sorted(unread))


def _rules(domain: Domain, bank_zone: str) -> str:
    rules = domain.model_dump_json(include={"source", "columns", "event_key", "version", "fields", "time_zone"})
    return _digest(rules, bank_zone, hash_probe(), _DOOR)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
