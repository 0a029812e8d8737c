"""Boosting on aggregates: trees on hand-made features of one domain, and of all; the metamodel weighs them."""

from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import polars as pl

from anna_assets.compute import training_threads
from anna_assets.layers import guards, samples
from anna_assets.layers.sequences import read_sequences
from anna_assets.partitions import SAMPLE
from anna_assets.steps import step_asset
from anna_core import storage
from anna_core.domains import Domain
from anna_core.keys import TREES
from anna_core.models.scores_file import score_frame
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.trees.model import BoostingSpec

SCORES_FILE = "scores.parquet"
FOLD_FILE = "fold-{}.parquet"  # what one fold's trees say of rows that none of them saw
_TOLD = 20  # aggregates that the asset's page names


def boosting_key(domain: str | None) -> dg.AssetKey:
    """Key of the trees of a domain, or of all."""
    return dg.AssetKey([TREES] if domain is None else [TREES, domain])


def member_name(domain: str | None) -> str:
    """What the metamodel calls them."""
    return "/".join(boosting_key(domain).path)


def boosting_asset(domains: list[Domain], domain: str | None) -> dg.AssetsDefinition:
    """The asset `boosting/<domain>`, or `boosting` over all, partitioned by sample."""
    read = [one for one in domains if domain in (None, one.name)]
    of = domain or "all domains beside each other"

    @step_asset(
        key=boosting_key(domain),
        partitions_def=SAMPLE,
        deps=[samples.KEY, *(dg.AssetKey(["sequences", one.name]) for one in read)],
        pool="training",
        group_name="models",
        kinds={"lightgbm"},
        owners=read[0].owners if domain else None,
        description=f"Trees on aggregates of {of}, and what they say of each row of the sample that they did not see.",
    )
    def boosting(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.models.provenance import made_of
        from anna_core.models.trees.training import train_boosting
        from anna_core.models.unseen import unseen_rows

        key = context.partition_key
        sample = samples.read_sample(warehouse, key)
        sequences = [read_sequences(warehouse, one, sample) for one in read]
        guards.require_no_leak(context)
        threads = training_threads()
        model = train_boosting(sequences, sample.target, sample.weight, sample.split, sample.fold, sample.task, threads)
        version = model.data_version

        def frame(rows: np.ndarray | slice, scores: np.ndarray) -> pl.DataFrame:
            of = sample.rows[rows]
            return score_frame(of["client_id"], of["as_of"], scores, sample.task.score_names, version)

        scores = model.predict(sequences, threads, sample.fold)
        unseen = unseen_rows(sample.split, sample.task.seed)
        by_fold = model.predict_by_fold([part.take(unseen) for part in sequences], threads)
        read_versions = {part.domain.name: part.meta.data_version for part in sequences}
        provenance = made_of(sample, threads, sequences=read_versions)
        with storage.write_directory(warehouse.boosting(domain, key)) as folder:
            model.save(folder, provenance)
            frame(slice(None), scores).write_parquet(folder / SCORES_FILE)
            for fold, of_fold in enumerate(by_fold):
                frame(unseen, of_fold).write_parquet(folder / FOLD_FILE.format(fold))
        return dg.MaterializeResult(
            data_version=dg.DataVersion(version),
            metadata={
                "dagster/row_count": len(scores),
                "aggregates": len(model.spec.aggregates),
                "share of the gain": dg.MetadataValue.json(
                    {name: round(share, 4) for name, share in model.importance()[:_TOLD]}
                ),
                "note": _note(model.spec),
            },
        )

    return boosting


def _note(spec: "BoostingSpec") -> str:
    if not spec.outputs:
        return "nothing to learn from: it gives the base rate"
    if spec.out_of_time:
        told = f"{spec.out_of_time} of {spec.folds * len(spec.outputs)} boosters were stopped by the budget of time"
        return f"trained; {told} (training.budget in task.yaml)"
    return "trained"
