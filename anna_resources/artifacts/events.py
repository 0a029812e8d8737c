"""A domain's events on their way to models: what was observed of the source, the mart and the dictionary."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from anna_core.domains import Domain
from anna_core.marts import staleness
from anna_core.marts.dictionary import Dictionary, read_dictionary
from anna_core.marts.mart import MartMonth, build_mart, mart_path
from anna_core.memory import DEFAULT_MEMORY
from anna_core.sources import observing
from anna_core.sources.corrections import read_corrections
from anna_core.sources.lakes import LAKES
from anna_core.sources.source_state import SourceState, read_state


@dataclass(frozen=True)
class ObservedSource:
    """A domain's source as the bank keeps it, and what was last observed of it.

    Attributes:
        path: folder of the last observation.
        domain: the domain.
        home: what relative paths of sources start at.
        time_zone: the bank's zone.
        settle_seconds: a file is read once it has not changed for this long.
        left_aside: share of a file's or a month's rows that may be left aside.
    """

    path: Path
    domain: Domain
    home: Path
    time_zone: str
    settle_seconds: float
    left_aside: float

    def read(self) -> SourceState:
        """The last observation; an empty one where there is none."""
        return read_state(self.path)

    def observe(self, kept: str, memory: int = DEFAULT_MEMORY) -> SourceState:
        """Look at the source and keep what is found; see `anna_core.sources.observing.observe`."""
        return observing.observe(
            self.domain, self.home, self.time_zone, self.path, kept, self.settle_seconds, self.left_aside, memory
        )

    def listing(self, kept: str) -> str:
        """Digest that differs from that of the last observation once the source has to be observed again.

        Raises:
            SourceError: the source is missing.
        """
        return observing.listing(self.domain, self.home, self.time_zone, kept, self.settle_seconds, self.read())


@dataclass(frozen=True)
class StoredDictionary:
    """A domain's dictionary.

    Attributes:
        path: its folder.
        domain: the domain.
    """

    path: Path
    domain: Domain

    def read(self) -> Dictionary:
        """The dictionary; an empty one where no mart was built yet."""
        return read_dictionary(self.domain, self.path)


@dataclass(frozen=True)
class StoredMart:
    """The months of a domain's mart.

    Attributes:
        path: folder of the months.
        source: that it is built from.
        dictionary: that it is encoded by.
    """

    path: Path
    source: ObservedSource
    dictionary: StoredDictionary

    def month_path(self, month: dt.date) -> Path:
        """File of a month, there or not."""
        return mart_path(self.path, month)

    def build(self, month: dt.date, memory: int) -> MartMonth:
        """Build a month from the source as it was last observed; see `anna_core.marts.mart.build_mart`.

        Where nothing was observed yet, and of a lake's table, which is never half written, the source is read as it
        stands.
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

    def stale_months(self, months: list[dt.date]) -> list[dt.date]:
        """Those of the months that are missing, or older than what was last observed of the source."""
        return staleness.stale_months(self.source.domain, self.source.path, self.path, months)
