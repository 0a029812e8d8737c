"""A domain's events on their way to the models: the source as it was observed, the mart and the dictionary."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from anna_core.domains import Domain
from anna_core.marts import staleness
from anna_core.marts.dictionary import Dictionary, read_dictionary
from anna_core.marts.mart import MartMonth, build_mart, built_months, mart_path
from anna_core.memory import DEFAULT_MEMORY
from anna_core.sources import observing
from anna_core.sources.corrections import read_corrections
from anna_core.sources.lakes import LAKES
from anna_core.sources.source_state import SourceState, read_state


@dataclass(frozen=True)
class ObservedSource:
    """A domain's source as the bank keeps it, and what was last observed of it.

    Attributes:
        path: the folder that keeps the last observation.
        domain: the domain.
        home: ANNA_HOME, where relative source paths start.
        time_zone: the bank's time zone.
        settle_seconds: a file is read once it has not changed for this long.
        left_aside: the share of a file's or a month's rows, 0 to 1, that may be left aside.
    """

    path: Path
    domain: Domain
    home: Path
    time_zone: str
    settle_seconds: float
    left_aside: float

    def read(self) -> SourceState:
        """The last observation; an empty one if there is none."""
        return read_state(self.path)

    def observe(self, kept: str, memory: int = DEFAULT_MEMORY) -> SourceState:
        """Look at the source and keep what is found; see `anna_core.sources.observing.observe`."""
        return observing.observe(
            self.domain, self.home, self.time_zone, self.path, kept, self.settle_seconds, self.left_aside, memory
        )

    def mark_told(self, state: SourceState) -> None:
        """Keep that all that hangs on an observation knows of it; see `anna_core.sources.observing.mark_told`."""
        observing.mark_told(self.path, state)

    def listing(self, kept: str) -> str:
        """A digest that differs from the last observation's as soon as the source has to be observed again.

        Raises:
            SourceError: the source is missing.
        """
        return observing.listing(
            self.domain, self.home, self.time_zone, kept, self.settle_seconds, self.read(), self.left_aside
        )


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
        source: what the mart is built from.
        dictionary: what encodes its categories.
    """

    path: Path
    source: ObservedSource
    dictionary: StoredDictionary

    def month_path(self, month: dt.date) -> Path:
        """The file of a month, whether or not it exists."""
        return mart_path(self.path, month)

    def build(self, month: dt.date, memory: int) -> MartMonth:
        """Build a month from the source as it was last observed; see `anna_core.marts.mart.build_mart`.

        If nothing was observed yet, or if the source is a lake's table, which is never half written, it is read as it
        is now.

        Args:
            month: its first day.
            memory: bytes to work with.
        """
        source, key = self.source, f"{month:%Y-%m-01}"
        observed = None if source.domain.source.format in LAKES else source.read().files_of(key)
        return build_mart(
            source.domain,
            month,
            source.home,
            source.time_zone,
            self.path,
            self.dictionary.path,
            memory,
            read_corrections(source.path, key),
            source.left_aside,
            observed,
        )

    def stale_months(self, months: list[dt.date], observed: SourceState | None = None) -> list[dt.date]:
        """Those of the months whose mart is missing, damaged or built from other rows than were observed.

        Args:
            months: their first days.
            observed: the observation; None: the last one.

        Raises:
            ArtifactError: the last observation cannot be read.
        """
        return staleness.stale_months(observed or self.source.read(), self.path, months)
