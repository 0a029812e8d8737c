"""Observing a source: which of its months have changed.

Each file is read once, as long as it does not change: the fingerprints of its months are stored with its size and its
time of modification, even if the observation is then refused because of another file.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from os.path import relpath
from pathlib import Path

from filelock import FileLock

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.sources.copies import copies, told_months, with_months_once
from anna_core.sources.door import as_header
from anna_core.sources.fingerprints import hash_probe
from anna_core.sources.kept_surveys import keep_survey, kept_survey, sweep_surveys
from anna_core.sources.layouts import file_schema, has_rows
from anna_core.sources.left_aside import most_of
from anna_core.sources.looking import WRITTEN, changed, look
from anna_core.sources.moved_days import refuse_moved_days
from anna_core.sources.notes import notes
from anna_core.sources.observed_months import KEYS, key_name, key_runs, months_of, sweep_keys
from anna_core.sources.source import Source
from anna_core.sources.source_state import STATE_FILE, ReadFile, SourceState, read_state
from anna_core.sources.survey import UNDATED, survey
from anna_core.sources.tables import open_table, source_tables
from anna_core.sources.version_units import refuse_several_units
from anna_core.storage import write_text

_DOOR = "11"  # changes whenever the same files would be read as other rows than before
_TOLD = 10  # refused files named in one message


def listing(source: Source, calendar: str, before: SourceState) -> str:
    """A digest that changes with the source's files, the rules for reading them and the months kept; reads no data.

    Args:
        source: the source.
        calendar: a text that changes with the months that the deployment keeps; if these become others, the source
            must be observed again although no file has changed.
        before: the last observation, as which files count that are still being written.

    Raises:
        SourceError: the source is missing.
    """
    found = look(source, before)
    return _listing(source, calendar, found.states, found.unread)


def what_changed(source: Source, before: SourceState) -> str:
    """Why `listing` differs from that of the last observation, in words for people; reads no data.

    Raises:
        SourceError: the source is missing.
    """
    found = look(source, before)
    here = found.states | found.unread | found.hidden | found.unsettled
    states = {name: file.state for name, file in before.known.items()}
    if found.states != states or here.keys() != before.known.keys() | before.unread.keys():
        return "its files changed"
    if any(file.rules != _rules(source) for file in before.known.values()):
        return "the rules by which it is read changed"
    return "the months that are kept, `left_aside` or `copies` are others now"


def observe(source: Source, folder: Path, calendar: str, memory: int, built: Iterable[dt.date]) -> SourceState:
    """Fingerprint every month of the source, reading only files that are new or changed, and store the result.

    If this ends early, because a file is refused or the process dies, the last result stays, and the files that were
    read completely will not be read again.

    Args:
        source: the source.
        folder: the folder that stores the result.
        calendar: as of `listing`.
        memory: bytes to work with.
        built: first days of the months that have a mart; those that the source no longer has are observed as empty,
            even if the last observation, which knew of them, was lost.

    Raises:
        SourceError: the source is missing or does not fit the domain; the first ten files that do not are named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):  # otherwise one of two would remove what the other has just written
        return _observe(source, folder, calendar, memory, built)


