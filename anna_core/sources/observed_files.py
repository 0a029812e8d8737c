"""The files of a source as they were observed, and the text that changes with a file's content."""

import os
from dataclasses import dataclass
from pathlib import Path


def file_state(stat: os.stat_result) -> str:
    """What changes with a file's content: a copy may keep size and time of the one before, but not when it was made.

    The inode is not part of it: some network file systems number their files anew at each look.
    """
    return f"{stat.st_size} {stat.st_ctime_ns} {stat.st_mtime_ns}"


def modified(state: str) -> int:
    """When a file was modified, in nanoseconds, by its state; of a lake's table, which is one file, any number."""
    return int(state.rpartition(" ")[2])


@dataclass(frozen=True)
class ObservedFiles:
    """Files of a source as they were observed.

    Attributes:
        states: name of each file → the state in which it was read.
        columns: those of the domain's columns that are in any file of the source; the files at hand may lack some.
        rows: number of the source's rows in the month that was asked for.
    """

    states: dict[str, str]
    columns: frozenset[str]
    rows: int

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [Path(name) for name in self.states]
