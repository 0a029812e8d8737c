"""The metamodel's members: what each domain's nets and trees say of the rows of a sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anna_core.domains import Domain
from anna_core.keys import trees_member
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.vectors import DomainVectors


@dataclass(frozen=True)
class Members:
    """What the members of a launch say of its rows.

    Attributes:
        sequences: domain → what the rows see of it.
        vectors: member → its vectors of the sample's rows.
        versions: member → data version of its model.
        judged: (n,) bool, the rows that no member was fitted on, test rows aside.
    """

    sequences: dict[str, Sequences]
    vectors: "dict[str, DomainVectors]"
    versions: dict[str, str]
    judged: np.ndarray


def read_members(warehouse: Warehouse, domains: Sequence[Domain], sample: Sample) -> Members:
    """Read what the models of a launch said of the sample's rows.

    Raises:
        ArtifactError: something was made of other rows, splits, folds or events than there are now.
        TrainingError: the sequences of a domain have a leak.
    """
    key = sample.key
    sequences = {one.name: warehouse.sequences(one, key).read(sample) for one in domains}
    nets = {one.name: warehouse.embedding(one, key).read(sample, sequences[one.name]) for one in domains}
    trees = {
        member_name(one): warehouse.boosting(one, key).read_for(sample, sequences) for one in tree_domains(domains)
    }
    vectors = {name: stored.vectors for name, stored in nets.items()}
    vectors |= {name: said for name, (_, said) in trees.items()}
    versions = {name: stored.model_version for name, stored in nets.items()}
    versions |= {name: model.data_version for name, (model, _) in trees.items()}
    folds = [*(stored.folds for stored in nets.values()), *(model.spec.folds for model, _ in trees.values())]
    fewest = min((count for count in folds if count), default=0)
    return Members(sequences, vectors, versions, (sample.fold >= 0) & (sample.fold < fewest))


def tree_domains(domains: Sequence[Domain]) -> list[Domain | None]:
    """Whose aggregates there are trees on: each domain's, and, where there are several, all of them (None)."""
    return [*domains, *([None] if len(domains) > 1 else [])]


def member_name(domain: Domain | None) -> str:
    """What the metamodel calls the trees of a domain, or of all (None)."""
    return trees_member(domain.name if domain else None)
