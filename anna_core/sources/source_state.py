"""What the last observation of a source found, as it is stored."""

import datetime as dt
import json
from collections import Counter
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel

from anna_core.errors import ArtifactError
from anna_core.months import parse_month
from anna_core.sources.fingerprints import rows_in
from anna_core.sources.observed_files import ObservedFiles
from anna_core.sources.survey import UNDATED, FileSurvey

STATE_FILE = "fingerprints.json"
FORM = "2"  # to be raised whenever what was observed before must be read again


class ReadFile(BaseModel):
    """A file as it was read.

    Attributes:
        state: its size and times then (`file_state`), or the state of a lake's table.
        rules: digest of the rules that it was read by.
        survey: what it holds.
        again: key of each month of which another file holds the same rows, where events have no key → that file. The
            month has that one's rows alone.
    """

    state: str
    rules: str
    survey: FileSurvey
    again: dict[str, str] = {}

    @property
    def months(self) -> dict[str, str]:
        """Key of each month that has rows of the file → their fingerprint."""
        months = self.survey.months.items()
        return {key: of_month for key, of_month in months if key != UNDATED and key not in self.again}

    @property
    def rows(self) -> int:
        """Number of its rows that count, with those of no month."""
        return self.survey.rows - sum(rows_in(self.survey.months[month]) for month in self.again)


class SourceState(BaseModel):
    """What the last observation of a source found.

    Attributes:
        form: the form in which it is stored.
        listing: digest of the rules for reading the domain, of the months that are kept, and of the names, sizes and
            times of its files; a cheap way to tell that nothing changed.
        told: whether all that hangs on the observation was told of it; see `observing.mark_told`.
        files: name of each file that was read → what was found in it.
        copies: the same of files that hold the same rows as another, where events have no key; no month has their rows.
        months: key of a month → fingerprint of all its rows.
        unread: name of a file beside these that is not read → why.
        notes: sentences about what differs between the files.
    """

    form: str = FORM
    listing: str = ""
    told: bool = False
    files: dict[str, ReadFile] = {}
    copies: dict[str, ReadFile] = {}
    months: dict[str, str] = {}
    unread: dict[str, str] = {}
    notes: list[str] = []

    @property
    def rows(self) -> dict[dt.date, int]:
        """First day of each month → number of its rows."""
        return {parse_month(key): rows_in(fingerprint) for key, fingerprint in self.months.items()}

    @property
    def known(self) -> dict[str, ReadFile]:
        """All files that were read."""
        return self.files | self.copies

    @property
    def total(self) -> int:
        """Number of rows of all files, each month's counted once."""
        return sum(file.rows for file in self.files.values())

    @property
    def undated(self) -> int:
        """Number of rows that belong to no month, and are therefore in no mart."""
        return sum(file.survey.undated for file in self.files.values())

    def files_of(self, month: str) -> ObservedFiles | None:
        """The files that hold rows of a month (given by its key), or all files with rows if none does.

        Returns:
            None if nothing was observed yet.
        """
        if not self.files:
            return None
        holding = self._by_month.get(month, {})
        names = holding or [name for name, file in self.files.items() if file.survey.rows] or self.files
        states = {name: self.files[name].state for name in names}
        return ObservedFiles(states, self._columns, sum(map(rows_in, holding.values())))

    @cached_property
    def _by_month(self) -> dict[str, dict[str, str]]:
        """Key of each month → name of each file that holds rows of it → their fingerprint."""
        found: dict[str, dict[str, str]] = {}
        for name, file in self.files.items():
            for month, fingerprint in file.months.items():
                found.setdefault(month, {})[name] = fingerprint
        return found

    @cached_property
    def _columns(self) -> frozenset[str]:
        """Those of the domain's columns that are in any file."""
        return frozenset(column for file in self.files.values() for column in file.survey.kinds)

    @cached_property
    def left_by_month(self) -> dict[str, Counter[str]]:
        """What does not reach a mart: key of a month, or `UNDATED` → reason → rows left aside, or losing a value."""
        counts: dict[str, Counter[str]] = {}
        for file in self.files.values():
            for month, found in file.survey.left.items():
                if month not in file.again:
                    counts.setdefault(month, Counter()).update(found)
        return counts

    @property
    def left(self) -> Counter[str]:
        """The same of all rows."""
        return sum(self.left_by_month.values(), Counter())

    def examples(self) -> dict[str, list[str]]:
        """Reason → the places where it was found first, in the first file that has it."""
        found: dict[str, list[str]] = {}
        for file in self.files.values():
            found = file.survey.examples | found
        return found


def read_state(folder: Path) -> SourceState:
    """Read the last observation, stored in `folder`; an empty one if there is none.

    What another version of ANNA stored in another form counts as none: all files will be read again.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return SourceState()
    try:
        stored = json.loads(path.read_bytes())
        return SourceState.model_validate(stored) if stored.get("form") == FORM else SourceState()
    except (ValueError, AttributeError) as error:
        raise ArtifactError(f"{path}: cannot be read; remove it, and the source is observed anew: {error}") from error
