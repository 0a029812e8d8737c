"""The champion of a task: who scores. Each press is a run of the job `promote`, and a commit in the ledger."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import dagster as dg

from anna_assets.partitions import TASK
from anna_assets.production.press_form import Button, PressForm, signed
from anna_assets.production.pressing import Came, GatesError, Pressing, recorded
from anna_assets.steps import step_asset
from anna_assets.train import AssetJob
from anna_core.analytics.gates import QUESTIONS, Gate
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.roles import Champion
from anna_resources.names import PROMOTE_JOB, RETRY_TAG
from anna_resources.settings import load_settings
from anna_resources.tracking.resource import Tracking
from anna_resources.warehouse import Warehouse

CHAMPION_KEY = dg.AssetKey("champion")
# Settings of an asset that is made of a task's champion.
OF_CHAMPION: dict[str, Any] = {"partitions_def": TASK, "deps": [CHAMPION_KEY], "group_name": "production"}


def champion_asset(domains: list[Domain]) -> dg.AssetsDefinition:
    """The asset `champion`, partitioned by task; the gates are its checks."""

    @step_asset(
        key=CHAMPION_KEY,
        partitions_def=TASK,
        output_required=False,
        pool="scoring",
        group_name="production",
        kinds={"git"},
        description="Who scores in production. Promote a launch, approve, or go back by the job `promote`: "
        "Jobs → promote → the arrow beside Materialize → Open launchpad.",
        check_specs=[
            dg.AssetCheckSpec(name, asset=CHAMPION_KEY, blocking=True, partitions_def=TASK, description=question)
            for name, question in QUESTIONS.items()
        ],
    )
    def champion(
        context: dg.AssetExecutionContext, config: PressForm, warehouse: Warehouse, tracking: Tracking
    ) -> Iterator[Any]:
        task, run = context.partition_key, _first_run(context)
        try:
            came = Pressing(task, config, *signed(config), run, load_settings(), warehouse, domains).do()
        except GatesError as error:
            yield from _results(error.gates, error.overridden)
            raise
        except AnnaError:
            yield from _as_they_stand(task)
            raise
        yield from _results(came.gates, came.overridden)
        if came.told:
            context.log.info(came.told)
        if came.made is None:
            yield dg.AssetObservation(CHAMPION_KEY, partition=task, metadata=came.facts)
            return
        if problem := tracking.point_champion(task, came.made.tag):
            context.log.warning(
                f"{came.made.tag} is champion, but MLflow's registry does not say so yet: {problem}. The sensor "
                "`outbox` comes back to it."
            )
        yield _made(came.made, came)

    return champion


def promote_job() -> AssetJob:
    """The job `promote`: its Launchpad is the form of a press, which begins with nobody's name."""
    form = {**PressForm().model_dump(), "press": Button.PROMOTE.name}
    return dg.define_asset_job(
        PROMOTE_JOB,
        selection=dg.AssetSelection.assets(CHAMPION_KEY),
        description="Makes a launch the champion of its task, which scores in production; approves, declines, goes "
        "back, or has a launch score along. Choose the task as partition.",
        config={"ops": {CHAMPION_KEY.to_python_identifier(): {"config": form}}},
    )


def _first_run(context: dg.AssetExecutionContext) -> str:
    """Id of the run that this one retries, or its own; who executes a press again in the UI presses again."""
    run, parent = context.run, context.run.parent_run_id
    while parent and (earlier := context.instance.get_run_by_id(parent)) is not None:
        if earlier.tags.get(RETRY_TAG) != run.run_id:
            break
        run, parent = earlier, earlier.parent_run_id
    return run.run_id


def _made(champion: Champion, came: Came) -> dg.MaterializeResult:
    version = dg.DataVersion(f"{champion.tag} since {champion.since.isoformat()}")
    return dg.MaterializeResult(asset_key=CHAMPION_KEY, data_version=version, metadata=came.facts)


def _as_they_stand(task: str) -> Iterator[dg.AssetCheckResult]:
    """What the gates found of the champion: a press that is refused before they are asked leaves them as they were."""
    with suppress(AnnaError):  # a ledger that cannot be read is what the press is refused for
        if (now := Champions.of(load_settings()).current(task)) is not None:
            yield from _results(recorded(now), now.overridden)


def _results(gates: list[Gate], overridden: Mapping[str, str]) -> Iterator[dg.AssetCheckResult]:
    for gate in gates:
        over = overridden.get(gate.name)
        yield dg.AssetCheckResult(
            check_name=gate.name,
            asset_key=CHAMPION_KEY,
            passed=gate.passed,
            severity=dg.AssetCheckSeverity.ERROR if over is None else dg.AssetCheckSeverity.WARN,
            description=gate.told if over is None else f"{gate.told} Passed over: {over}",
        )
