"""Whether each champion has scored in time, as a check of `production/scores`: a source that went silent is seen there.

The sensor `production` has it told whenever that changes, so it costs no run. It goes by the calendar and by what lies
on the disk alone: a month of which nothing came is not scored in time, too.
"""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import dagster as dg

from anna_assets.clock import told_moment
from anna_assets.production.due import domains_read
from anna_assets.production.scores_asset import SCORES_KEY
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_core.months import next_month, parse_month
from anna_resources.ledger.champions import Champion, Champions
from anna_resources.ledger.presses import heads
from anna_resources.settings import Settings, load_settings
from anna_resources.warehouse import Warehouse

_CHECK = "in_time"
_WELL = "Each champion has scored the latest month that is over for long enough."


def in_time_check(domains: list[Domain], month: dg.MonthlyPartitionsDefinition) -> dg.AssetChecksDefinition:
    """The check; whoever executes it in the UI has it judged now."""

    @dg.asset_check(
        asset=SCORES_KEY,
        name=_CHECK,
        description="Each champion has scored the latest month once it has been over for the domains' "
        "availability_lag, production.grace and notify.late. Told by itself, whenever that changes.",
    )
    def in_time(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
        settings, there = load_settings(), {one.name: one for one in domains}
        kept = [parse_month(key) for key in month.get_partition_keys()]
        late = late_months(Champions.of(settings), warehouse, settings, there, kept, time.time())
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


def late_months(
    champions: Champions,
    warehouse: Warehouse,
    settings: Settings,
    there: Mapping[str, Domain],
    kept: Sequence[dt.date],
    now: float,
) -> list[str]:
    """A sentence for each task whose latest month is not scored in time.

    Args:
        champions: of the ledger.
        warehouse: of the deployment.
        settings: likewise.
        there: the deployment's domains by name.
        kept: its months, in order.
        now: Unix time.
    """
    found = []
    for task, head in heads(champions).items():
        try:
            if (champion := champions.champion_at(task, head)) is not None:
                found += _late(warehouse, settings, there, kept, task, champion, now)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing is scored until it is mended
            found.append(f"{task}: {in_words(error)}")
    return found


def _late(
    warehouse: Warehouse,
    settings: Settings,
    there: Mapping[str, Domain],
    kept: Sequence[dt.date],
    task: str,
    champion: Champion,
    now: float,
) -> list[str]:
    lag = max(domain.availability_lag for domain in domains_read(warehouse, champion.tag, there))
    zone, late, since = ZoneInfo(settings.time_zone), settings.notify.late, champion.since.timestamp()
    until = {}
    for at in kept:
        end = dt.datetime.combine(next_month(at), dt.time(), tzinfo=zone) + lag + settings.production.grace
        until[at] = max(end.timestamp(), since) + late.total_seconds()
    over = [at for at, moment in until.items() if moment <= now]
    newest = max(warehouse.production(task).all(), default=None)
    if not over or (newest is not None and newest >= over[-1]):
        return []
    scored = f"the newest that is scored is {newest:%Y-%m}" if newest else "none is scored yet"
    return [f"{task} {over[-1]:%Y-%m} should have been scored by {told_moment(until[over[-1]])}; {scored}."]
