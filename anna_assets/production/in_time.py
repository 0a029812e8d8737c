"""Whether each champion has scored in time, as a check of `production/scores`: a source that went silent is seen there.

The sensor `production` has it told whenever that changes, so it costs no run. It goes by the calendar and by what lies
on the disk alone: a period of which nothing came is not scored in time, too.
"""

import datetime as dt
import time
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import dagster as dg

from anna_assets.partitions import periods_of
from anna_assets.production.due import domains_read
from anna_assets.production.scores_asset import SCORES_KEY
from anna_core.domains import Domain
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


def in_time_check(domains: list[Domain]) -> dg.AssetChecksDefinition:
    """The check; whoever executes it in the UI has it judged now."""

    @dg.asset_check(
        asset=SCORES_KEY,
        name=_CHECK,
        description="Each champion has scored the latest period once it has been over for the domains' "
        "availability_lag, production.grace and notify.late. Told by itself, whenever that changes.",
    )
    def in_time(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        settings, there = load_settings(), {one.name: one for one in domains}
        late = late_periods(warehouse, settings, there, periods_of(settings))
        return dg.AssetCheckResult(
            passed=not late, severity=dg.AssetCheckSeverity.WARN, description=" ".join(late) or _WELL
        )

    return in_time


def in_time_news(late: list[str], told: str | None) -> tuple[list[dg.AssetCheckEvaluation], str]:
    """What is to be told of the check, unless it was; and what is told by then, for the sensor's cursor."""
    found = " ".join(late) or _WELL
    if found == told:
        return [], found
    evaluation = dg.AssetCheckEvaluation(
        SCORES_KEY, _CHECK, passed=not late, severity=dg.AssetCheckSeverity.WARN, description=found
    )
    return [evaluation], found


def late_periods(
    warehouse: Warehouse, settings: Settings, there: Mapping[str, Domain], periods: list[Period]
) -> list[str]:
    """A sentence for each task whose latest period is not scored in time.

    Args:
        warehouse: of the deployment.
        settings: likewise.
        there: the deployment's domains by name.
        periods: the deployment's, in order.
    """
    champions, found = Champions.of(settings), []
    for task, head in champions.heads().items():
        try:
            if (champion := champions.read(Champion, task, head)) is not None:
                lag = max(domain.availability_lag for domain in domains_read(warehouse, champion.tag, there))
                found += _late(warehouse, settings, periods, champion, lag)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing is scored until it is mended
            found.append(f"{task}: {in_words(error)}")
    return found


def _late(
    warehouse: Warehouse, settings: Settings, periods: list[Period], champion: Champion, lag: dt.timedelta
) -> list[str]:
    task, zone, late = task_of(champion.tag), ZoneInfo(settings.time_zone), settings.notify.late
    until = {}
    for at in periods:
        end = dt.datetime.combine(at.as_of, dt.time(), tzinfo=zone) + lag + settings.production.patience
        until[at] = max(end, champion.since).timestamp() + late.total_seconds()
    over = [at for at, moment in until.items() if moment <= time.time()]
    newest = max(warehouse.production(task).readable(), default=None)
    if not over or (newest is not None and newest >= over[-1]):
        return []
    scored = f"the newest that is scored is {newest}" if newest else "none is scored yet"
    return [f"{task} {over[-1]} should have been scored by {told_moment(until[over[-1]])}; {scored}."]
