"""The metamodel's members: what each domain's nets and trees say about a sample's rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anna_core.domains import Domain
from anna_core.keys import trees_member
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.unseen import Unseen
    from anna_core.models.vectors import DomainVectors


@dataclass(frozen=True)
class Members:
    """What the members of a launch say about its rows.

    Attributes:
        sequences: domain → the rows' sequences.
        vectors: member → its vectors of the rows.
        versions: member → data version of its model.
        judged: (n,) bool, the rows, apart from test rows, that no member was fitted on.
        unseen: what each fold's models say about test rows; None if there is one fold.
    """

    sequences: dict[str, Sequences]
    vectors: "dict[str, DomainVectors]"
    versions: dict[str, str]
    judged: np.ndarray
    unseen: "Unseen | None"


def read_members(warehouse: Warehouse, domains: Sequence[Domain], sample: Sample) -> Members:
    """Read what the models of a launch said about the sample's rows.

    Raises:
        ArtifactError: something was made from other rows, splits, folds or events than there are now.
        TrainingError: there is a leak in a domain's sequences.
    """
    from anna_core.models.unseen import Unseen, unseen_rows

    key, unseen = sample.key, unseen_rows(sample.split, sample.task.seed)
    sequences = {one.name: warehouse.sequences(one, key).read(sample) for one in domains}
    nets = {one.name: warehouse.embedding(one, key).read(sample, sequences[one.name]) for one in domains}
    trees = {
        member_name(one): warehouse.boosting(one, key).read_for(sample, sequences) for one in tree_domains(domains)
    }
    vectors = {name: stored.vectors for name, stored in nets.items()}
    vectors |= {name: said for name, (_, said) in trees.items()}
    versions = {name: stored.model_version for name, stored in nets.items()}
    by_fold = {one.name: warehouse.embedding(one, key).read_folds(nets[one.name].folds) for one in domains}
    for one in tree_domains(domains):
        model, said = trees[member_name(one)]
        scores = warehouse.boosting(one, key).read_folds(model.spec.folds, sample.task.score_names)
        by_fold[member_name(one)] = [replace(said.take(unseen), scores=of_fold) for of_fold in scores]
    versions |= {name: model.data_version for name, (model, _) in trees.items()}
    folds = [*(stored.folds for stored in nets.values()), *(model.spec.folds for model, _ in trees.values())]
    fewest = min((count for count in folds if count), default=0)
    judged = (sample.fold >= 0) & (sample.fold < fewest)
    return Members(sequences, vectors, versions, judged, Unseen.of(vectors, by_fold, unseen))


def tree_domains(domains: Sequence[Domain]) -> list[Domain | None]:
    """What trees there are: those of each domain and, if there are several domains, those of all together (None)."""
    return [*domains, *([None] if len(domains) > 1 else [])]


def member_name(domain: Domain | None) -> str:
    """What the metamodel calls the trees of a domain, or those of all domains (None)."""
    return trees_member(domain.name if domain else None)
