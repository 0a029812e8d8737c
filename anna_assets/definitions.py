"""The asset graph of a deployment: the only entry. Assets appear for every file in the domains' folder."""

import os

import dagster as dg

# What Dagster's own integrations keep their state with; it has no public name.
from dagster._core.definitions.definitions_load_context import StateBackedDefinitionsLoader

from anna_assets import partitions
from anna_assets.compute import step_executor
from anna_assets.forked_runs import fork_runs
from anna_assets.layers.boosting_asset import boosting_asset
from anna_assets.layers.candidate_asset import candidate_asset
from anna_assets.layers.history_asset import history_asset
from anna_assets.layers.mart_assets import dictionary_spec, mart_asset
from anna_assets.layers.members import tree_domains
from anna_assets.layers.metamodel_asset import metamodel_asset
from anna_assets.layers.model_assets import embedding_asset, model_asset
from anna_assets.layers.report_asset import report_asset
from anna_assets.layers.retro_assets import retro_embedding_asset, retro_scores_asset
from anna_assets.layers.sample_asset import sample_asset
from anna_assets.layers.sequences_asset import sequences_asset
from anna_assets.layers.source_asset import observe_job, source_asset
from anna_assets.ledger_sensor import ledger_sensor
from anna_assets.notifications.notifications_sensor import notifications_sensor
from anna_assets.production.champion_asset import champion_asset, promote_job
from anna_assets.production.image_asset import image_asset
from anna_assets.production.in_time import in_time_check
from anna_assets.production.monitoring_asset import monitoring_asset
from anna_assets.production.outcomes_asset import outcomes_asset
from anna_assets.production.production_sensor import production_sensor
from anna_assets.production.scores_asset import scores_assets
from anna_assets.refresh.readable import readable_check
from anna_assets.refresh.sources_sensor import sources_sensor
from anna_assets.send_to_mlflow import outbox_sensor, send_job
from anna_assets.train import train_job
from anna_assets.upkeep.prune import prune_job, prune_schedule
from anna_assets.uploads.inbox_sensor import inbox_sensor
from anna_assets.uploads.register_sample import register_sample_job
from anna_assets.uploads.table import uploads_spec
from anna_core.domains import Domain
from anna_core.periods import Cadence
from anna_resources.blueprint import Blueprint
from anna_resources.fixed import fixed, no_io_manager
from anna_resources.ledger.remote import Remote
from anna_resources.settings import Settings, hand_on, load_settings, read_settings
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

_AUTOMATION_SECONDS = 15  # between two evaluations of the automation conditions


class _Deployment(StateBackedDefinitionsLoader[str]):
    """The graph of the deployment at ANNA_HOME; its state is the blueprint, as JSON.

    Dagster fetches the state where a code server loads the definitions, and hands it on where a run or a step, in a
    process of its own, builds them again.
    """

    @property
    def defs_key(self) -> str:
        """Name of the state."""
        return "blueprint"

    def fetch_state(self) -> str:
        """Read settings and blueprint; what this process starts will use the same."""
        settings = read_settings()
        hand_on(settings)
        fork_runs()
        return Blueprint.read(settings).model_dump_json()

    def defs_from_state(self, state: str) -> dg.Definitions:
        """Build the graph."""
        blueprint = Blueprint.model_validate_json(state)
        settings = blueprint.settled(load_settings())
        hand_on(settings)
        follow = blueprint.follows_data
        return build_defs(settings, list(blueprint.domains), blueprint.notes, follow)


@dg.definitions
def defs() -> dg.Definitions:
    """The graph of the deployment at ANNA_HOME."""
    return _Deployment().build_defs()


def build_defs(
    settings: Settings, domains: list[Domain], notes: tuple[str, ...] = (), follows_data: bool = False
) -> dg.Definitions:
    """The graph of a deployment.

    Args:
        settings: of the deployment.
        domains: each gets its own column of assets.
        notes: sentences about files in the domains' folder that cannot be used.
        follows_data: whether the first month is the data's own, so that the graph is loaded anew where that moves.
    """
    month = partitions.monthly(settings)
    retro = partitions.retro(month)
    cadence, period = settings.production.cadence, partitions.periodic(settings)
    production = partitions.production(settings)
    sources = [source_asset(domain, month, follows_data) for domain in domains]
    observe = [observe_job(domain, source) for domain, source in zip(domains, sources, strict=True)]
    steps = os.cpu_count() or 1
    train = train_job(steps)
    assets: list[dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset] = [
        *sources,
        *(mart_asset(domain, month) for domain in domains),
        *(dictionary_spec(domain) for domain in domains),
        uploads_spec(),
        sample_asset(domains, notes),
        *(sequences_asset(domain) for domain in domains),
        *(model_asset(domain) for domain in domains),
        *(embedding_asset(domain) for domain in domains),
        *(boosting_asset(domains, domain) for domain in tree_domains(domains)),
        metamodel_asset(domains),
        report_asset(domains),
        candidate_asset(domains),
        *(history_asset(domain, month, Cadence.MONTH) for domain in domains),
        *(history_asset(domain, period, cadence) for domain in domains if cadence is not Cadence.MONTH),
        *(retro_embedding_asset(domain, retro) for domain in domains),
        retro_scores_asset(domains, retro),
        champion_asset(domains),
        image_asset(),
        *scores_assets(domains, production, cadence),
        outcomes_asset(),
        monitoring_asset(production, cadence),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[*(readable_check(domain) for domain in domains), in_time_check()],
        jobs=[*observe, register_sample_job, send_job, train, promote_job(), prune_job],
        schedules=[prune_schedule(settings)],
        sensors=[
            sources_sensor(domains, settings, month, observe, follows_data),
            inbox_sensor(domains, settings, month, train, follows_data),
            production_sensor(domains, settings),
            outbox_sensor,
            notifications_sensor(domains, settings),
            *([ledger_sensor(remote)] if (remote := Remote.of(settings)) else []),
            dg.AutomationConditionSensorDefinition(
                "automation",
                target=dg.AssetSelection.all(),
                default_status=dg.DefaultSensorStatus.RUNNING,
                minimum_interval_seconds=_AUTOMATION_SECONDS,
            ),
        ],
        resources={
            "warehouse": fixed(Warehouse.of(settings)),
            "tracking": fixed(Tracking.of(settings)),
            "io_manager": no_io_manager,
        },
        executor=step_executor(steps),
    )
