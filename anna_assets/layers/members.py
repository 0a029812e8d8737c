"""The metamodel's members: what each domain's nets and trees say of the rows of a sample, or of a month's clients."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from anna_assets.layers import boosting, models
from anna_assets.layers.boosting import SCORES_FILE, member_name
from anna_assets.layers.models import VECTORS_FILE, rows_version
from anna_assets.layers.sequences import read_sequences
from anna_core import storage
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.scores_file import read_scores
from anna_core.samples.sample import Sample
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.unseen import Unseen
    from anna_core.models.vectors import DomainVectors


@dataclass(frozen=True)
class Members:
    """What the members of a launch say of its rows.

    Attributes:
        vectors: member → its vectors of the sample's rows.
        versions: member → data version of its model.
        judged: (n,) bool, the rows that no member was fitted on, test rows aside.
        unseen: what each fold's models say of test rows; None where there is one fold.
    """

    vectors: "dict[str, DomainVectors]"
    versions: dict[str, str]
    judged: np.ndarray
    unseen: "Unseen | None"


def read_members(warehouse: Warehouse, domains: list[Domain], sample: Sample) -> Members:
    """Read what the models of a launch said of the sample's rows.

    Raises:
        ArtifactError: something was made of other rows, splits, folds or events than there are now.
    """
    from anna_core.models.trees.model import BoostingModel
    from anna_core.models.unseen import Unseen, unseen_rows
    from anna_core.models.vectors_file import StoredVectors

    folders = {one.name: storage.read_directory(warehouse.embedding(one.name, sample.key)) for one in domains}
    nets = {name: StoredVectors.read(folder / VECTORS_FILE) for name, folder in folders.items()}
    vectors = {name: stored.vectors for name, stored in nets.items()}
    versions = {name: stored.model_version for name, stored in nets.items()}
    folds = [stored.folds for stored in nets.values()]
    by_fold, unseen = {}, unseen_rows(sample.split, sample.task.seed)
    sequences = {one.name: read_sequences(warehouse, one, sample) for one in domains}
    for name, part in nets.items():
        _require(part.rows_version == rows_version(sample, sequences[name]), f"embedding/{name}", sample.key)
        files = [folders[name] / models.FOLD_FILE.format(fold) for fold in _several(part.folds)]
        by_fold[name] = [StoredVectors.read(file).vectors for file in files]
    for domain in tree_domains(domains):
        folder = storage.read_directory(warehouse.boosting(domain, sample.key))
        model = BoostingModel.load(folder)
        read = {name: sequences[name].meta.data_version for name in model.names}
        same = (model.provenance["rows"], model.provenance["sequences"]) == (sample.version, read)
        _require(same, member_name(domain), sample.key)
        scores = read_scores(folder / SCORES_FILE, sample.task.score_names)
        vectors[member_name(domain)] = model.vectors(scores, sequences)
        files = [folder / boosting.FOLD_FILE.format(fold) for fold in _several(model.spec.folds)]
        of_unseen = vectors[member_name(domain)].take(unseen)
        by_fold[member_name(domain)] = [
            replace(of_unseen, scores=read_scores(file, sample.task.score_names)) for file in files
        ]
        versions[member_name(domain)] = model.data_version
        folds.append(model.spec.folds)
    fewest = min((count for count in folds if count), default=0)
    judged = (sample.fold >= 0) & (sample.fold < fewest)
    return Members(vectors, versions, judged, Unseen.of(vectors, by_fold, unseen))


def tree_domains(domains: list[Domain]) -> list[str | None]:
    """Whose aggregates there are trees on: each domain's, and, where there are several, all of them (None)."""
    return [*(one.name for one in domains), *([None] if len(domains) > 1 else [])]


def _several(folds: int) -> range:
    """The folds of a model whose files of each there are: those of one that has more than one."""
    return range(folds if folds > 1 else 0)


def _require(same: bool, what: str, sample: str) -> None:
    if not same:
        raise ArtifactError(
            f"{what} of {sample} was made of other rows, splits, folds or events than the sample has now. Materialize "
            "it, and what hangs on it, again."
        )
