"""Production's scores: the champion scores all clients as of a period's end, for the bank's other systems.

A challenger scores the same clients along with it; its scores are only looked at by the monitoring.
"""

from collections.abc import Callable

import dagster as dg

from anna_assets.layers.fresh_marts import history_key
from anna_assets.layers.mart_assets import joint_version
from anna_assets.partitions import TO_PERIOD, TO_TASK, task_key, task_keys
from anna_assets.production.champion_asset import CHAMPION_KEY
from anna_assets.production.scoring import PeriodScorer, facts_of, version_of
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.periods import Cadence
from anna_resources.artifacts.production import TaskScores
from anna_resources.ledger.champions import Champions, NobodyScoresError
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

SCORES_KEY = dg.AssetKey(["production", "scores"])
CHALLENGER_KEY = dg.AssetKey(["production", "challenger"])
_PERIODS_PER_RUN = 12  # a run that scores a year loads each model once


def scores_assets(
    domains: list[Domain], partitions: dg.MultiPartitionsDefinition, cadence: Cadence
) -> list[dg.AssetsDefinition]:
    """The assets `production/scores` and `production/challenger`, partitioned by period and task."""

    def asset(
        key: dg.AssetKey,
        description: str,
        who: Callable[[Champions, str], str],
        scores_of: Callable[[Warehouse, str], TaskScores],
    ) -> dg.AssetsDefinition:
        @step_asset(
            key=key,
            partitions_def=partitions,
            deps=[
                dg.AssetDep(CHAMPION_KEY, partition_mapping=TO_TASK),
                *(dg.AssetDep(history_key(domain, cadence), partition_mapping=TO_PERIOD) for domain in domains),
            ],
            pool="scoring",
            group_name="production",
            kinds={"pytorch", "parquet"},
            backfill_policy=dg.BackfillPolicy.multi_run(_PERIODS_PER_RUN),
            description=description,
        )
        def scores(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
            champions, scorer, versions = Champions.of(load_settings()), PeriodScorer(warehouse, domains), []
            for task, at in task_keys(context.partition_keys, cadence):
                frame, done = scorer.score(task, who(champions, task), at)
                stored = scores_of(warehouse, task)
                stored.write(at, frame, done)
                versions.append(version_of(done))
                context.log.info(f"{task} {at}: {len(frame):,} clients scored by {done.model}")
                facts = facts_of(frame, done, stored.of(at))
                context.add_asset_metadata(facts, key, partition_key=task_key(task, at))
            return dg.MaterializeResult(data_version=joint_version(versions))

        return scores

    published = f"The champion's scores of every client as of the {cadence}'s end, with deciles; made by itself once "
    published += f"the {cadence} is complete, and again where late events change it."
    along = "The scores of a launch that scores along with the champion, to be compared; nobody is given them."
    return [
        asset(SCORES_KEY, published, lambda champions, task: champions.require(task).tag, Warehouse.production),
        asset(CHALLENGER_KEY, along, _challenger, Warehouse.challenger),
    ]


def _challenger(champions: Champions, task: str) -> str:
    if (challenger := champions.challenger(task)) is None:
        raise NobodyScoresError(f"{task} has no challenger: name one by the job `promote`, press CHALLENGE.")
    return challenger.tag
