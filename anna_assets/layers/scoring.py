"""The models of a launch, loaded to score a month's clients."""

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from anna_assets.layers import guards
from anna_assets.layers.boosting import member_name
from anna_assets.layers.members import tree_domains
from anna_core import storage
from anna_core.domains import Domain
from anna_core.months import next_month
from anna_core.sequences.ragged import Sequences
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.scoring.clients import ClientScorer


def load_scorer(warehouse: Warehouse, sample: str, domains: list[Domain]) -> "ClientScorer":
    """Load the metamodel of a launch and the trees among its members."""
    from anna_core.models.blend.metamodel import Metamodel
    from anna_core.models.trees.model import BoostingModel
    from anna_core.scoring.clients import ClientScorer

    model = Metamodel.load(storage.read_directory(warehouse.metamodel(sample)))
    trees = {
        member_name(domain): BoostingModel.load(storage.read_directory(warehouse.boosting(domain, sample)))
        for domain in tree_domains(domains)
        if member_name(domain) in model.members
    }
    return ClientScorer(model, trees)


def score_month(
    warehouse: Warehouse, scorer: "ClientScorer", sample: str, domains: list[Domain], at: dt.date, threads: int
) -> pl.DataFrame:
    """Score every client who has a history in some domain as of the end of a month."""
    from anna_core.models.vectors_file import StoredVectors

    names = [domain.name for domain in domains if domain.name in scorer.metamodel.members]
    stored = {name: StoredVectors.read(warehouse.retro_embedding(name, sample, at)) for name in names}
    histories = {name: read_history(warehouse, name, at) for name in names}
    return scorer.score(stored, histories, next_month(at), threads)


def read_history(warehouse: Warehouse, domain: str, at: dt.date) -> Sequences:
    """Every client's stored sequence as of the end of a month.

    Raises:
        TrainingError: some see too much.
    """
    folder = storage.read_directory(warehouse.history(domain, at))
    guards.require_clean(folder, f"history/{domain}")
    return Sequences.open(folder)
