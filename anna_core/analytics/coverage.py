"""How much of a sample each domain can speak of."""

from dataclasses import dataclass

import numpy as np

from anna_core.sequences.ragged import Sequences


@dataclass(frozen=True)
class DomainCoverage:
    """One domain's part of a sample.

    Attributes:
        domain: its name.
        rows: rows of the sample.
        rows_with_events: rows that see at least one event.
        events: events that the rows see, shared ones counted for each.
        median_length: of the sequences of rows with events; 0 where there are none.
        max_length: longest sequence.
        full: rows whose sequence has the domain's greatest length: earlier events, if any, were cut off.
    """

    domain: str
    rows: int
    rows_with_events: int
    events: int
    median_length: float
    max_length: int
    full: int

    @property
    def share(self) -> float:
        """Share of rows that see an event."""
        return self.rows_with_events / self.rows if self.rows else 0.0

    @property
    def full_share(self) -> float:
        """Share of rows whose sequence is as long as the domain allows."""
        return self.full / self.rows if self.rows else 0.0


def domain_coverage(sequences: Sequences) -> DomainCoverage:
    """Count what the rows of one domain's sequences see."""
    length = np.asarray(sequences.length)
    seen = length[length > 0]
    return DomainCoverage(
        domain=sequences.domain.name,
        rows=len(length),
        rows_with_events=len(seen),
        events=int(seen.sum()),
        median_length=float(np.median(seen)) if len(seen) else 0.0,
        max_length=int(seen.max(initial=0)),
        full=int((length >= sequences.domain.max_length).sum()),
    )
