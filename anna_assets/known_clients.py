"""Whether the marts know a sample's clients: asked as its launch begins. Of uploads `uploads/work.py` asks."""

from collections.abc import Sequence

import polars as pl

from anna_core.domains import Domain
from anna_core.guards.matching import Match, match_sample
from anna_core.sequences.build import months_needed
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse


def match_clients(warehouse: Warehouse, domains: Sequence[Domain], rows: pl.DataFrame) -> Match:
    """What the marts know of a sample's clients and dates.

    A domain whose marts are still to be built for these rows is passed over: what it lacks may come yet.

    Args:
        warehouse: the deployment's.
        domains: those that a launch would be trained on.
        rows: the sample's client_id (text) and as_of (date).
    """
    return match_sample(rows, [(d, warehouse.mart(d).path) for d in domains if _is_ready(warehouse, d, rows)])


def _is_ready(warehouse: Warehouse, domain: Domain, rows: pl.DataFrame) -> bool:
    months = [month for month in months_needed(domain, rows["as_of"].to_numpy()) if load_settings().keeps(month)]
    return not warehouse.mart(domain).stale_months(months)
