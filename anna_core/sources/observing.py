"""Observing a source: which of its months have changed.

Each file is read once, as long as it does not change: the fingerprints of its months are stored with its size and its
time of modification, even if the observation is then refused because of another file.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from filelock import FileLock

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.blank_records import BLANK
from anna_core.sources.copies import copies, told_copies, told_months, with_months_once
from anna_core.sources.digests import listing_of, rules_of
from anna_core.sources.door import open_door
from anna_core.sources.faults import Fault, as_header
from anna_core.sources.kept_surveys import keep_survey, kept_survey, sweep_surveys
from anna_core.sources.layouts import columns_that_count, file_schema, has_rows
from anna_core.sources.left_aside import most_of, too_many_of_file
from anna_core.sources.looking import WRITTEN, changed, look
from anna_core.sources.moved_days import refuse_moved_days
from anna_core.sources.notes import notes
from anna_core.sources.observed_months import KEYS, key_name, key_runs, months_of, sweep_keys
from anna_core.sources.same_faults import told_once
from anna_core.sources.source import Source
from anna_core.sources.source_state import STATE_FILE, ReadFile, SourceState, read_state
from anna_core.sources.survey import UNDATED, survey
from anna_core.sources.tables import open_table, source_tables
from anna_core.sources.version_units import refuse_several_units
from anna_core.storage import write_text

_TOLD = 10  # faults of refused files in one message


def observe(source: Source, folder: Path, calendar: str, memory: int, built: Iterable[dt.date]) -> SourceState:
    """Fingerprint every month of the source, reading only files that are new or changed, and store the result.

    If this ends early, because a file is refused or the process dies, the last result stays, and the files that were
    read completely will not be read again.

    Args:
        source: the source.
        folder: the folder that stores the result.
        calendar: as of `anna_core.sources.digests.listing`.
        memory: bytes to work with.
        built: first days of the months that have a mart; those that the source no longer has are observed as empty,
            even if the last observation, which knew of them, was lost.

    Raises:
        SourceError: the source is missing or does not fit the domain; the first ten faults are told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # otherwise one of two would remove what the other has just written
        return _observe(source, folder, calendar, memory, built)


def _observe(source: Source, folder: Path, calendar: str, memory: int, built: Iterable[dt.date]) -> SourceState:
    domain, before, rules = source.domain, read_state(folder), rules_of(source)
    found = look(source, before)
    files, wrong, torn = _read_files(_Reading(source, folder, rules, memory), before, found.states)
    refused = told_once(wrong)
    try:
        refuse_moved_days(domain, {name: file.survey.moved_days for name, file in files.items()})
        refuse_several_units(domain, {name: file.survey.versions for name, file in files.items()}, source.left_aside)
    except SourceError as error:
        refused.append(str(error))
    if files and not refused and not any(file.survey.rows for file in files.values()):
        for table in source_tables(source, [Path(name) for name in files]):  # then their types are all there is
            open_table(source, table)
    if refused:
        may_serve = {key_name(name, state, rules) for name, state in found.states.items()}
        sweep_surveys(folder, may_serve)
        sweep_keys(folder, may_serve | _key_names(before.files))
        raise _refusal(domain, refused, len(wrong))
    states = {name: file.state for name, file in files.items()}
    same, doubled = dict[str, str](), dict[str, ReadFile]()
    if not domain.event_key and domain.source.copies == "once":  # a key would tell events that come twice
        same = copies(files, before.files)
        doubled = {name: files.pop(name) for name in same}
        files = with_months_once(files, before.files)
    once = {*before.months, *(month.isoformat() for month in built)}
    months = months_of(domain, once, files, folder, memory)
    after = SourceState(
        listing=listing_of(source, calendar, states, found.unread),
        files=files,
        copies=doubled,
        months=months,
        unread=found.unread | found.hidden | found.unsettled | torn | told_copies(same, source.path),
        notes=notes(domain, files) + told_months(files, source.path),
    )
    write_text(folder / STATE_FILE, after.model_dump_json())
    sweep_surveys(folder, set())  # before the identities that belong to them
    sweep_keys(folder, _key_names(files))
    return after


def mark_told(folder: Path, state: SourceState) -> None:
    """Keep that all that hangs on an observation was told of it, unless another one has replaced it meanwhile.

    Until then the source is to be observed once more, whatever became of whoever was to tell.
    """
    with FileLock(folder / ".lock"):
        if read_state(folder) == state:
            write_text(folder / STATE_FILE, state.model_copy(update={"told": True}).model_dump_json())


