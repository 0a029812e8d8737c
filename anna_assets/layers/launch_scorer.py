"""The models of a launch, loaded to score a month's clients."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from anna_assets.layers.members import tree_domains
from anna_core.domains import Domain
from anna_core.months import next_month
from anna_core.periods import Period
from anna_core.sequences.ragged import Sequences
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.scoring.clients import ClientScorer


def load_scorer(warehouse: Warehouse, sample: str, domains: list[Domain]) -> "ClientScorer":
    """Load the metamodel of a launch and the trees among its members."""
    from anna_core.scoring.clients import ClientScorer

    model = warehouse.metamodel(sample).read()
    stored = [warehouse.boosting(domain, sample) for domain in tree_domains(domains)]
    return ClientScorer(model, {one.member: one.read() for one in stored if one.member in model.members})


def read_histories(
    warehouse: Warehouse, scorer: "ClientScorer", domains: list[Domain], at: dt.date
) -> dict[str, Sequences]:
    """The clients' sequences as of the end of a month, of each domain that the launch was trained on."""
    return {
        domain.name: warehouse.history(domain, Period(at)).read()
        for domain in domains
        if domain.name in scorer.metamodel.members
    }


def score_month(
    warehouse: Warehouse,
    scorer: "ClientScorer",
    sample: str,
    histories: Mapping[str, Sequences],
    domains: list[Domain],
    at: dt.date,
    threads: int,
) -> pl.DataFrame:
    """Score every client who has a history in any domain as of the end of a month."""
    read = [domain for domain in domains if domain.name in histories]
    stored = {domain.name: warehouse.retro_embedding(domain, sample, at).read() for domain in read}
    return scorer.score(stored, histories, next_month(at), threads)
