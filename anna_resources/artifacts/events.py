"""A domain's events on their way to the models: the source as it was observed, the mart and the dictionary."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from anna_core.domains import Domain
from anna_core.marts import staleness
from anna_core.marts.dictionary import DICTIONARY_FILE, Dictionary, read_dictionary
from anna_core.marts.footer import Footer, read_footer
from anna_core.marts.mart import MartMonth, build_mart, built_months, mart_path
from anna_core.sources import digests, observing
from anna_core.sources.corrections import read_corrections
from anna_core.sources.fingerprints import rows_in
from anna_core.sources.source import Source
from anna_core.sources.source_state import SourceState, read_state


@dataclass(frozen=True)
class ObservedSource:
    """A domain's source, and what was last observed of it.

    Attributes:
        path: the folder that keeps the last observation.
        source: the raw table as the bank keeps it.
        mart: the folder of the mart's months that are built from it.
    """

    path: Path
    source: Source
    mart: Path

    def read(self) -> SourceState:
        """The last observation; an empty one if there is none."""
        return read_state(self.path)

    def observe(self, calendar: str, memory: int) -> SourceState:
        """Look at the source and keep what is found; see `anna_core.sources.observing.observe`."""
        return observing.observe(self.source, self.path, calendar, memory, built_months(self.mart))

    def mark_told(self, state: SourceState) -> None:
        """Keep that all that hangs on an observation knows of it; see `anna_core.sources.observing.mark_told`."""
        observing.mark_told(self.path, state)

    def listing(self, calendar: str) -> str:
        """A digest that differs from the last observation's as soon as the source has to be observed again.

        Raises:
            SourceError: the source is missing.
        """
        return digests.listing(self.source, calendar, self.read())


@dataclass(frozen=True)
class StoredDictionary:
    """A domain's dictionary.

    Attributes:
        path: its folder.
        domain: the domain.
        mart: the folder of the months that are encoded with it.
    """

    path: Path
    domain: Domain
    mart: Path

    @property
    def file(self) -> Path:
        """The file, whether or not it exists."""
        return self.path / DICTIONARY_FILE

    def read(self) -> Dictionary:
        """The dictionary; an empty one if no mart was built yet.

        Raises:
            ArtifactError: it was lost, or is an older copy than the marts.
        """
        return read_dictionary(self.domain, self.path, built_months(self.mart).values())


@dataclass(frozen=True)
class StoredMart:
    """The months of a domain's mart.

    Attributes:
        path: the folder of the months.
        observed: what the mart is built from.
        dictionary: what encodes its categories.
    """

    path: Path
    observed: ObservedSource
    dictionary: StoredDictionary

    @property
    def domain(self) -> Domain:
        """The domain whose events it holds."""
        return self.observed.source.domain

    def month_path(self, month: dt.date) -> Path:
        """The file of a month, whether or not it exists."""
        return mart_path(self.path, month)

    def build(self, month: dt.date, memory: int) -> MartMonth:
        """Build a month from the source as it was last observed; see `anna_core.marts.mart.build_mart`.

        If nothing was observed yet, the source is read as it is now.

        Args:
            month: its first day.
            memory: bytes to work with.
        """
        stored, key = self.observed, f"{month:%Y-%m-01}"
        observed, corrections = stored.read().files_of(key), read_corrections(stored.path, key)
        return build_mart(stored.source, month, self.path, self.dictionary.path, memory, corrections, observed)

    @property
    def newest_month(self) -> dt.date | None:
        """The last month that is built of any rows; None if none is."""
        footers = ((month, read_footer(file)) for month, file in reversed(built_months(self.path).items()))
        return next((month for month, found in footers if found and found.source and rows_in(found.source)), None)

    def fingerprints(self, months: list[dt.date]) -> dict[str, str]:
        """Key of each of the months that is built → fingerprint of the source rows that it was built from."""
        return {f"{month:%Y-%m-01}": found.source or "" for month, found in self.footers(months).items()}

    def footers(self, months: Iterable[dt.date]) -> dict[dt.date, Footer]:
        """What each of the months that is built says of itself; a damaged one counts as not built."""
        built = built_months(self.path)
        found = {month: read_footer(built[month]) for month in months if month in built}
        return {month: footer for month, footer in found.items() if footer and footer.source}

    def stale_months(self, months: list[dt.date], observed: SourceState | None = None) -> list[dt.date]:
        """Those of the months whose mart is missing, damaged or built from other rows than were observed.

        Args:
            months: their first days.
            observed: the observation; None: the last one.

        Raises:
            ArtifactError: the last observation cannot be read.
        """
        return staleness.stale_months(observed or self.observed.read(), self.path, months)
