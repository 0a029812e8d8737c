"""The candidate: a launch's models in one folder under the launch's tag, which production may score by."""

import dagster as dg

from anna_assets.layers.boosting_asset import boosting_key
from anna_assets.layers.members import tree_domains
from anna_assets.layers.metamodel_asset import METAMODEL_KEY
from anna_assets.layers.report_asset import REPORT_KEY
from anna_assets.layers.sample_asset import SAMPLE_KEY
from anna_assets.partitions import SAMPLE, TASK
from anna_assets.places import place
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.keys import parse_sample_key
from anna_resources.artifacts.candidate import Parts
from anna_resources.ledger.ledger import Ledger
from anna_resources.settings import load_settings
from anna_resources.tracking.resource import SEND_SECONDS, Tracking
from anna_resources.warehouse import Warehouse

CANDIDATE_KEY = dg.AssetKey("candidate")


def candidate_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `candidate`, partitioned by sample; with it, the task has a partition of its own."""

    @step_asset(
        key=CANDIDATE_KEY,
        partitions_def=SAMPLE,
        deps=[
            SAMPLE_KEY,
            METAMODEL_KEY,
            REPORT_KEY,
            *(boosting_key(domain) for domain in tree_domains(domains)),
            *(dg.AssetKey([layer, domain.name]) for domain in domains for layer in ("model", "sequences")),
        ],
        pool="hadoop",
        group_name="reports",
        kinds={"pytorch"},
        description="The launch's models, kept under its tag as one that can score by itself: what may be promoted; a "
        "version of the task's model in MLflow's registry.",
    )
    def candidate(context: dg.AssetExecutionContext, warehouse: Warehouse, tracking: Tracking) -> dg.MaterializeResult:
        from anna_core.analytics.drift import shares_of
        from anna_core.scoring.launch_facts import LaunchFacts

        key, settings = context.partition_key, load_settings()
        stored = warehouse.sample(key)
        sample, planned, tag = stored.read(), stored.domains(), stored.tag()
        launch, members = Ledger.of(settings).read(tag), warehouse.metamodel(key).read().members
        read = [domain for domain in planned if domain.name in members]
        trees = [
            one for one in (warehouse.boosting(name, key) for name in tree_domains(planned)) if one.member in members
        ]
        parts = Parts(
            nets={domain.name: warehouse.model(domain, key).current() for domain in read},
            trees={one.member: one.current() for one in trees},
            metamodel=warehouse.metamodel(key).current(),
            dictionaries={one.name: file for one in read if (file := warehouse.dictionary(one).file).exists()},
        )
        facts = LaunchFacts(
            tag=tag,
            task=launch.task,
            domains=tuple(read),
            time_zone=settings.time_zone,
            marts=launch.marts,
            code=launch.code,
        )
        warnings = stored.warnings() | {
            f"{domain.name}: {check}": told
            for domain in planned
            for check, told in warehouse.sequences(domain, key).warnings().items()
        }
        reference = {domain.name: shares_of(warehouse.sequences(domain, key).read(sample)) for domain in read}
        kept = warehouse.candidate(tag)
        model = kept.write(facts, parts, sample, warnings, reference)
        with tracking.launch(context.run, key, context.log, SEND_SECONDS) as told:
            told.register(kept.path)
            told.finish()
        context.instance.add_dynamic_partitions(TASK.name or "", [parse_sample_key(key).task])
        return dg.MaterializeResult(
            data_version=dg.DataVersion(f"{tag}-{model.version}"),
            metadata={
                "ledger": tag,
                "model": model.version,
                "domains": dg.MetadataValue.json([domain.name for domain in read]),
                "path": place(kept.path),
            },
        )

    return candidate
