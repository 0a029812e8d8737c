"""Production's scores: the champion scores all clients as of a month's end, for the bank's other systems."""

import datetime as dt

import dagster as dg

from anna_assets.compute import scoring_threads
from anna_assets.layers.fresh_marts import now_made_of, require_fresh_histories
from anna_assets.layers.mart_assets import joint_version
from anna_assets.partitions import TO_MONTH, TO_TASK, task_keys
from anna_assets.places import place
from anna_assets.production.champion_asset import CHAMPION_KEY
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.months import next_month
from anna_resources.artifacts.production import Done
from anna_resources.ledger.champions import Champions
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

SCORES_KEY = dg.AssetKey(["production", "scores"])
_MONTHS_PER_RUN = 12  # a run that scores a year loads each model once


class NoChampionError(AnnaError):
    """Nobody scores a task."""


def production_scores_asset(domains: list[Domain], partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `production/scores`, partitioned by month and task."""

    @step_asset(
        key=SCORES_KEY,
        partitions_def=partitions,
        deps=[
            dg.AssetDep(CHAMPION_KEY, partition_mapping=TO_TASK),
            *(dg.AssetDep(["history", domain.name], partition_mapping=TO_MONTH) for domain in domains),
        ],
        pool="scoring",
        group_name="production",
        kinds={"pytorch", "parquet"},
        description="The champion's scores of every client as of the month's end, with deciles; made by itself once "
        "the month is complete, and again where late events change it.",
        backfill_policy=dg.BackfillPolicy.multi_run(_MONTHS_PER_RUN),
    )
    def production_scores(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.scoring.published import published

        champions, versions = Champions.of(load_settings()), []
        model, loaded = None, ""
        for task, at in task_keys(context.partition_keys):
            champion = champions.current(task)
            if champion is None:
                raise NoChampionError(
                    f"{task} has no champion, so nobody scores: promote a launch by the job `promote`."
                )
            if model is None or loaded != champion.tag:
                model, loaded = warehouse.candidate(champion.tag).model(), champion.tag
            read = {domain.name: domain for domain in domains if domain.name in model.nets}
            require_fresh_histories(warehouse, read.values(), at)
            made_of = {name: now_made_of(warehouse, domain, at).digest for name, domain in read.items()}
            histories = {name: warehouse.history(domain, at).read() for name, domain in read.items()}
            scores = model.score(histories, next_month(at), scoring_threads())
            frame = published(scores, histories, champion.tag)
            done = Done(
                task=task,
                month=f"{at:%Y-%m}",
                as_of=next_month(at),
                model=champion.tag,
                model_version=model.version,
                rows=len(frame),
                histories=made_of,
                scored_at=dt.datetime.now(tz=dt.UTC).replace(microsecond=0),
            )
            stored = warehouse.production(task)
            stored.write(at, frame, done)
            versions.append(f"{model.version}-{joint_version(sorted(done.histories.values())).value}")
            context.log.info(f"{task} {at:%Y-%m}: {len(frame):,} clients scored by {champion.tag}")
            known = {name: int((frame[f"events_{name}"] > 0).sum()) for name in histories}
            means = {name: frame[name].mean() for name in model.facts.task.score_names}
            facts = {
                "dagster/row_count": len(frame),
                "ledger": champion.tag,
                "mean score": dg.MetadataValue.json(means),
                "clients by domain": dg.MetadataValue.json(known),
                "path": place(stored.month(at).path),
            }
            key = str(dg.MultiPartitionKey({"month": at.isoformat(), "task": task}))
            context.add_asset_metadata(facts, SCORES_KEY, partition_key=key)
        return dg.MaterializeResult(data_version=joint_version(versions))

    return production_scores
