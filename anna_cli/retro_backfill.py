"""Retro-inference: choosing the partitions to make, and launching their backfill."""

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anna_cli.graphql import GraphQLClient, Json
from anna_cli.queries import LAUNCH_BACKFILL, PARTITION_KEYS, STALE_STATUS
from anna_cli.report_reader import materializations
from anna_core.errors import AnnaError
from anna_core.keys import parse_sample_key
from anna_core.months import months_between, next_month, parse_month
from anna_resources.names import TASK_TAG

SCORES = ["retro", "scores"]
EMBEDDING = ("retro", "embedding")
HISTORY = "history"


class RetroError(AnnaError):
    """Past months cannot be scored as asked."""


@dataclass(frozen=True)
class Selection:
    """What to make.

    Attributes:
        key: of the sample whose models score.
        months: months to score, in order, as partition keys.
        histories: domain → months of its history to make first.
        domains: every domain.
    """

    key: str
    months: list[str]
    histories: dict[str, list[str]]

    @property
    def domains(self) -> list[str]:
        """Every domain, in order."""
        return sorted(self.histories)


def month_keys(first: str, last: str) -> list[str]:
    """Partition keys of the months from `first` to `last`, both included; a month is written 2023-01.

    Raises:
        RetroError: one is no month, or they are in the wrong order.
    """
    try:
        begin, end = parse_month(first), parse_month(last)
        months = list(months_between(begin, end))
    except ValueError as error:
        raise RetroError(f"{first} to {last}: {error}; write months as 2023-01.") from error
    if end < begin:
        raise RetroError(f"{first} to {last}: the first month lies after the last; swap them.")
    return [f"{month:%Y-%m-%d}" for month in months]


def runs_of_months(months: Iterable[str]) -> list[tuple[str, str]]:
    """Join neighbouring months into (first, last) ranges, as Dagster selects partitions."""
    ranges: list[tuple[str, str]] = []
    for month in sorted(months):
        if ranges and next_month(dt.date.fromisoformat(ranges[-1][1])) == dt.date.fromisoformat(month):
            ranges[-1] = (ranges[-1][0], month)
        else:
            ranges.append((month, month))
    return ranges


def select(client: GraphQLClient, key: str, months: Sequence[str], force: bool = False) -> Selection:
    """Decide what to make for the scores of some months.

    A month of history is made where it is missing or stale; with `force`, always.

    Raises:
        RetroError: the sample has no trained metamodel, or months lie outside those that ANNA keeps.
        ClientError: ANNA does not answer.
    """
    parse_sample_key(key)
    trained = materializations(client, ["metamodel"], [key])
    if not trained:
        raise RetroError(f"{key} has no trained metamodel to score with: see `anna status {key}`.")
    domains = json.loads(trained[0]["metadata"]["domains"]["jsonString"])  # later ones have no model for this sample
    _check_kept(client, domains[0], months)
    histories = {
        domain: list(months) if force else unfresh(client, [HISTORY, domain], months) for domain in sorted(domains)
    }
    return Selection(key, list(months), histories)


def unfresh(client: GraphQLClient, asset: list[str], partitions: Sequence[str]) -> list[str]:
    """Of an asset's partitions those that are missing or stale."""
    node = client.expect("AssetNode", STALE_STATUS, key={"path": asset}, partitions=list(partitions))
    statuses = node["staleStatusByPartition"]
    return [month for month, status in zip(partitions, statuses, strict=True) if status != "FRESH"]


def backfill_params(selection: Selection) -> Json:
    """The parameters of the backfill: months of histories, and pairs of month and sample of what is scored.

    Dagster takes no `assetSelection` beside `partitionsByAssets`, and writes a pair as `month|sample`, the dimensions'
    names being in order.
    """
    pairs = [
        (f"{first}|{selection.key}", f"{last}|{selection.key}") for first, last in runs_of_months(selection.months)
    ]
    chosen = [
        _chosen([HISTORY, domain], runs_of_months(months)) for domain, months in selection.histories.items() if months
    ]
    chosen += [_chosen([*EMBEDDING, domain], pairs) for domain in selection.domains]
    task = parse_sample_key(selection.key).task
    return {
        "title": f"retro-scores of {selection.key}, {selection.months[0][:7]} to {selection.months[-1][:7]}",
        "tags": [{"key": TASK_TAG, "value": task}, {"key": "anna/retro", "value": selection.key}],
        "partitionsByAssets": [*chosen, _chosen(SCORES, pairs)],
    }


def launch(client: GraphQLClient, selection: Selection) -> str:
    """Launch the backfill; return its id. Raises `ClientError`."""
    launched = client.expect("LaunchBackfillSuccess", LAUNCH_BACKFILL, params=backfill_params(selection))
    backfill_id: str = launched["backfillId"]
    return backfill_id


def _chosen(path: list[str], ranges: Iterable[tuple[str, str]]) -> Json:
    return {
        "assetKey": {"path": path},
        "partitions": {"ranges": [{"start": first, "end": last} for first, last in ranges]},
    }


def _check_kept(client: GraphQLClient, domain: str, months: Sequence[str]) -> None:
    kept = client.expect("AssetNode", PARTITION_KEYS, key={"path": [HISTORY, domain]})["partitionKeys"]
    if outside := sorted(set(months) - set(kept)):
        span = f"{kept[0][:7]} to {kept[-1][:7]}" if kept else "none yet"
        raise RetroError(
            f"{outside[0][:7]} is not among the months that ANNA keeps ({span}): choose others, "
            "or change start_month and end_month in anna.yaml."
        )