@dataclass(frozen=True)
class _Reading:
    """How an observation reads files.

    Attributes:
        source: whose files they are.
        folder: the folder that stores what is read.
        rules: digest of the rules, as of `rules_of`.
        memory: bytes to work with.
    """

    source: Source
    folder: Path
    rules: str
    memory: int

    def done(self, before: SourceState, states: dict[str, str]) -> tuple[dict[str, ReadFile], set[str]]:
        """What was read of files in these states by these rules, by the last observation or by one that ended early.

        Also the names of files that were read, but that the setting `left_aside`, lowered since, refuses by now: these
        are to be read again, to be told with their rows.
        """
        found, refused, runs, dated = {}, set[str](), key_runs(self.folder), _dated_faults(self.source)
        for name, state in states.items():
            known = before.known.get(name)
            if known is None or (known.state, known.rules) != (state, self.rules):
                kept = kept_survey(self.folder, name, state, self.rules)
                known = ReadFile(state=state, rules=self.rules, survey=kept) if kept is not None else None
            stored = runs.get(key_name(name, state, self.rules), [])
            if known is not None and _is_refused(self.source, known, dated):
                refused.add(name)
                continue
            # Without the identities of its events, which may be lost, nobody knows which of them come again elsewhere.
            if known is not None and len(stored) == known.survey.runs:
                found[name] = known
                continue
            for path in stored:  # by a reading that broke off, and may have divided them otherwise
                path.unlink(missing_ok=True)
        return found, refused

    def read(self, name: str, state: str, columns: frozenset[str], *, told_alone: bool) -> ReadFile | None:
        """Survey a file in a state, and keep what was found; None if it changed meanwhile.

        With `told_alone` the file was read before, and is read again only to tell why it is refused. Its stored
        identities stay as they are: they serve again once it is no longer refused, and must not be mixed with another
        reading's.
        """
        domain, keys = self.source.domain, None
        if domain.event_key and not told_alone:
            keys = self.folder / KEYS / key_name(name, state, self.rules)
        try:
            read = survey(self.source, Path(name), state, keys, self.memory, columns)
        except SourceError:
            if changed(domain, name, state):
                return None  # that something is wrong with half a file is no news
            raise
        if told_alone or changed(domain, name, state):
            return None  # what was read may be a mixture of both states
        keep_survey(self.folder, name, state, self.rules, read)
        return ReadFile(state=state, rules=self.rules, survey=read)


def _read_files(
    reading: _Reading, before: SourceState, states: dict[str, str]
) -> tuple[dict[str, ReadFile], list[tuple[Path, str]], dict[str, str]]:
    """Read the files that are new or changed.

    Returns:
        Name of each file → what it holds, or held when it was last observed, where it is being written; what is wrong
        with those that are refused; and name of each that is being written → that it is.
    """
    domain = reading.source.domain
    done, known_refused = reading.done(before, states)
    columns = columns_that_count(_layouts(domain, states, done))
    if not columns.issuperset(domain.source_columns):
        done = {}  # read while another file, gone by now, had the column: they are refused as they would be anew
    files, wrong, torn = {}, list[tuple[Path, str]](), dict[str, str]()
    for name, state in states.items():
        file = done.get(name)
        if file is None:
            try:
                file = reading.read(name, state, columns, told_alone=name in known_refused)
            except SourceError as error:
                wrong.append((Path(name), str(error)))
                continue
        if file is None:
            torn[name] = WRITTEN
            file = before.known.get(name)
        if file is not None:
            files[name] = file
    return files, wrong, torn


def _dated_faults(source: Source) -> list[Fault]:
    """What can be wrong with rows that belong to a month, whatever the files' types are."""
    texts = pl.Schema(dict.fromkeys(source.domain.source_columns, pl.String()))
    return open_door(source.domain, pl.LazyFrame(schema=texts), texts, source.bank_zone, source.path).dated


def _is_refused(source: Source, file: ReadFile, dated: list[Fault]) -> bool:
    """Whether a file that was read is refused as `left_aside` is now, as `survey` would."""
    left, share = [Counter(found) for found in file.survey.left.values()], source.left_aside
    rows = file.survey.rows - sum(found[BLANK] for found in left)
    if _unusable(source.domain, file) > most_of(rows, share):
        return True
    return bool(too_many_of_file(left, dated, rows, share, file.survey.values))


def _unusable(domain: Domain, file: ReadFile) -> int:
    """Number of a file's rows that belong to no month, but should."""
    left = file.survey.left.get(UNDATED, {})
    return file.survey.undated - sum(left.get(reason, 0) for reason in (as_header(domain.columns.event_time), BLANK))


def _key_names(files: dict[str, ReadFile]) -> set[str]:
    return {key_name(name, file.state, file.rules) for name, file in files.items()}


def _layouts(
    domain: Domain, states: dict[str, str], done: dict[str, ReadFile]
) -> Iterator[tuple[Collection[str], bool]]:
    """Yield the columns of each file, and whether it has rows. Only files that are still to be read are opened."""
    for name in states:
        if file := done.get(name):
            yield file.survey.kinds, file.survey.rows > 0
        elif not domain.source.is_lake:
            try:
                yield file_schema(domain, Path(name)), has_rows(domain, Path(name))
            except SourceError:
                yield domain.source_columns, True  # what it has is not known; its survey refuses it


def _refusal(domain: Domain, refused: list[str], files: int) -> SourceError:
    if len(refused) == 1:
        return SourceError(refused[0])
    more = f"\n- and {len(refused) - _TOLD:,} more" if len(refused) > _TOLD else ""
    lines = "\n- ".join(refused[:_TOLD])
    return SourceError(f"domain {domain.name}: {max(files, len(refused)):,} files are refused:\n- {lines}{more}")
