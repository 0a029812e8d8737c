"""One fault in many files: told once, with the names of the other files that have it."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

_NAMED = 5  # files
_NUMBER = re.compile(r"(?<!\w)\d[\d,.]*(?!\w)")
_VALUE = re.compile(r""": ('([^'\\]|\\.)*'|"([^"\\]|\\.)*")""")  # as it stands in a row; names of columns are in lists


def told_once(refused: Iterable[tuple[Path, str]]) -> list[str]:
    """One message for each fault: the first file's, with the names of the others that have the same.

    Args:
        refused: files, and why they are refused.
    """
    groups: dict[str, list[tuple[Path, str]]] = {}
    for file, message in refused:
        groups.setdefault(_fault(file, message), []).append((file, message))
    return [message + _others([file for file, _ in alike]) for alike in groups.values() for message in [alike[0][1]]]


def _fault(file: Path, message: str) -> str:
    """What is wrong with a file, without what differs between files: its name, rows and values."""
    told = _VALUE.sub("", message).replace(str(file), "")  # first of all, as there may be brackets and names in values
    for folder in file.parts[:-1]:
        if "=" in folder:  # of a partition, whose value it names
            told = told.replace(folder, "")
    told = re.sub(rf"\([^()]*{re.escape(file.name)}[^()]*\)", "", told).replace(file.name, "")
    return _NUMBER.sub("", told)


def _others(files: list[Path]) -> str:
    """A sentence about all files but the first; empty for none."""
    if not (others := sorted(files[1:])):
        return ""
    place = os.path.commonpath([file.parent for file in files])
    names = ", ".join(os.path.relpath(file, place) for file in others[:_NAMED])
    more = f" and {len(others) - _NAMED:,} more" if len(others) > _NAMED else ""
    count = "1 more file" if len(others) == 1 else f"{len(others):,} more files"
    return f" The same is wrong with {count}: {names}{more}."