def _observe(source: Source, folder: Path, calendar: str, memory: int, built: Iterable[dt.date]) -> SourceState:
    domain, before, rules = source.domain, read_state(folder), _rules(source)
    found = look(source, before)
    done, known_refused = _surveyed(source, folder, before, found.states, rules)
    columns = _columns(domain, found.states, done)
    if not columns.issuperset(domain.source_columns):
        done = {}  # read while another file, gone by now, had the column: they are refused as they would be anew
    files, refused, torn = {}, [], dict[str, str]()
    for name, state in found.states.items():
        file = done.get(name)
        if file is None:
            try:
                told = name in known_refused
                file = _survey(source, folder, name, state, rules, memory, columns, told_alone=told)
            except SourceError as error:
                refused.append(str(error))
                continue
        if file is None:
            torn[name] = WRITTEN
            file = before.known.get(name)
        if file is not None:
            files[name] = file
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
        raise _refusal(domain, refused)
    states = {name: file.state for name, file in files.items()}
    same, doubled = dict[str, str](), dict[str, ReadFile]()
    if not domain.event_key and domain.source.copies == "once":  # a key would tell events that come twice
        same = copies(files, before.files)
        doubled = {name: files.pop(name) for name in same}
        files = with_months_once(files, before.files)
    once = {*before.months, *(month.isoformat() for month in built)}
    months = months_of(domain, once, files, folder, memory)
    after = SourceState(
        listing=_listing(source, calendar, states, found.unread),
        files=files,
        copies=doubled,
        months=months,
        unread=found.unread | found.hidden | found.unsettled | torn | _same_rows(source, same),
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


def _surveyed(
    source: Source, folder: Path, before: SourceState, states: dict[str, str], rules: str
) -> tuple[dict[str, ReadFile], set[str]]:
    """What was read of files in these states by these rules, by the last observation or by one that ended early.

    Also the names of files that were read, but that the setting `left_aside`, lowered since, refuses by now: these are
    to be read again, to be told with their rows.
    """
    found, refused, runs = {}, set[str](), key_runs(folder)
    for name, state in states.items():
        known = before.known.get(name)
        if known is None or (known.state, known.rules) != (state, rules):
            kept = kept_survey(folder, name, state, rules)
            known = ReadFile(state=state, rules=rules, survey=kept) if kept is not None else None
        stored = runs.get(key_name(name, state, rules), [])
        if known is not None and _unusable(source.domain, known) > most_of(known.survey.rows, source.left_aside):
            refused.add(name)
            continue
        # Without the identities of its events, which may be lost, nobody knows which of them come again elsewhere.
        if known is not None and len(stored) == known.survey.runs:
            found[name] = known
            continue
        for path in stored:  # by a reading that broke off, and may have divided them otherwise
            path.unlink(missing_ok=True)
    return found, refused


def _unusable(domain: Domain, file: ReadFile) -> int:
    """Number of a file's rows that belong to no month, but should."""
    headers = file.survey.left.get(UNDATED, {}).get(as_header(domain.columns.event_time), 0)
    return file.survey.undated - headers


def _survey(
    source: Source,
    folder: Path,
    name: str,
    state: str,
    rules: str,
    memory: int,
    columns: frozenset[str],
    *,
    told_alone: bool,
) -> ReadFile | None:
    """Survey a file in a state, and keep what was found; None if it changed meanwhile.

    With `told_alone` the file was read before, and is read again only to tell why it is refused. Its stored identities
    stay as they are: they serve again once it is no longer refused, and must not be mixed with another reading's.
    """
    keys = folder / KEYS / key_name(name, state, rules) if source.domain.event_key and not told_alone else None
    try:
        read = survey(source, Path(name), state, keys, memory, columns)
    except SourceError:
        if changed(source.domain, name, state):
            return None  # that something is wrong with half a file is no news
        raise
    if told_alone or changed(source.domain, name, state):
        return None  # what was read may be a mixture of both states
    keep_survey(folder, name, state, rules, read)
    return ReadFile(state=state, rules=rules, survey=read)


def _same_rows(source: Source, same: dict[str, str]) -> dict[str, str]:
    place = source.path
    return {relpath(copy, place): f"holds the same rows as {relpath(other, place)}" for copy, other in same.items()}


def _key_names(files: dict[str, ReadFile]) -> set[str]:
    return {key_name(name, file.state, file.rules) for name, file in files.items()}


def _columns(domain: Domain, states: dict[str, str], done: dict[str, ReadFile]) -> frozenset[str]:
    """Names of the columns that any file with rows has, or any at all where none has rows.

    Only files that are still to be read are opened.
    """
    filled, empty = set[str](), set[str]()
    for name in states:
        if file := done.get(name):
            (filled if file.survey.rows else empty).update(file.survey.kinds)
            continue
        if domain.source.is_lake:
            continue
        try:
            names = file_schema(domain, Path(name))
            (filled if has_rows(domain, Path(name)) else empty).update(names)
        except SourceError:
            filled.update(domain.source_columns)  # what it has is not known; its survey refuses it
    return frozenset(filled or empty)


def _refusal(domain: Domain, refused: list[str]) -> SourceError:
    if len(refused) == 1:
        return SourceError(refused[0])
    more = f"\n- and {len(refused) - _TOLD:,} more" if len(refused) > _TOLD else ""
    lines = "\n- ".join(refused[:_TOLD])
    return SourceError(f"domain {domain.name}: {len(refused):,} files are refused:\n- {lines}{more}")


def _listing(source: Source, calendar: str, states: dict[str, str], unread: dict[str, str]) -> str:
    files = (f"{name}\0{state}" for name, state in sorted(states.items()))
    return _digest(
        _rules(source), calendar, str(source.left_aside), source.domain.source.copies, *files, *sorted(unread)
    )


def _rules(source: Source) -> str:
    read = {"source": {"path", "format"}} | dict.fromkeys(
        ("columns", "event_key", "version", "fields", "time_zone"), True
    )
    rules = source.domain.model_dump_json(include=read)
    return _digest(rules, source.bank_zone, hash_probe(), _DOOR)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
