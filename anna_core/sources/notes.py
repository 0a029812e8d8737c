"""What people are told of an observed source's files: how they differ, and of keys that tell no event from another."""

from pathlib import Path

from anna_core.columns.near_names import what_differs
from anna_core.domains import Domain
from anna_core.sources.faults import with_lost_digits, without_key
from anna_core.sources.moved_days import told_moved_days
from anna_core.sources.source_state import ReadFile

_MANY_ALIKE = 10  # events of one key in a file; fewer may well be deliveries of one event


def notes(domain: Domain, files: dict[str, ReadFile]) -> list[str]:
    """Sentences about a source's files, by name."""
    moved = {name: file.survey.moved_days for name, file in files.items()}
    return _differences(domain, files) + _of_keys(domain, files) + told_moved_days(domain, moved)


def _differences(domain: Domain, files: dict[str, ReadFile]) -> list[str]:
    """Sentences about columns that files store in different types, or that some files lack."""
    notes = []
    for column in domain.source_columns:
        kinds: dict[tuple[str, str], list[str]] = {}
        for name, file in files.items():
            if file.survey.rows:  # of none, types mean nothing
                found = file.survey.kinds.get(column, "missing"), file.survey.near.get(column, "")
                kinds.setdefault(found, []).append(Path(name).name)
        if len(kinds) > 1:
            told = [
                f"{kind} in {_first_of(names)}{_called(column, near, names)}" for (kind, near), names in kinds.items()
            ]
            notes.append(f"column '{column}' differs between files: {', '.join(told)}")
    return notes


def _of_keys(domain: Domain, files: dict[str, ReadFile]) -> list[str]:
    """Sentences about keys that tell no event from another."""
    reasons = {reason for file in files.values() for counts in file.survey.left.values() for reason in counts}
    notes = [
        f"events without '{name}' have no key and are told apart by nothing: one that is delivered twice counts twice"
        for name in domain.event_key
        if not reasons.isdisjoint({without_key(name), with_lost_digits(name)})
    ]
    if alike := [Path(name).name for name, file in files.items() if file.survey.alike >= _MANY_ALIKE]:
        notes.append(
            f"all events of {_first_of(alike)} have one and the same event_key ({', '.join(domain.event_key)}), so of "
            "each client's one alone stays: name columns in `event_key` that tell events apart"
        )
    return notes


def _called(column: str, near: str, names: list[str]) -> str:
    """What a column is called in files that lack it, as `near_names` finds it, as a clause; empty for none."""
    if not near:
        return ""
    return f", which {'has' if len(names) == 1 else 'have'} {near!r} ({what_differs({column: near})}: rename it there)"


def _first_of(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1:,} more"
