"""What the last observation of a source found, as it is kept."""

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from anna_core.columns.times import ERA
from anna_core.errors import ArtifactError
from anna_core.months import parse_month
from anna_core.sources.fingerprints import combine_fingerprints, rows_in
from anna_core.sources.survey import UNDATED, FileSurvey

FILE = "fingerprints.json"
FORM = "2"
NO_ROWS = combine_fingerprints([])  # of a month that lost all its rows


class FileState(BaseModel):
    """A file as it was when it was read, the rules by which, and what it holds."""

    state: str
    rules: str
    survey: FileSurvey


@dataclass(frozen=True)
class ObservedFiles:
    """Files of a source as they were observed.

    Attributes:
        states: name of each file → the state in which it was read.
        columns: of the domain's columns those that any file of the source has; these files may lack some.
        rows: of the month for which they were asked.
    """

    states: dict[str, str]
    columns: frozenset[str]
    rows: int

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [Path(name) for name in self.states]


class SourceState(BaseModel):
    """What the last observation of a source found.

    Attributes:
        form: of what is kept.
        listing: digest of the domain's reading rules, of the months that are kept, and of its files' names, sizes and
            times; tells cheaply that nothing changed.
        files: per file.
        copies: per file that holds the same rows as another one of an events' source without a key; no month has them.
        months: month key → fingerprint of all its rows.
        unread: what lies beside the files and is not read → why.
        notes: what differs between the files.
    """

    form: str = FORM
    listing: str = ""
    files: dict[str, FileState] = {}
    copies: dict[str, FileState] = {}
    months: dict[str, str] = {}
    unread: dict[str, str] = {}
    notes: list[str] = []

    @property
    def rows(self) -> dict[dt.date, int]:
        """Number of rows of each month, by its first day."""
        return {parse_month(key): rows_in(fingerprint) for key, fingerprint in self.months.items()}

    @property
    def known(self) -> dict[str, FileState]:
        """All files that were read."""
        return self.files | self.copies

    @property
    def total(self) -> int:
        """Rows of all files."""
        return sum(file.survey.rows for file in self.files.values())

    @property
    def undated(self) -> int:
        """Rows that belong to no month; no mart holds them."""
        return sum(rows_in(file.survey.months.get(UNDATED, NO_ROWS)) for file in self.files.values())

    def files_of(self, month: str) -> ObservedFiles | None:
        """The files that hold rows of a month, all files where none does; None where nothing was observed."""
        if not self.files:
            return None
        holding = {name: file for name, file in self.files.items() if month in file.survey.months}
        return ObservedFiles(
            {name: file.state for name, file in (holding or self.files).items()},
            frozenset(column for file in self.files.values() for column in file.survey.kinds),
            rows_in(combine_fingerprints([file.survey.months[month] for file in holding.values()])),
        )

    def left(self, month: str | None = None) -> dict[str, int]:
        """Reason → rows of a month, or of no month and all months, of which a mart holds not all."""
        counts: Counter[str] = Counter()
        for file in self.files.values():
            for key, found in file.survey.left.items():
                if month in (None, key):
                    counts.update(found)
        return dict(counts)

    def examples(self) -> dict[str, list[str]]:
        """Reason → where it was met first, of the first file that has it."""
        found: dict[str, list[str]] = {}
        for file in self.files.values():
            found = file.survey.examples | found
        return found


def read_state(folder: Path) -> SourceState:
    """The last observation kept in `folder`; an empty one where there is none."""
    path = folder / FILE
    if not path.exists():
        return SourceState()
    try:
        kept = json.loads(path.read_bytes())
        if kept.get("form") != FORM:  # of another release: its months stay listed, its files are read again
            return SourceState(months={key: rows for key, rows in kept.get("months", {}).items() if _is_month(key)})
        return SourceState.model_validate(kept)
    except (ValueError, AttributeError) as error:
        raise ArtifactError(f"{path}: cannot be read; remove it, and the source is observed anew: {error}") from error


def _is_month(key: str) -> bool:
    """Whether a mart may have this month: earlier releases kept those of impossible times as well."""
    try:
        month = parse_month(key)
    except ValueError:
        return False
    first, end = (moment.date() for moment in ERA)
    return first <= month < end
