"""Digests by which it is seen, without reading data, that a source is to be observed again, and why."""

import hashlib

from anna_core.sources.fingerprints import hash_probe
from anna_core.sources.looking import look
from anna_core.sources.source import Source
from anna_core.sources.source_state import SourceState

_DOOR = "12"  # changes whenever the same files would be read as other rows than before


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
    return listing_of(source, calendar, found.states, found.unread)


def listing_of(source: Source, calendar: str, states: dict[str, str], unread: dict[str, str]) -> str:
    """The digest `listing` of files in these states, and of others that are not read."""
    files = (f"{name}\0{state}" for name, state in sorted(states.items()))
    return _digest(
        rules_of(source), calendar, str(source.left_aside), source.domain.source.copies, *files, *sorted(unread)
    )


def rules_of(source: Source) -> str:
    """A digest that changes with the rules for reading the source's files: a file in one state then has other rows."""
    read = {"source": {"path", "format"}} | dict.fromkeys(
        ("columns", "event_key", "version", "fields", "time_zone"), True
    )
    rules = source.domain.model_dump_json(include=read)
    return _digest(rules, source.bank_zone, hash_probe(), _DOOR)


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
    if any(file.rules != rules_of(source) for file in before.known.values()):
        return "the rules by which it is read changed"
    return "the months that are kept, `left_aside` or `copies` are others now"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
