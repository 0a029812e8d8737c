"""The metamodel: one model over the embeddings of all domains."""

from typing import TYPE_CHECKING

import dagster as dg

from anna_assets.layers import samples
from anna_assets.layers.models import vectors_path
from anna_assets.partitions import SAMPLE
from anna_assets.progress import follow
from anna_assets.steps import step_asset
from anna_core import storage
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.scoring.scores_file import score_frame
from anna_resources.tracking import Tracking
from anna_resources.warehouse import Warehouse

if TYPE_CHECKING:
    from anna_core.scoring.metamodel import Metamodel
    from anna_core.scoring.vectors_file import StoredVectors

KEY = dg.AssetKey("metamodel")
SCORES_FILE = "scores.parquet"


def require_same_generation(model: "Metamodel", stored: "dict[str, StoredVectors]") -> None:
    """Raise `ArtifactError` where vectors come from another domain model than the metamodel was fitted on."""
    for name in model.domains:
        version = model.provenance["models"][name]
        if stored[name].model_version != version:
            raise ArtifactError(
                f"domain {name}: these vectors come from model {stored[name].model_version}, but the metamodel was "
                f"fitted on those of {version}. Materialize the metamodel again, or the vectors of that model."
            )


def metamodel_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `metamodel`, partitioned by sample."""

    @step_asset(
        key=KEY,
        partitions_def=SAMPLE,
        deps=[samples.KEY, *(dg.AssetKey(["embedding", domain.name]) for domain in domains)],
        pool="training",
        group_name="models",
        kinds={"pytorch"},
        description="Model over the embeddings of all domains, with a mask for clients missing from a domain.",
    )
    def metamodel(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        from anna_core.scoring.vectors_file import StoredVectors
        from anna_core.training.metamodel import train_metamodel

        key = context.partition_key
        sample = samples.read_sample(warehouse, key)
        stored = {domain.name: StoredVectors.read(vectors_path(warehouse, domain.name, key)) for domain in domains}
        vectors = {name: part.vectors for name, part in stored.items()}
        with tracking.launch(context.run, key, context.log) as launch, launch.part("metamodel") as part:
            trained = train_metamodel(
                vectors, sample.target, sample.weight, sample.split, sample.task, on_epoch=follow(context, KEY, part)
            )
        versions = {name: part.model_version for name, part in stored.items()}
        scores = trained.predict(vectors)
        frame = score_frame(
            sample.rows["client_id"], sample.rows["as_of"], scores, sample.task.score_names, trained.data_version
        )
        with storage.write_directory(warehouse.metamodel(key)) as folder:
            trained.save(folder, {"sample": key, "seed": sample.task.seed, "models": versions})
            frame.write_parquet(folder / SCORES_FILE)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(trained.data_version),
            metadata={
                "domains": dg.MetadataValue.json(list(trained.domains)),
                "rows fitted on": int((sample.split == "valid").sum()),
                "note": trained.spec.plain_reason or "fitted on the validation rows",
                "path": dg.MetadataValue.path(str(warehouse.metamodel(key))),
            },
        )

    return metamodel
