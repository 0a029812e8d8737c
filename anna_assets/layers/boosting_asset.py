"""Boosting: trees on the aggregates of each domain, and of all together, which the metamodel weights."""

from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import polars as pl

from anna_assets.compute import training_threads
from anna_assets.layers import guard_checks
from anna_assets.layers.members import member_name
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.partitions import SAMPLE
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.scores_file import score_frame
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.trees.model import BoostingSpec

_TOLD = 20  # number of aggregates that the asset's page names


def boosting_key(domain: Domain | None) -> dg.AssetKey:
    """Asset key of the trees of a domain, or of all domains (None)."""
    return dg.AssetKey(member_name(domain).split("/"))


def boosting_asset(domains: list[Domain], domain: Domain | None) -> dg.AssetsDefinition:
    """The asset `boosting/<domain>`, or `boosting` over all domains, partitioned by sample."""
    read = [domain] if domain else domains
    of = domain.name if domain else "all domains beside each other"

    @step_asset(
        key=boosting_key(domain),
        partitions_def=SAMPLE,
        deps=[SAMPLE_KEY, *(dg.AssetKey(["sequences", one.name]) for one in read)],
        pool="training",
        group_name="models",
        kinds={"lightgbm"},
        owners=domain.owners if domain else None,
        description=f"Trees on aggregates of {of}, and what they say of each row of the sample that they did not see.",
    )
    def boosting(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.models.provenance import made_of
        from anna_core.models.trees.training import train_boosting
        from anna_core.models.unseen import unseen_rows

        key = context.partition_key
        sample, planned = warehouse.sample(key).read(), warehouse.sample(key).domains()
        read = [one for one in planned if domain is None or one.name == domain.name]
        if not read:
            raise ArtifactError(f"{key} was planned without {of}. Register the sample again to train with it.")
        sequences = [warehouse.sequences(one, key).read(sample) for one in read]
        guard_checks.require_no_leak(context)
        threads = training_threads()
        model = train_boosting(sequences, sample.target, sample.weight, sample.split, sample.fold, sample.task, threads)
        version = model.data_version

        def frame(rows: np.ndarray | slice, scores: np.ndarray) -> pl.DataFrame:
            part = sample.rows[rows]
            return score_frame(part["client_id"], part["as_of"], scores, sample.task.score_names, version)

        scores = model.predict(sequences, threads, sample.fold)
        unseen = unseen_rows(sample.split, sample.task.seed)
        by_fold = model.predict_by_fold([part.take(unseen) for part in sequences], threads)
        read_versions = {part.domain.name: part.meta.data_version for part in sequences}
        provenance = made_of(sample, threads, launch=warehouse.sample(key).tag(), sequences=read_versions)
        frames = [frame(unseen, of_fold) for of_fold in by_fold]
        warehouse.boosting(domain, key).write(model, provenance, frame(slice(None), scores), frames)
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
