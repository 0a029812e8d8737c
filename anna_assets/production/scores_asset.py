"""Production's scores: the champion scores all clients as of a month's end, for the bank's other systems.

A challenger scores the same clients along with it; its scores are only looked at by the monitoring.
"""

import dagster as dg

from anna_assets.layers.mart_assets import joint_version
from anna_assets.partitions import TO_MONTH, TO_TASK, task_keys
from anna_assets.production.champion_asset import CHAMPION_KEY
from anna_assets.production.scoring import MonthScorer, facts_of, version_of
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_resources.ledger.champions import Champions
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

SCORES_KEY = dg.AssetKey(["production", "scores"])
CHALLENGER_KEY = dg.AssetKey(["production", "challenger"])
_MONTHS_PER_RUN = 12  # a run that scores a year loads each model once


class NobodyScoresError(AnnaError):
    """A task has no champion, or no challenger."""


def production_scores_asset(domains: list[Domain], partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `production/scores`, partitioned by month and task."""

    @step_asset(
        key=SCORES_KEY,
        description="The champion's scores of every client as of the month's end, with deciles; made by itself once "
        "the month is complete, and again where late events change it.",
        **_settings(domains, partitions),
    )
    def production_scores(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        champions, scorer, versions = Champions.of(load_settings()), MonthScorer(warehouse, domains), []
        for task, at in task_keys(context.partition_keys):
            champion = champions.current(task)
            if champion is None:
                raise NobodyScoresError(
                    f"{task} has no champion, so nobody scores: promote a launch by the job `promote`."
                )
            frame, done = scorer.score(task, champion.tag, at)
            stored = warehouse.production(task)
            stored.write(at, frame, done)
            versions.append(version_of(done))
            context.log.info(f"{task} {at:%Y-%m}: {len(frame):,} clients scored by {done.model}")
            key = str(dg.MultiPartitionKey({"month": at.isoformat(), "task": task}))
            context.add_asset_metadata(facts_of(frame, done, stored.month(at)), SCORES_KEY, partition_key=key)
        return dg.MaterializeResult(data_version=joint_version(versions))

    return production_scores


def challenger_asset(domains: list[Domain], partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `production/challenger`, partitioned by month and task."""

    @step_asset(
        key=CHALLENGER_KEY,
        description="The scores of a launch that scores along with the champion, to be compared; nobody is given them.",
        **_settings(domains, partitions),
    )
    def production_challenger(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        champions, scorer, versions = Champions.of(load_settings()), MonthScorer(warehouse, domains), []
        for task, at in task_keys(context.partition_keys):
            challenger = champions.challenger(task)
            if challenger is None:
                raise NobodyScoresError(f"{task} has no challenger: name one by the job `promote`, press CHALLENGE.")
            frame, done = scorer.score(task, challenger.tag, at)
            stored = warehouse.challenger(task).month(at)
            stored.write(frame, done)
            versions.append(version_of(done))
            key = str(dg.MultiPartitionKey({"month": at.isoformat(), "task": task}))
            context.add_asset_metadata(facts_of(frame, done, stored), CHALLENGER_KEY, partition_key=key)
        return dg.MaterializeResult(data_version=joint_version(versions))

    return production_challenger


def _settings(domains: list[Domain], partitions: dg.MultiPartitionsDefinition) -> dict[str, object]:
    return {
        "partitions_def": partitions,
        "deps": [
            dg.AssetDep(CHAMPION_KEY, partition_mapping=TO_TASK),
            *(dg.AssetDep(["history", domain.name], partition_mapping=TO_MONTH) for domain in domains),
        ],
        "pool": "scoring",
        "group_name": "production",
        "kinds": {"pytorch", "parquet"},
        "backfill_policy": dg.BackfillPolicy.multi_run(_MONTHS_PER_RUN),
    }
