"""Copies among a source's files: without an event key each of their events would count twice."""

from anna_core.sources.source_state import ReadFile

_FEWEST = 10  # rows; of fewer, two deliveries may well be alike


def copies(files: dict[str, ReadFile], known: dict[str, ReadFile]) -> dict[str, str]:
    """Files that hold the same rows as another one, compressed or not and in whichever order: name → the other's.

    Args:
        files: by name.
        known: those that were read before; of two alike the other is the copy, or else the one of the longer name.
    """
    first: dict[tuple, str] = {}
    found = {}
    for name in sorted(files, key=lambda name: (name not in known, len(name), name)):
        survey = files[name].survey
        if survey.rows < _FEWEST:
            continue
        other = first.setdefault(tuple(sorted(survey.months.items())), name)
        if other != name:
            found[name] = other
    return found
