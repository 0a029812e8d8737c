"""Scores a month's clients with all models of a launch."""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from anna_assets.layers.boosting import member_name
from anna_assets.layers.members import require_same_generation, tree_domains
from anna_core import storage
from anna_core.domains import Domain
from anna_core.months import next_month
from anna_core.scoring.scores_file import score_frame
from anna_core.sequences.ragged import Sequences
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.boosting.model import BoostingModel
    from anna_core.scoring.metamodel import Metamodel


@dataclass(frozen=True)
class Launch:
    """What scores a client's vectors: the metamodel of a launch and the trees among its members, loaded once.

    Attributes:
        sample: key of the launch.
        metamodel: over all members.
        trees: member → its model.
        domains: that the members read.
    """

    sample: str
    metamodel: "Metamodel"
    trees: "dict[str, BoostingModel]"
    domains: tuple[str, ...]

    @classmethod
    def load(cls, warehouse: Warehouse, sample: str, domains: list[Domain]) -> "Launch":
        """Load the models of a launch."""
        from anna_core.boosting.model import BoostingModel
        from anna_core.scoring.metamodel import Metamodel

        model = Metamodel.load(storage.read_directory(warehouse.metamodel(sample)))
        trees = {
            member_name(domain): BoostingModel.load(storage.read_directory(warehouse.boosting(domain, sample)))
            for domain in tree_domains(domains)
            if member_name(domain) in model.members
        }
        return cls(sample, model, trees, tuple(one.name for one in domains if one.name in model.members))

    def score(self, warehouse: Warehouse, at: dt.date, threads: int) -> pl.DataFrame:
        """Score every client who has a history in some domain as of the end of a month.

        Raises:
            ArtifactError: vectors or trees are of another training than the metamodel.
        """
        from anna_core.boosting.model import predict_all
        from anna_core.scoring.vectors_file import StoredVectors

        stored = {name: StoredVectors.read(warehouse.retro_embedding(name, self.sample, at)) for name in self.domains}
        versions = {name: part.model_version for name, part in stored.items()}
        versions |= {name: model.data_version for name, model in self.trees.items()}
        require_same_generation(self.metamodel, versions)
        clients = pl.concat([pl.Series("client_id", part.client_id) for part in stored.values()]).unique().sort()
        order = clients.to_arrow(compat_level=pl.CompatLevel.oldest())
        members = {name: part.aligned(order) for name, part in stored.items()}
        histories = {
            name: Sequences.open(storage.read_directory(warehouse.history(name, at))).of_clients(order)
            for name in self.domains
        }
        models = list(self.trees.values())
        for (name, model), scores in zip(self.trees.items(), predict_all(models, histories, threads), strict=True):
            members[name] = model.vectors(scores, histories)
        scores = self.metamodel.predict(members)
        as_of = pl.Series("as_of", [next_month(at)], dtype=pl.Date).new_from_index(0, len(clients))
        names = self.metamodel.spec.task.score_names
        return score_frame(clients, as_of, scores, names, self.metamodel.data_version)
