"""The metamodel: one model over the nets of all domains and the trees."""

import dagster as dg

from anna_assets.epoch_listener import follow
from anna_assets.layers.boosting_asset import boosting_key
from anna_assets.layers.members import read_members, tree_domains
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.layers.sequences_asset import require_events
from anna_assets.partitions import SAMPLE
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.models.scores_file import score_frame
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

METAMODEL_KEY = dg.AssetKey("metamodel")


def metamodel_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `metamodel`, partitioned by sample."""

    @step_asset(
        key=METAMODEL_KEY,
        partitions_def=SAMPLE,
        deps=[
            SAMPLE_KEY,
            *(dg.AssetKey([layer, domain.name]) for domain in domains for layer in ("embedding", "sequences")),
            *(boosting_key(domain) for domain in tree_domains(domains)),
        ],
        pool="training",
        group_name="models",
        kinds={"pytorch"},
        description="Weighs nets and trees of all domains, corrects by embeddings, knows who is missing from a domain.",
    )
    def metamodel(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        from anna_core.models.blend.fitting import train_metamodel
        from anna_core.models.provenance import made_of

        key = context.partition_key
        sample, planned = warehouse.sample(key).read(), warehouse.sample(key).domains()
        require_events(warehouse, planned, sample)
        members = read_members(warehouse, planned, sample)
        with tracking.launch(context.run, key, context.log) as launch, launch.part("metamodel") as part:
            trained = train_metamodel(
                members.vectors,
                sample.target,
                sample.weight,
                sample.split,
                members.judged,
                sample.task,
                on_epoch=follow(context, METAMODEL_KEY, part),
                client=sample.client,
                unseen=members.unseen,
            )
        scores = trained.predict(members.vectors, fold=sample.fold)
        frame = score_frame(
            sample.rows["client_id"], sample.rows["as_of"], scores, sample.task.score_names, trained.data_version
        )
        stored = warehouse.metamodel(key)
        stored.write(trained, made_of(sample, 1, launch=warehouse.sample(key).tag(), models=members.versions), frame)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(trained.data_version),
            metadata={
                "domains": dg.MetadataValue.json([one.name for one in planned if one.name in trained.members]),
                "share of each model": dg.MetadataValue.json(
                    {name: round(share, 4) for name, share in trained.spec.shares.items()}
                ),
                "rows fitted on": int(members.judged.sum()),
                "calibration": dg.MetadataValue.json([one.method for one in trained.spec.calibration.columns]),
                "note": trained.spec.summary,
                "path": place(stored.path),
            },
        )

    return metamodel
