"""Domain models and embeddings: the nets of each domain, trained side by side, and their vectors."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np

from anna_assets.compute import scoring_threads, training_threads
from anna_assets.epoch_listener import follow
from anna_assets.layers import guard_checks
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.partitions import SAMPLE
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.models.progress import EpochReport
from anna_core.sequences.ragged import Sequences
from anna_resources.artifacts.trained import rows_version
from anna_resources.tracking.record import Part
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.models.vectors import DomainVectors
    from anna_core.models.vectors_file import StoredVectors


def model_asset(domain: Domain) -> dg.AssetsDefinition:
    """The asset `model/<domain>`, partitioned by sample."""
    key = dg.AssetKey(["model", domain.name])

    @step_asset(
        key=key,
        partitions_def=SAMPLE,
        deps=[SAMPLE_KEY, dg.AssetKey(["sequences", domain.name])],
        pool="training",
        group_name="models",
        kinds={"pytorch"},
        owners=domain.owners,
        description=f"Nets on the sequences of {domain.name}: weights.safetensors and bundle.json.",
    )
    def model(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        from anna_core.models.provenance import made_of
        from anna_core.models.training.domain import train_domain_model

        partition = context.partition_key
        sample = warehouse.sample(partition).read()
        sequences = warehouse.sequences(domain, partition).read(sample)
        guard_checks.require_no_leak(context)
        threads = training_threads()
        with tracking.launch(context.run, partition, context.log) as launch, launch.part(domain.name) as part:
            trained = train_domain_model(
                sequences,
                sample.target,
                sample.weight,
                sample.split,
                sample.task,
                fold=sample.fold,
                client=sample.client,
                on_epoch=_listener(context, key, part),
                threads=threads,
            )
        provenance = made_of(
            sample, threads, launch=warehouse.sample(partition).tag(), sequences=sequences.meta.data_version
        )
        stored = warehouse.model(domain, partition)
        stored.write(trained, provenance)
        best = trained.best
        return dg.MaterializeResult(
            data_version=dg.DataVersion(trained.data_version),
            metadata={
                "nets": len(best),
                "epochs": len(trained.curves),
                "learning rate": _number(best[0].learning_rate if best else None),
                "best epochs": dg.MetadataValue.json([report.epoch for report in best]),
                f"validation {sample.task.metric}": _number(_mean([report.valid_metric for report in best])),
                "net": dg.MetadataValue.json(sample.task.net.model_dump()),
                "note": trained.spec.empty_reason or "trained",
                "path": place(stored.path),
            },
        )

    return model


def embedding_asset(domain: Domain) -> dg.AssetsDefinition:
    """The asset `embedding/<domain>`, partitioned by sample."""

    @step_asset(
        key=["embedding", domain.name],
        partitions_def=SAMPLE,
        deps=[SAMPLE_KEY, dg.AssetKey(["model", domain.name]), dg.AssetKey(["sequences", domain.name])],
        pool="scoring",
        group_name="models",
        kinds={"pytorch", "parquet"},
        owners=domain.owners,
        description=f"Client vector and score of each row of the sample, by nets of {domain.name} not fitted on it.",
    )
    def embedding(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        from anna_core.models.unseen import unseen_rows
        from anna_core.models.vectors_file import StoredVectors

        partition = context.partition_key
        sample = warehouse.sample(partition).read()
        sequences = warehouse.sequences(domain, partition).read(sample)
        model = warehouse.model(domain, partition).read_for(sample)
        version, folds = model.data_version, 0 if model.is_empty else model.spec.folds

        def stored(rows: Sequences, vectors: "DomainVectors") -> "StoredVectors":
            read = rows_version(sample, sequences)
            return StoredVectors(rows.client_id, rows.as_of, vectors, model.absent_scores, version, folds, read)

        vectors = model.predict(sequences, threads=scoring_threads(), fold=sample.fold)
        unseen = sequences.take(unseen_rows(sample.split, sample.task.seed))
        by_fold = [stored(unseen, of_fold) for of_fold in model.predict_by_fold(unseen, scoring_threads())]
        names = model.spec.task.score_names
        warehouse.embedding(domain, partition).write(stored(sequences, vectors), by_fold, names)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(f"{version}-{sequences.meta.data_version}"),
            metadata={
                "dagster/row_count": len(vectors),
                "rows with events": int(vectors.present.sum()),
                "width": vectors.embedding.shape[1],
                "spread": _number(float(np.std(vectors.embedding[vectors.present])) if vectors.present.any() else None),
            },
        )

    return embedding


def _listener(context: dg.AssetExecutionContext, key: dg.AssetKey, part: Part) -> Callable[[EpochReport], None]:
    """Reports each epoch, and stops the training if another domain's guard has found a leak in the meantime."""
    tell = follow(context, key, part)

    def on_epoch(report: EpochReport) -> None:
        tell(report)
        guard_checks.require_no_leak(context)

    return on_epoch


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _number(value: float | None) -> dg.MetadataValue:
    defined = value is not None and np.isfinite(value)
    return (
        dg.MetadataValue.float(float(value)) if defined and value is not None else dg.MetadataValue.text("not defined")
    )
