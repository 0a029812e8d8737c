"""What launches are trained on, as it is at one look at the inbox: the domains, and what their marts hold by now."""

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from anna_assets.uploads.reading import mart_size
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.sequences.readiness import Behind, Readiness, Spans
from anna_resources.artifacts.events import ObservedSource, StoredMart
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse


@dataclass(frozen=True)
class Marts:
    """The marts of all domains. Each is looked at once, however many uploads ask.

    Attributes:
        domains: that a launch is trained on.
        warehouse: the deployment's.
        settings: the deployment's.
        calendar: names the months that the deployment keeps (`anna_assets.partitions.calendar`).
    """

    domains: Sequence[Domain]
    warehouse: Warehouse
    settings: Settings
    calendar: str

    @property
    def folders(self) -> list[tuple[Domain, Path]]:
        """Each domain, and the folder of its mart."""
        return [(domain, self._stored[domain.name].path) for domain in self.domains]

    @property
    def observed_in(self) -> list[Path]:
        """The folder that keeps what was observed of each domain's source."""
        return [mart.observed.path for mart in self._stored.values()]

    @property
    def rows(self) -> list[dict[dt.date, int]]:
        """Of each domain, month → number of its source's rows, as last observed.

        Raises:
            ArtifactError: what was observed of a source is damaged.
        """
        return [ready.rows for ready in self._ready.values()]

    @cached_property
    def observed(self) -> str:
        """What was last observed of all sources; it changes with each observation that found something new."""
        return " ".join(_listing(self.warehouse.source(domain)) for domain in self.domains)

    def behind(self, spans: Spans) -> list[Behind]:
        """What rows of these as_of dates wait for, of each domain where they wait for anything."""
        return [found for ready in self._ready.values() if (found := ready.behind(spans))]

    def months(self, domain: Domain, spans: Spans) -> list[dt.date]:
        """Months kept that windows of these as_of dates touch in a domain."""
        return self._ready[domain.name].kept_months(spans)

    def decisive(self, spans: Spans) -> str:
        """Digest of all that decides which clients rows of these as_of dates can meet (`Readiness.decisive`).

        Empty where what was observed of a source cannot be read, so that nobody knows.
        """
        try:
            parts = [part for ready in self._ready.values() for part in ready.decisive(spans)]
        except (ArtifactError, OSError):
            return ""  # what is wrong with that source is told of each sample that waits for it
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()

    def size(self, spans: Spans) -> int:
        """What it takes to look for clients in these months of all domains, in bytes of CSV."""
        return sum(self._month_size(domain.name, at) for domain in self.domains for at in self.months(domain, spans))

    @cached_property
    def _stored(self) -> dict[str, StoredMart]:
        return {domain.name: self.warehouse.mart(domain) for domain in self.domains}

    @cached_property
    def _ready(self) -> dict[str, Readiness]:
        return {
            name: Readiness(mart.observed.source, mart.observed.path, mart.path, self.calendar, self.settings.keeps)
            for name, mart in self._stored.items()
        }

    @cached_property
    def _month_size(self) -> Callable[[str, dt.date], int]:
        return cache(lambda name, month: mart_size([self._stored[name].month_path(month)]))


def _listing(source: ObservedSource) -> str:
    try:
        return source.read().listing
    except (ArtifactError, OSError):
        return ""  # what is wrong with that source is told of each sample that waits for it
