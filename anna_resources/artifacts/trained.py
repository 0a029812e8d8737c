"""The models of a launch, and their output for the sample's rows. PyTorch and LightGBM are imported on first use."""

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
_FOLD = "fold-{}.parquet"  # the output of one fold's models for rows that no model was fitted on


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
        """Replace the model; `provenance`, what it was made from, must be values that JSON can hold."""
        with self.writing() as folder:
            model.save(folder, provenance)

    def read(self) -> "DomainModel":
        """Load the model, even if the sample has changed since; raises `ArtifactError` if there is none."""
        from anna_core.models.nets.domain_model import DomainModel

        return DomainModel.load(self.current())

    def read_for(self, sample: Sample) -> "DomainModel":
        """Load the model in order to score the sample's rows.

        Raises:
            ArtifactError: there is none, or it was trained on other rows, splits or folds.
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
    """The embeddings and scores that a domain's nets give a sample's rows.

    Attributes:
        domain: its name.
        key: of the sample.
    """

    domain: str
    key: str

    def write(self, vectors: "StoredVectors", by_fold: "Sequence[StoredVectors]", score_names: tuple[str, ...]) -> None:
        """Replace the vectors.

        Args:
            vectors: of the sample's rows, in order; its `rows_version` must be what the function `rows_version` says.
            by_fold: for each of several folds, what its nets alone give the rows that no net was fitted on.
            score_names: names of the K scores.
        """
        with self.writing() as folder:
            vectors.write(folder / _VECTORS, score_names)
            for fold, of_fold in enumerate(by_fold):
                of_fold.write(folder / _FOLD.format(fold), score_names)

    def read_folds(self, folds: int) -> "list[DomainVectors]":
        """The vectors that each fold's nets give the rows that no net was fitted on; empty if there is one fold.

        Raises:
            ArtifactError: there are none.
        """
        from anna_core.models.vectors_file import StoredVectors

        folder = self.current()
        return [StoredVectors.read(folder / _FOLD.format(fold)).vectors for fold in _several(folds)]

    def read(self, sample: Sample, sequences: Sequences) -> "StoredVectors":
        """The vectors of the sample's n rows, in order.

        Args:
            sample: the sample as it is now.
            sequences: the domain's sequences as they are now.

        Raises:
            ArtifactError: there are none, or they were made from other rows, splits, folds or events.
        """
        from anna_core.models.vectors_file import StoredVectors

        stored = StoredVectors.read(self.current() / _VECTORS)
        _require_same(stored.rows_version == rows_version(sample, sequences), f"embedding/{self.domain}", self.key)
        return stored


@dataclass(frozen=True)
class TreesFolder(ArtifactFolder):
    """The trees on the aggregates of one domain, or of all, with their scores of the sample's rows.

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
        """Replace the trees and their scores.

        Args:
            model: the trees.
            provenance: what they were made from, as values that JSON can hold.
            scores: of the sample's rows, in order (see `score_frame`).
            by_fold: for each of several folds, the scores that its trees alone give rows that no tree was fitted on.
        """
        with self.writing() as folder:
            model.save(folder, provenance)
            scores.write_parquet(folder / _SCORES)
            for fold, of_fold in enumerate(by_fold):
                of_fold.write_parquet(folder / _FOLD.format(fold))

    def read(self) -> "BoostingModel":
        """Load the trees, even if the sample has changed since; raises `ArtifactError` if there are none."""
        from anna_core.models.trees.model import BoostingModel

        return BoostingModel.load(self.current())

    def read_for(self, sample: Sample, sequences: Mapping[str, Sequences]) -> "tuple[BoostingModel, DomainVectors]":
        """Load the trees, and their scores of the sample's n rows, in order.

        Args:
            sample: the sample as it is now.
            sequences: domain → its sequences as they are now.

        Raises:
            ArtifactError: there are none, they were made from other rows, splits, folds or events, or a domain that
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
        """The scores (u, K) that each fold's trees give the u rows that no tree was fitted on.

        Returns:
            One array per fold; empty if there is one fold.

        Raises:
            ArtifactError: there are none.
        """
        folder = self.current()
        return [read_scores(folder / _FOLD.format(fold), score_names) for fold in _several(folds)]


@dataclass(frozen=True)
class MetamodelFolder(ArtifactFolder):
    """The metamodel of a launch, with its scores of the sample's rows."""

    def write(self, model: "Metamodel", provenance: dict[str, Any], scores: pl.DataFrame) -> None:
        """Replace the metamodel, its provenance (values that JSON can hold) and its scores (see `score_frame`)."""
        with self.writing() as folder:
            model.save(folder, provenance)
            scores.write_parquet(folder / _SCORES)

    def read(self) -> "Metamodel":
        """Load the metamodel; raises `ArtifactError` if there is none."""
        from anna_core.models.blend.metamodel import Metamodel

        return Metamodel.load(self.current())

    def read_with_scores(self) -> "tuple[Metamodel, np.ndarray]":
        """Load the metamodel, and its scores (n, K) of the sample's rows; raises `ArtifactError` if there is none."""
        from anna_core.models.blend.metamodel import Metamodel

        folder = self.current()
        model = Metamodel.load(folder)
        return model, read_scores(folder / _SCORES, model.spec.task.score_names)


def _several(folds: int) -> range:
    """The folds of a model that has several; what single folds say is kept only then."""
    return range(folds if folds > 1 else 0)


def rows_version(sample: Sample, sequences: Sequences) -> str:
    """Digest of a sample's rows in a domain, which changes with their targets, splits, folds and events."""
    return f"{sample.version}-{sequences.meta.data_version}"


def _require_same(same: bool, what: str, key: str) -> None:
    if not same:
        raise ArtifactError(
            f"{what} of {key} was made of other rows, splits, folds or events than the sample has now. Materialize "
            "it, and what hangs on it, again."
        )
