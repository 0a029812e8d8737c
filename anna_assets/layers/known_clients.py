"""Whether the marts know a sample's clients: asked as its launch begins. Of uploads `uploads/work.py` asks."""

from collections.abc import Sequence

import polars as pl

from anna_assets.layers.fresh_marts import stale_marts
from anna_core.domains import Domain
from anna_core.guards.matching import Match, match_sample
from anna_core.sequences.touched_months import months_needed
from anna_resources.warehouse import Warehouse


def match_clients(warehouse: Warehouse, domains: Sequence[Domain], rows: pl.DataFrame) -> Match:
    """What the marts know of a sample's clients and dates.

    A domain whose marts are still to be built for these rows is passed over: what it lacks may come yet.

    Args:
        warehouse: the deployment's.
        domains: those that a launch would be trained on.
        rows: the sample's client_id (text) and as_of (date).
    """
    as_of = rows["as_of"].to_numpy()
    ready = [domain for domain in domains if not stale_marts(warehouse, domain, months_needed(domain, as_of))]
    return match_sample(rows, [(domain, warehouse.mart(domain).path) for domain in ready])
