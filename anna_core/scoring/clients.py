"""Scores clients with all models of a launch: the nets' vectors, the trees on histories, and the blend of both."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.errors import ArtifactError
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.scores_file import score_frame
from anna_core.models.trees.model import BoostingModel, predict_all
from anna_core.models.vectors import DomainVectors
from anna_core.models.vectors_file import StoredVectors
from anna_core.sequences.ragged import Sequences


@dataclass(frozen=True)
class ClientScorer:
    """The metamodel of a launch and the trees among its members.

    Attributes:
        metamodel: the model over all members.
        trees: member → its model.
    """

    metamodel: Metamodel
    trees: Mapping[str, BoostingModel]

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains whose nets are members."""
        return tuple(name for name in self.metamodel.members if name not in self.trees)

    def score(
        self, stored: Mapping[str, StoredVectors], histories: Mapping[str, Sequences], as_of: dt.date, threads: int
    ) -> pl.DataFrame:
        """Score every client who has a history in any domain.

        Args:
            stored: domain → the vectors that its nets gave its clients.
            histories: domain → the sequences of its clients.
            as_of: the date of the scores.
            threads: number of CPU threads.

        Returns:
            One row per client, see `score_frame`.

        Raises:
            ArtifactError: a member is missing or was trained again after the metamodel was fitted, or a history is not
                the one that the nets read.
        """
        versions = {name: part.model_version for name, part in stored.items()}
        versions |= {name: model.data_version for name, model in self.trees.items()}
        require_same_generation(self.metamodel, versions)
        for name in self.domains:
            if stored[name].rows_version != histories[name].meta.data_version:
                raise ArtifactError(
                    f"domain {name}: its history was built anew after these clients were embedded. Materialize "
                    f"retro/embedding/{name} of this month again."
                )
        clients = pl.concat([pl.Series("client_id", stored[name].client_id) for name in self.domains]).unique().sort()
        order = clients.to_arrow(compat_level=pl.CompatLevel.oldest())
        nets = {name: stored[name].aligned(order) for name in self.domains}
        sequences = {name: histories[name].of_clients(order) for name in self.domains}
        scores = self.blend(nets, sequences, threads)
        dates = pl.Series("as_of", [as_of], dtype=pl.Date).new_from_index(0, len(clients))
        names = self.metamodel.spec.task.score_names
        return score_frame(clients, dates, scores, names, self.metamodel.data_version)

    def blend(self, nets: Mapping[str, DomainVectors], sequences: Mapping[str, Sequences], threads: int) -> np.ndarray:
        """Score n rows that no model was fitted on.

        Args:
            nets: domain → what its nets say of the rows.
            sequences: domain → its sequences of the same rows.
            threads: number of CPU threads.

        Returns:
            (n, K) float32 scores in the task's own units.
        """
        members = dict(nets)
        said = predict_all(list(self.trees.values()), sequences, threads)
        for (name, model), scores in zip(self.trees.items(), said, strict=True):
            members[name] = model.vectors(scores, sequences)
        return self.metamodel.predict(members, threads)


def embed_clients(model: DomainModel, history: Sequences, threads: int) -> StoredVectors:
    """What a domain's nets say of all clients of a history."""
    return StoredVectors(
        history.client_id,
        history.as_of,
        model.predict(history, threads=threads),
        model.absent_scores,
        model.data_version,
        model.spec.folds,
        history.meta.data_version,
    )


def require_same_generation(model: Metamodel, versions: Mapping[str, str]) -> None:
    """Raise `ArtifactError` if a member is gone or was trained again after the metamodel was fitted."""
    for name in model.members:
        if name not in versions:
            raise ArtifactError(
                f"{name}: the metamodel was fitted on it, but this deployment has no such domain or trees any more. "
                "Put the domain's file back into the domains' folder, or train the task again."
            )
        expected = model.provenance["models"][name]
        if versions[name] != expected:
            raise ArtifactError(
                f"{name}: the model is {versions[name]}, but the metamodel was fitted on {expected}. Materialize the "
                "metamodel again, or what that model gave."
            )
