"""Retro-inference: every client's sequence as of the end of past months, embedded and scored with trained models."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from anna_assets.compute import scoring_threads
from anna_assets.layers.boosting_asset import boosting_key
from anna_assets.layers.launch_scorer import load_scorer, read_histories, score_month
from anna_assets.layers.mart_assets import joint_version
from anna_assets.layers.members import tree_domains
from anna_assets.layers.metamodel_asset import METAMODEL_KEY
from anna_assets.partitions import TO_MONTH, TO_SAMPLE, retro_key, retro_keys
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.errors import TrainingError
from anna_core.guards.written_apart import written_apart
from anna_core.periods import Period
from anna_core.sequences.ragged import Sequences
from anna_resources.doubts import joint_doubts
from anna_resources.names import DOUBTS
from anna_resources.warehouse import Warehouse

MONTHS_PER_RUN = 12  # a run that scores a year loads each model once
SCORES = dg.AssetKey(["retro", "scores"])


def retro_embedding_asset(domain: Domain, partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `retro/embedding/<domain>`, partitioned by month and sample."""
    key = dg.AssetKey(["retro", "embedding", domain.name])

    @step_asset(
        key=key,
        partitions_def=partitions,
        deps=[
            dg.AssetDep(["history", domain.name], partition_mapping=TO_MONTH),
            dg.AssetDep(["model", domain.name], partition_mapping=TO_SAMPLE),
        ],
        pool="scoring",
        group_name="retro",
        kinds={"pytorch", "parquet"},
        owners=domain.owners,
        description=f"Client vectors that the net of {domain.name} gives every client as of the month's end.",
        backfill_policy=dg.BackfillPolicy.multi_run(MONTHS_PER_RUN),
    )
    def retro_embedding(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.scoring.clients import embed_clients

        versions, model, loaded = [], None, ""
        for sample, at in _trained(context, warehouse, key):
            if loaded != sample:
                wanted = domain.name in warehouse.metamodel(sample).read().members
                model = warehouse.model(domain, sample).read() if wanted else None
                loaded = sample
            if model is None:
                context.log.info(f"{sample} was trained without {domain.name}: there is nothing to embed.")
                versions.append("trained without this domain")
                continue
            history = warehouse.history(domain, Period(at)).read()
            said = embed_clients(model, history, scoring_threads())
            version = said.model_version
            stored = warehouse.retro_embedding(domain, sample, at)
            stored.write(said, model.spec.task.score_names)
            versions.append(f"{version}-{history.meta.data_version}")
            context.log.info(f"{sample} {at:%Y-%m}: {len(history):,} clients")
            facts = {"dagster/row_count": len(history), "model": version, "path": place(stored.path)}
            context.add_asset_metadata(facts, key, partition_key=retro_key(sample, at))
        return dg.MaterializeResult(data_version=joint_version(versions))

    return retro_embedding


def retro_scores_asset(domains: list[Domain], partitions: dg.MultiPartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `retro/scores`, partitioned by month and sample."""

    @step_asset(
        key=SCORES,
        partitions_def=partitions,
        deps=[
            *(dg.AssetKey(["retro", "embedding", domain.name]) for domain in domains),
            *(dg.AssetDep(["history", domain.name], partition_mapping=TO_MONTH) for domain in domains),
            *(dg.AssetDep(boosting_key(domain), partition_mapping=TO_SAMPLE) for domain in tree_domains(domains)),
            dg.AssetDep(METAMODEL_KEY, partition_mapping=TO_SAMPLE),
        ],
        pool="scoring",
        group_name="retro",
        kinds={"pytorch", "parquet"},
        description="Scores of every client as of the month's end: one Parquet file, one row a client.",
        backfill_policy=dg.BackfillPolicy.multi_run(MONTHS_PER_RUN),
    )
    def retro_scores(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        versions, scorer, loaded, doubts = [], None, "", dict[str, str]()
        for sample, at in _trained(context, warehouse, SCORES):
            if scorer is None or loaded != sample:
                scorer, loaded = load_scorer(warehouse, sample, domains), sample
            histories = read_histories(warehouse, scorer, domains, at)
            frame = score_month(warehouse, scorer, sample, histories, domains, at, scoring_threads())
            version = scorer.metamodel.data_version
            stored = warehouse.retro_scores(sample, at)
            stored.write(frame)
            versions.append(f"{version}-{frame.hash_rows().sum()}")
            context.log.info(f"{sample} {at:%Y-%m}: {len(frame):,} clients scored")
            facts = _facts(frame, stored.path, version) | _known(histories)
            if doubt := " ".join(_doubts(histories) + _behind(warehouse, domains, histories, at)):
                facts[DOUBTS] = doubts[f"{at:%Y-%m}"] = doubt
            context.add_asset_metadata(facts, SCORES, partition_key=retro_key(sample, at))
        for told in joint_doubts(doubts):
            context.log.warning(told)
        return dg.MaterializeResult(data_version=joint_version(versions))

    return retro_scores


def _trained(context: dg.AssetExecutionContext, warehouse: Warehouse, key: dg.AssetKey) -> list[tuple[str, dt.date]]:
    """The samples and months of the step of an asset whose sample has models.

    A backfill that was asked for months alone holds all samples of the deployment; those whose launch failed, or is not
    over, are passed over with a word on their page, as their months must not take those of the others down.

    Raises:
        TrainingError: none has.
    """
    pairs = retro_keys(context.partition_keys)
    found = [(sample, at) for sample, at in pairs if warehouse.metamodel(sample).exists()]
    without = sorted({sample for sample, _ in pairs} - {sample for sample, _ in found})
    told = f"{', '.join(without)}: no metamodel is trained, so nobody is scored. See whether its launch has succeeded."
    if not found:
        raise TrainingError(told)
    if without:
        context.log.warning(told)
    for sample, at in set(pairs) - set(found):
        doubt = {DOUBTS: "no metamodel of the sample is trained, so nobody is scored."}
        context.add_asset_metadata(doubt, key, partition_key=retro_key(sample, at))
    return found


def _facts(frame: pl.DataFrame, path: Path, version: str) -> dict[str, object]:
    names = [name for name in frame.columns if name.startswith("score")]
    means = frame.select(pl.col(names).mean()).row(0, named=True) if len(frame) else {}
    return {
        "dagster/row_count": len(frame),
        "model": version,
        "mean score": dg.MetadataValue.json({name: round(value, 6) for name, value in means.items()}),
        "path": place(path),
    }


def _known(histories: Mapping[str, Sequences]) -> dict[str, object]:
    """How many clients each domain knows."""
    known = {name: len(rows.client_id) for name, rows in histories.items()}
    return {"clients by domain": dg.MetadataValue.json(known)}


def _doubts(histories: Mapping[str, Sequences]) -> list[str]:
    """What makes doubtful that these are the clients whom the bank has."""
    clients = {name: pl.Series(rows.client_id).cast(pl.String) for name, rows in histories.items()}
    doubts = written_apart(clients)
    if not any(len(ids) for ids in clients.values()):
        doubts.append("no domain has an event in its window at this month's end, so there is nobody to score.")
    return doubts


def _behind(warehouse: Warehouse, domains: list[Domain], histories: Mapping[str, Sequences], at: dt.date) -> list[str]:
    """Which domains have no event any more in a month that is scored."""
    newest = {domain.name: warehouse.mart(domain).newest_month for domain in domains if domain.name in histories}
    return [
        f"{name} has no events after {last:%Y-%m}, so scores of later months know nothing newer of it."
        for name, last in newest.items()
        if last is not None and last < at
    ]
