"""The matrix that trees read: aggregates of one domain, or of several side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.aggregates.columns import Columns, aggregate, aggregate_columns
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.same_domain import require_same_domain
from anna_core.sequences.ragged import Sequences

Codes = dict[str, tuple[int, ...]]  # coded field → the codes with aggregates of their own, most frequent first


def features_of(
    sequences: Sequence[Sequences], codes: Mapping[str, Codes], threads: int, order: bool = True
) -> pl.DataFrame:
    """(n, F) float32 aggregates of all domains side by side, NaN where not known; `codes` are by domain."""
    parts = [aggregate(part, _arrays(codes[part.domain.name]), threads, order) for part in sequences]
    return pl.concat(parts, how="horizontal")


@dataclass(frozen=True)
class DomainReading:
    """What a booster reads of one domain.

    Attributes:
        sequences: the sequences, with the fields that the domain had at training: trees do not know newer ones.
        codes: the codes that had aggregates of their own at training.
        key: the same for boosters that read the same aggregates.
    """

    sequences: Sequences
    codes: Codes
    key: str

    @classmethod
    def of(cls, trained: Domain, codes: Codes, given: Mapping[str, Sequences]) -> "DomainReading":
        """Find the domain among sequences given by name.

        Raises:
            ArtifactError: it is not there, or has changed since training in a way that the trees cannot read.
        """
        if trained.name not in given:
            raise ArtifactError(
                f"the boosters read domain '{trained.name}', which is not there. Put its file back into the domains' "
                "folder, or train the task again."
            )
        require_same_domain(trained, given[trained.name].domain)
        part = given[trained.name].read_as(trained)
        return cls(part, codes, repr((trained.name, trained.fields, codes)))

    def features(self, rows: slice, threads: int) -> Columns:
        """Aggregates of some rows, by name: F columns (n,) float32."""
        return aggregate_columns(self.sequences.take(rows), _arrays(self.codes), threads)


def _arrays(codes: Codes) -> dict[str, np.ndarray]:
    return {name: np.asarray(known, dtype=np.int64) for name, known in codes.items()}
