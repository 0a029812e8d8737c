"""Whether the marts are ready for rows: each domain observed as it is now, and no month stale that a window touches."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

from anna_core.errors import in_words
from anna_core.marts.staleness import is_stale
from anna_core.sequences.touched_months import months_of_spans
from anna_core.sources import digests
from anna_core.sources.source import Source
from anna_core.sources.source_state import SourceState, read_state

Spans = Iterable[tuple[dt.date, dt.date]]


@dataclass(frozen=True)
class Behind:
    """What rows have to wait for in a domain.

    Attributes:
        domain: its name.
        stale: months whose marts are missing or older than their source; none where the source itself is the matter.
        problem: what is the matter with the source.
    """

    domain: str
    stale: tuple[dt.date, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        if not self.stale:
            return f"{self.domain} {self.problem}"
        first, others = f"{self.stale[0]:%Y-%m}", len(self.stale) - 1
        more = f" and {others} more months" if others > 1 else f" and {self.stale[1]:%Y-%m}" if others else ""
        return f"{self.domain}: {first}{more} of the mart {'are' if others else 'is'} to be built"


@dataclass(frozen=True)
class Readiness:
    """How ready one domain is, at one moment: its files are listed and its marts' footers are read at most once.

    Attributes:
        source: the domain's raw table.
        observed: folder of what was last observed of it.
        mart: folder of the mart's months.
        calendar: names the months that are kept, as in `digests.listing`.
        keeps: whether a month is kept.
    """

    source: Source
    observed: Path
    mart: Path
    calendar: str
    keeps: Callable[[dt.date], bool]

    def kept_months(self, spans: Spans) -> list[dt.date]:
        """Months that windows of these as_of dates touch and the deployment keeps, ascending."""
        return [month for month in months_of_spans(self.source.domain, spans) if self.keeps(month)]

    def behind(self, spans: Spans) -> Behind | None:
        """What rows of these as_of dates wait for; None where they can be cut out."""
        name = self.source.domain.name
        if self._problem:
            return Behind(name, problem=self._problem)
        stale = tuple(month for month in self.kept_months(spans) if self._is_stale(month))
        return Behind(name, stale) if stale else None

    def decisive(self, spans: Spans) -> list[str]:
        """What decides which clients rows of these as_of dates can meet: the rules, and each month that they touch.

        Of a month, what was observed of it, and whether its mart is behind that.

        Raises:
            ArtifactError: what was observed is damaged.
        """
        rules = self.source.domain.model_dump_json(exclude={"description", "owner"})
        observed, months = self._state.months, self.kept_months(spans)
        return [rules, *(f"{at} {observed.get(at.isoformat(), '')} {self._is_stale(at)}" for at in months)]

    @property
    def rows(self) -> dict[dt.date, int]:
        """First day of each month → number of its rows, as last observed.

        Raises:
            ArtifactError: what was observed is damaged.
        """
        return self._state.rows

    @cached_property
    def _problem(self) -> str:
        try:
            state = self._state
            listing = digests.listing(self.source, self.calendar, state)
            if not state.listing:
                return "has not been observed yet"
            if state.listing == listing:
                return ""
            return f"is to be observed again: {digests.what_changed(self.source, state)}"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told to whoever waits, and stops no other domain
            return f"cannot be read: {in_words(error)}"

    @cached_property
    def _state(self) -> SourceState:
        return read_state(self.observed)

    @cached_property
    def _is_stale(self) -> Callable[[dt.date], bool]:
        return cache(partial(is_stale, self._state, self.mart))
