"""Whether each champion has scored in time, as a check of `production/scores`: a source that went silent is seen there.

The sensor `production` has it told whenever that changes, so it costs no run. It goes by the calendar and by what lies
on the disk alone: a period of which nothing came is not scored in time, too.
"""

import datetime as dt
import time
from zoneinfo import ZoneInfo

import dagster as dg

# It has no public name, though a public class takes it.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData as Target,
)

from anna_assets.partitions import periods_of
from anna_assets.production.scores_asset import SCORES_KEY
from anna_core.errors import in_words
from anna_core.keys import task_of
from anna_core.periods import Period
from anna_resources.clock import told_moment
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.roles import Champion
from anna_resources.settings import Settings, load_settings
from anna_resources.warehouse import Warehouse

_CHECK = "in_time"
_WELL = "Each champion has scored the latest period that is over for long enough."


def in_time_check() -> dg.AssetChecksDefinition:
    """The check; whoever executes it in the UI has it judged now."""

    @dg.asset_check(
        asset=SCORES_KEY,
        name=_CHECK,
        description="Each champion has scored the latest period once it has been over for production.grace and "
        "notify.late. Told by itself, whenever that changes.",
    )
    def in_time(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        settings = load_settings()
        late = late_periods(warehouse, settings, periods_of(settings))
        return dg.AssetCheckResult(
            passed=not late, severity=dg.AssetCheckSeverity.WARN, description=" ".join(late) or _WELL
        )

    return in_time


def in_time_news(
    late: list[str], instance: dg.DagsterInstance, told: str | None
) -> tuple[list[dg.AssetCheckEvaluation], str]:
    """What is to be told of the check, unless it was; and what is told by then, for the sensor's cursor.

    It is told again after each materialization: of a check that was told before, the UI says "not evaluated".
    """
    found = " ".join(late) or _WELL
    scored = next(iter(instance.fetch_materializations(SCORES_KEY, limit=1).records), None)
    news = f"{scored.storage_id if scored else 0} {found}"
    if news == told:
        return [], news
    evaluation = dg.AssetCheckEvaluation(
        SCORES_KEY,
        _CHECK,
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        description=found,
        target_materialization_data=None
        if scored is None
        else Target(storage_id=scored.storage_id, run_id=scored.run_id, timestamp=scored.timestamp),
    )
    return [evaluation], news


def late_periods(warehouse: Warehouse, settings: Settings, periods: list[Period]) -> list[str]:
    """A sentence for each task whose latest period is not scored in time.

    Args:
        warehouse: of the deployment.
        settings: likewise.
        periods: the deployment's, in order.
    """
    champions, found = Champions.of(settings), []
    for task, head in champions.heads().items():
        try:
            if (champion := champions.read(Champion, task, head)) is not None:
                found += _late(warehouse, settings, periods, champion)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing is scored until it is mended
            found.append(f"{task}: {in_words(error)}")
    return found


def _late(warehouse: Warehouse, settings: Settings, periods: list[Period], champion: Champion) -> list[str]:
    task, zone, late = task_of(champion.tag), ZoneInfo(settings.time_zone), settings.notify.late
    until = {}
    for at in periods:
        end = dt.datetime.combine(at.as_of, dt.time(), tzinfo=zone) + settings.production.patience
        until[at] = max(end, champion.since).timestamp() + late.total_seconds()
    over = [at for at, moment in until.items() if moment <= time.time()]
    newest = warehouse.production(task).newest()
    if not over or (newest is not None and newest >= over[-1]):
        return []
    scored = f"the newest that is scored is {newest}" if newest else "none is scored yet"
    return [f"{task} {over[-1]} should have been scored by {told_moment(until[over[-1]])}; {scored}."]
