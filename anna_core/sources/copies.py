"""Copies among a source's files, whole or by month: without an event key each of their events would count twice."""

import re
from collections import Counter
from collections.abc import Iterable
from os.path import relpath
from pathlib import Path
from urllib.parse import unquote

from anna_core.sources.fingerprints import rows_in
from anna_core.sources.source_state import ReadFile
from anna_core.sources.survey import UNDATED

# Rows are compared as the domain means them, so those that differ in a column that it does not name are the same.
_COMPARED = "only columns that the domain names are compared"
_CURE = f"take away what is there twice, name an `event_key`, or say `copies: each` where all are events: {_COMPARED}"
_FEWEST = 10  # rows; of fewer, two deliveries may well be alike
_TOLD = 10  # groups of files
_NAMED = 2  # files of a group
# What the folders of several deliveries are called by: 2024-01-31, 2024-01-31 00:00:00, 20240131T10Z, 2024-W05, Q1, 17,
# v2, a month's name, or the number of a run.
_DATE_OR_NUMBER = re.compile(
    r"v?[+-]?\d[\d .,:/_+-]*([TQW]-?\d[\d .,:/_+-]*)?Z?|Q[1-4]"
    r"|jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
    r"|[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}",
    re.IGNORECASE,
)


def copies(files: dict[str, ReadFile], known: dict[str, ReadFile]) -> dict[str, str]:
    """Files that hold the same rows as another one, compressed or not and in whichever order: name → the other's.

    Args:
        files: by name.
        known: those that were read before; of two alike the other is the copy, or else the one of the longer name.
    """
    counted, found = _Counted(files), {}
    for name in sorted(files, key=lambda name: (name not in known, len(name), name)):
        survey = files[name].survey
        if survey.rows < _FEWEST:
            continue
        if (other := counted.add(name, *sorted(survey.months.items()))) is not None:
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
    counted, found = _Counted(files), {}
    for name in sorted(files, key=lambda name: (name not in known or bool(known[name].again), len(name), name)):
        again = {}
        for month, fingerprint in files[name].survey.months.items():
            if month == UNDATED or rows_in(fingerprint) < _FEWEST:
                continue
            if (other := counted.add(name, month, fingerprint)) is not None:
                again[month] = other
        found[name] = files[name].model_copy(update={"again": again})
    return {name: found[name] for name in files}


class _Counted:
    """Files whose rows count, by what they hold.

    Files in the folders product=cards and product=loans are parts of one table, and rows of theirs that are equal are
    not the same; but in load_date=2024-01-31 and load_date=2024-02-29 lie two deliveries of one.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._parts = {name: _part(name) for name in names}
        self._holding: dict[tuple, list[str]] = {}

    def add(self, name: str, *rows: object) -> str | None:
        """Count a file's rows, unless those are the same as another one's that counts: then that file is returned."""
        holding = self._holding.setdefault(rows, [])
        part = self._parts[name]
        for other in holding:
            if all(self._parts[other].get(key, value) == value for key, value in part.items()):
                return other
        holding.append(name)
        return None


def _part(name: str) -> dict[str, str]:
    """The part of a table that a file's folders say it is, as Hive writes them: column → value, no date or number."""
    said = (folder.partition("=") for folder in Path(name).parent.parts)
    values = {column: unquote(value) for column, sign, value in said if sign}
    return {column: value for column, value in values.items() if not _DATE_OR_NUMBER.fullmatch(value)}


def told_copies(same: dict[str, str], place: Path) -> dict[str, str]:
    """Name of each copy, relative to the source's folder → of which file it is one, as told of files not read.

    Args:
        same: as `copies` returns it.
        place: the source's folder.
    """
    words = f"; `copies: each` counts both ({_COMPARED})"
    return {relpath(copy, place): f"holds the same rows as {relpath(of, place)}{words}" for copy, of in same.items()}


def told_months(files: dict[str, ReadFile], place: Path) -> list[str]:
    """A sentence about each group of files that hold the same months, wholly or, by all appearances, in part.

    Of two files with the same rows in some month, one is likely to be an earlier state of the other, as dumps of the
    whole history are. In a month that was not over then, or cut off in a copy, their rows differ, and all count.

    Args:
        files: by name.
        place: the source's folder.
    """
    groups = _groups(files)
    notes = []
    for group in groups[:_TOLD]:
        named = [relpath(name, place) for name in group[:_NAMED]]
        others = len(group) - len(named)
        names = f"{', '.join(named)} and {others:,} more" if others else " and ".join(named)
        same = {month for name in group for month in files[name].again}
        note = f"{names} hold the same rows in {_span(same)}, which count{'s' * (len(same) == 1)} once"
        holding = Counter(month for name in group for month, rows in files[name].months.items() if _are_many(rows))
        if differ := {month for month, count in holding.items() if count > 1}:
            note += f", but other ones in {_span(differ)}, where all count: what is in several of them counts twice"
        notes.append(f"{note}; {_CURE}")
    if len(groups) > _TOLD:
        notes.append(f"{len(groups) - _TOLD:,} more groups of files hold the same rows in some months; {_CURE}")
    return notes


def _groups(files: dict[str, ReadFile]) -> list[list[str]]:
    """Files that hold months of each other, directly or by way of others; sorted by name."""
    group_of: dict[str, list[str]] = {}
    for name in sorted(files):
        for other in dict.fromkeys(files[name].again.values()):
            mine, others = group_of.get(name, [name]), group_of.get(other, [other])
            if mine is not others:
                small, large = sorted((mine, others), key=len)
                large += small
                group_of.update(dict.fromkeys((*small, *large[: len(large) - len(small)]), large))
    groups = {id(group): sorted(group) for group in group_of.values()}
    return sorted(groups.values())


def _are_many(fingerprint: str) -> bool:
    return rows_in(fingerprint) >= _FEWEST


def _span(months: set[str]) -> str:
    told = sorted(month[:7] for month in months)
    return told[0] if len(told) == 1 else f"{len(told):,} months, {told[0]} to {told[-1]}"
