"""What monitoring found in a period's scores, as its checks say it."""

from contextlib import suppress

import dagster as dg

from anna_assets.notifications.writing import Writing, moment
from anna_assets.partitions import task_keys
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_core.periods import Cadence, Period
from anna_resources.names import PARTITION_TAG
from anna_resources.notifications.message import Message, Severity
from anna_resources.notifications.state import DAY, State
from anna_resources.notify_settings import Event

_AGAIN = 30 * DAY  # seconds after which the same is told again of a period that was scored again
_SHOWN_FIELDS = 5


def drift(instance: dg.DagsterInstance, writing: Writing, state: State, run: dg.DagsterRun, at: float) -> list[Message]:
    """What the checks of a run's monitoring found; nothing where all pass, or the same was told of the period."""
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = (record.event_log_entry.get_dagster_event() for record in records)
    checks = [event.asset_check_evaluation_data for event in events]
    watched = [one for one in checks if one.asset_key == MONITORING_KEY]
    if not watched or PARTITION_TAG not in run.tags:
        return []
    task, period = _of_partition(run.tags[PARTITION_TAG], writing.settings.production.cadence)
    failed = [one for one in watched if not one.passed]
    found = " ".join(sorted(f"{one.check_name}:{one.severity.value}" for one in failed))
    of_period = f"drift: {task} {period} "
    for mark in [one for one in state.told if one.startswith(of_period) and one != of_period + found]:
        del state.told[mark]  # that has passed: when it comes again, it is news
    if not failed or not state.is_news(of_period + found, _AGAIN):
        return []
    is_error = any(one.severity is dg.AssetCheckSeverity.ERROR for one in failed)
    names = ", ".join(one.check_name for one in failed)
    message = Message(
        event=Event.DRIFT,
        severity=Severity.FAILURE if is_error else Severity.WARNING,
        task=task,
        owner=writing.owner(task),
        title=f"ANNA: {task} {period}: {'error' if is_error else 'warning'} of {names}",
        sentence=" ".join(one.description or one.check_name for one in failed),
        facts={"period": f"{period}", "checks": names, **_figures(writing, task, period)},
        page=writing.period_page("production/monitoring", task, period),
        advice="The scores are published all the same. See on the page whether clients changed or a source broke; then "
        f"mend the source, train on newer rows and promote that, or go back: anna rollback {task} --why …",
        at=moment(at),
    )
    return [message]


def _of_partition(key: str, cadence: Cadence) -> tuple[str, Period]:
    """Task and period of a partition key; of a run that ended before the cadence was another, its period of then."""
    for one in (cadence, *Cadence):
        with suppress(ValueError):
            return task_keys([key], one)[0]
    raise ValueError(f"'{key}' is no period of a task")


def _figures(writing: Writing, task: str, period: Period) -> dict[str, str]:
    """The metric of a period where outcomes are known, and its stability indices, as far as they are to be read."""
    found = writing.warehouse.monitoring(task, period).read()
    if found is None:
        return {}
    fields = list(found.field_drift.items())[:_SHOWN_FIELDS]
    good = found.performance
    return {
        "metric": f"{good.metric} {good.measured}, on held-out rows {good.held_out}" if good else "",
        "launch": found.model,
        "clients": str(found.clients),
        "psi": ", ".join(f"{name} {value:.4f}" for name, value in found.score_drift.items()),
        "csi": ", ".join(f"{name} {value:.4f}" for name, value in fields),
    }
