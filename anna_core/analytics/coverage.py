"""How much of a sample each domain covers."""

from dataclasses import dataclass

import numpy as np

from anna_core.sequences.ragged import Sequences


@dataclass(frozen=True)
class DomainCoverage:
    """What one domain covers of a sample.

    Attributes:
        domain: its name.
        rows: number of rows in the sample.
        rows_with_events: number of rows that see at least one event.
        events: number of events that the rows see; an event that several rows see counts for each of them.
        median_length: median length of the sequences that have events; 0 if none has.
        max_length: length of the longest sequence.
        full: number of rows whose sequence is as long as the domain allows, so that earlier events were cut off, if
            there were any.
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
