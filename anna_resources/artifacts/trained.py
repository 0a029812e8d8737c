"""The models of a launch, and what they say of the sample's rows. PyTorch and LightGBM are loaded with the models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError
from anna_core.models.scores_file import read_scores
from anna_core.samples.sample import Sample
from anna_core.sequences.ragged import Sequences
from anna_resources.artifacts.folder import ArtifactFolder

if TYPE_CHECKING:
    from anna_core.models.blend.metamodel import Metamodel
    from anna_core.models.nets.domain_model import DomainModel
    from anna_core.models.trees.model import BoostingModel
    from anna_core.models.vectors import DomainVectors
    from anna_core.models.vectors_file import StoredVectors

_SCORES, _VECTORS = "scores.parquet", "vectors.parquet"
_FOLD = "fold-{}.parquet"  # what one fold's models say about rows that none of them saw


@dataclass(frozen=True)
class ModelFolder(ArtifactFolder):
    """The nets of a domain.

    Attributes:
        domain: its name.
        key: of the sample that they were trained on.
    """

    domain: str
    key: str

    def write(self, model: "DomainModel", provenance: dict[str, Any]) -> None:
        """Keep the model, and what it was made of."""
        with self.writing() as folder:
            model.save(folder, provenance)

    def read(self) -> "DomainModel":
        """The model, whatever the sample is by now; raises `ArtifactError` where there is none."""
        from anna_core.models.nets.domain_model import DomainModel

        return DomainModel.load(self.current())

    def read_for(self, sample: Sample) -> "DomainModel":
        """The model, to tell of the rows of the sample.

        Raises:
            ArtifactError: there is none, or it was trained on other rows.
        """
        model = self.read()
        if model.provenance.get("rows") != sample.version:  # models of before cross-fitting do not say
            raise ArtifactError(
                f"model/{self.domain} of {self.key} was trained on other rows, splits or folds than the sample has "
                f"now. Materialize model/{self.domain}, and what hangs on it, again."
            )
        return model


@dataclass(frozen=True)
class EmbeddingFolder(ArtifactFolder):
    """What the nets of a domain say of a sample's rows.

    Attributes:
        domain: its name.
        key: of the sample.
    """

    domain: str
    key: str

    def write(self, vectors: "StoredVectors", by_fold: "Sequence[StoredVectors]", score_names: tuple[str, ...]) -> None:
        """Keep the vectors, and those that each fold's nets give rows that none of them saw.

        Their `rows_version` must be that of `rows_version`.
        """
        with self.writing() as folder:
            vectors.write(folder / _VECTORS, score_names)
            for fold, of_fold in enumerate(by_fold):
                of_fold.write(folder / _FOLD.format(fold), score_names)

    def read_folds(self, folds: int) -> "list[DomainVectors]":
        """What the nets of each fold say about the rows that none of them saw; nothing if there is one fold."""
        from anna_core.models.vectors_file import StoredVectors

        folder = self.current()
        return [StoredVectors.read(folder / _FOLD.format(fold)).vectors for fold in _several(folds)]

    def read(self, sample: Sample, sequences: Sequences) -> "StoredVectors":
        """The vectors of the sample's rows.

        Args:
            sample: as it is now.
            sequences: of the domain, as they are now.

        Raises:
            ArtifactError: there are none, or they are of other rows, splits, folds or events.
        """
        from anna_core.models.vectors_file import StoredVectors

        stored = StoredVectors.read(self.current() / _VECTORS)
        _require_same(stored.rows_version == rows_version(sample, sequences), f"embedding/{self.domain}", self.key)
        return stored


@dataclass(frozen=True)
class TreesFolder(ArtifactFolder):
    """Trees on the aggregates of a domain, or of all, with what they say of the sample's rows.

    Attributes:
        member: what the metamodel calls them.
        key: of the sample that they were trained on.
    """

    member: str
    key: str

    def write(
        self,
        model: "BoostingModel",
        provenance: dict[str, Any],
        scores: pl.DataFrame,
        by_fold: Sequence[pl.DataFrame],
    ) -> None:
        """Keep the trees and what they were made of.

        Args:
            model: the trees.
            provenance: what they were made of.
            scores: of the sample's rows (see `score_frame`).
            by_fold: for each of several folds, the scores by its trees alone of rows that none of them saw.
        """
        with self.writing() as folder:
            model.save(folder, provenance)
            scores.write_parquet(folder / _SCORES)
            for fold, of_fold in enumerate(by_fold):
                of_fold.write_parquet(folder / _FOLD.format(fold))

    def read(self) -> "BoostingModel":
        """The trees, whatever the sample is by now; raises `ArtifactError` where there are none."""
        from anna_core.models.trees.model import BoostingModel

        return BoostingModel.load(self.current())

    def read_for(self, sample: Sample, sequences: Mapping[str, Sequences]) -> "tuple[BoostingModel, DomainVectors]":
        """The trees, and what they say of the sample's rows.

        Args:
            sample: as it is now.
            sequences: domain → its sequences, as they are now.

        Raises:
            ArtifactError: there are none, they were made of other rows, splits, folds or events, or a domain that
                they read is gone.
        """
        from anna_core.models.trees.model import BoostingModel

        folder = self.current()
        model = BoostingModel.load(folder)
        said = model.vectors(read_scores(folder / _SCORES, sample.task.score_names), sequences)
        read = {name: sequences[name].meta.data_version for name in model.names}
        made_of = (model.provenance["rows"], model.provenance["sequences"])
        _require_same(made_of == (sample.version, read), self.member, self.key)
        return model, said

    def read_folds(self, folds: int, score_names: tuple[str, ...]) -> list[np.ndarray]:
        """Scores (u, K) by the trees of each fold of the rows that none of them saw; none if there is one fold."""
        folder = self.current()
        return [read_scores(folder / _FOLD.format(fold), score_names) for fold in _several(folds)]


@dataclass(frozen=True)
class MetamodelFolder(ArtifactFolder):
    """The metamodel of a launch, with its scores of the sample's rows."""

    def write(self, model: "Metamodel", provenance: dict[str, Any], scores: pl.DataFrame) -> None:
        """Keep the metamodel, what it was made of, and its scores of the sample's rows (see `score_frame`)."""
        with self.writing() as folder:
            model.save(folder, provenance)
            scores.write_parquet(folder / _SCORES)

    def read(self) -> "Metamodel":
        """The metamodel; raises `ArtifactError` where there is none."""
        from anna_core.models.blend.metamodel import Metamodel

        return Metamodel.load(self.current())

    def read_with_scores(self) -> "tuple[Metamodel, np.ndarray]":
        """The metamodel, and its scores (n, K) of the sample's rows; raises `ArtifactError` where there is none."""
        from anna_core.models.blend.metamodel import Metamodel

        folder = self.current()
        model = Metamodel.load(folder)
        return model, read_scores(folder / _SCORES, model.spec.task.score_names)


def _several(folds: int) -> range:
    """The folds of a model that has more than one: only then is what each says kept."""
    return range(folds if folds > 1 else 0)


def rows_version(sample: Sample, sequences: Sequences) -> str:
    """What the rows of a sample are in a domain: changes with their targets, splits, folds and events."""
    return f"{sample.version}-{sequences.meta.data_version}"


def _require_same(same: bool, what: str, key: str) -> None:
    if not same:
        raise ArtifactError(
            f"{what} of {key} was made of other rows, splits, folds or events than the sample has now. Materialize "
            "it, and what hangs on it, again."
        )
