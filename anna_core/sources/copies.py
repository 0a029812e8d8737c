"""Copies among a source's files, whole or by month: without an event key each of their events would count twice."""

from pathlib import Path

from anna_core.sources.fingerprints import NO_ROWS, rows_in
from anna_core.sources.source_state import ReadFile
from anna_core.sources.survey import UNDATED

_CURE = "take away what is there twice, or name an `event_key`"
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


def with_months_once(files: dict[str, ReadFile], known: dict[str, ReadFile]) -> dict[str, ReadFile]:
    """The same files, of which those name their months that hold the same rows as that month of another file.

    Dumps of the whole history are of this kind, and a quarter's file beside those of its months.

    Args:
        files: by name, none of them a whole copy.
        known: those that were read before; the month counts in one that it counted in, or else in that of the shorter
            name.
    """
    first: dict[tuple[str, str], str] = {}
    found = {}
    for name in sorted(files, key=lambda name: (name not in known or bool(known[name].again), len(name), name)):
        again = {}
        for month, fingerprint in files[name].survey.months.items():
            if month == UNDATED or rows_in(fingerprint) < _FEWEST:
                continue
            other = first.setdefault((month, fingerprint), name)
            if other != name:
                again[month] = other
        found[name] = files[name].model_copy(update={"again": again})
    return {name: found[name] for name in files}


def told_months(files: dict[str, ReadFile]) -> list[str]:
    """Sentences about the months that several files hold, wholly or, by all appearances, in part.

    Of two files with the same rows in some month, one is likely to be an earlier state of the other, as dumps of the
    whole history are. In a month that was not over then, or cut off in a copy, their rows differ, and all count.
    """
    notes = []
    for name, file in files.items():
        for other in dict.fromkeys(file.again.values()):
            names = f"{Path(name).name} holds the same rows as {Path(other).name}"
            same = [month for month, first in file.again.items() if first == other]
            notes.append(f"{names} in {_some(same)}: each counts once; {_CURE}")
            if both := [month for month in file.months if _holds(file, month) and _holds(files[other], month)]:
                notes.append(
                    f"{names}, but other ones in {_some(both)}, where all of both count: what is in both files counts "
                    f"twice; {_CURE}"
                )
    return notes


def _holds(file: ReadFile, month: str) -> bool:
    return rows_in(file.survey.months.get(month, NO_ROWS)) >= _FEWEST


def _some(months: list[str]) -> str:
    told = sorted(month[:7] for month in months)
    return told[0] if len(told) == 1 else f"{len(told):,} months, {told[0]} to {told[-1]}"
