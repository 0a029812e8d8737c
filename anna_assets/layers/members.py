"""The metamodel's members: what each domain's nets and trees say of the rows of a sample, or of a month's clients."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from anna_assets.layers.boosting import SCORES_FILE, member_name
from anna_assets.layers.models import rows_version, vectors_path
from anna_assets.layers.sequences import read_sequences
from anna_core import storage
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.scores_file import read_scores
from anna_core.samples.sample import Sample
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.vectors import DomainVectors


@dataclass(frozen=True)
class Members:
    """What the members of a launch say of its rows.

    Attributes:
        vectors: member → its vectors of the sample's rows.
        versions: member → data version of its model.
        judged: (n,) bool, the rows that no member was fitted on, test rows aside.
    """

    vectors: "dict[str, DomainVectors]"
    versions: dict[str, str]
    judged: np.ndarray


def read_members(warehouse: Warehouse, domains: list[Domain], sample: Sample) -> Members:
    """Read what the models of a launch said of the sample's rows.

    Raises:
        ArtifactError: something was made of other rows, splits, folds or events than there are now.
    """
    from anna_core.models.trees.model import BoostingModel
    from anna_core.models.vectors_file import StoredVectors

    nets = {one.name: StoredVectors.read(vectors_path(warehouse, one.name, sample.key)) for one in domains}
    vectors = {name: stored.vectors for name, stored in nets.items()}
    versions = {name: stored.model_version for name, stored in nets.items()}
    folds = [stored.folds for stored in nets.values()]
    sequences = {one.name: read_sequences(warehouse, one, sample) for one in domains}
    for name, part in nets.items():
        _require(part.rows_version == rows_version(sample, sequences[name]), f"embedding/{name}", sample.key)
    for domain in tree_domains(domains):
        folder = storage.read_directory(warehouse.boosting(domain, sample.key))
        model = BoostingModel.load(folder)
        read = {name: sequences[name].meta.data_version for name in model.names}
        same = (model.provenance["rows"], model.provenance["sequences"]) == (sample.version, read)
        _require(same, member_name(domain), sample.key)
        scores = read_scores(folder / SCORES_FILE, sample.task.score_names)
        vectors[member_name(domain)] = model.vectors(scores, sequences)
        versions[member_name(domain)] = model.data_version
        folds.append(model.spec.folds)
    fewest = min((count for count in folds if count), default=0)
    return Members(vectors, versions, (sample.fold >= 0) & (sample.fold < fewest))


def tree_domains(domains: list[Domain]) -> list[str | None]:
    """Whose aggregates there are trees on: each domain's, and, where there are several, all of them (None)."""
    return [*(one.name for one in domains), *([None] if len(domains) > 1 else [])]


def _require(same: bool, what: str, sample: str) -> None:
    if not same:
        raise ArtifactError(
            f"{what} of {sample} was made of other rows, splits, folds or events than the sample has now. Materialize "
            "it, and what hangs on it, again."
        )
