"""Data versions of a source's months: what they hold, and how often they were put forward without a change of it.

Conditions see an observation by its data version alone. So a month whose mart could not be built gets another one with
each observation, and is asked for once more; what hangs on the mart goes by the mart's own content.
"""

import dagster as dg

from anna_assets.past_runs import UNDER_WAY
from anna_core.months import parse_month
from anna_core.sources.source_state import SourceState
from anna_resources.artifacts.events import StoredMart

DATA_VERSION_TAG = "dagster/data_version"
_AGAIN = " again "


def told_versions(
    instance: dg.DagsterInstance, mart: StoredMart, before: SourceState, after: SourceState
) -> dict[str, str]:
    """The data version of each month that an observation found: its fingerprint, with a number where that is no news.

    Args:
        instance: that knows the earlier observations and the builds.
        mart: that is built from the source.
        before: the observation before.
        after: the observation.
    """
    name = mart.source.domain.name
    told = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey(["source", name]), dg.DagsterEventType.ASSET_OBSERVATION, [DATA_VERSION_TAG]
    )
    last = {month: tags[DATA_VERSION_TAG] for month, tags in told.items()}
    unbuilt = _unbuilt(instance, mart, before, after)
    return {month: _version(rows, last.get(month, ""), month in unbuilt) for month, rows in after.months.items()}


def _version(fingerprint: str, last: str, again: bool) -> str:
    known, _, number = last.partition(_AGAIN)
    if known != fingerprint:
        return fingerprint
    return f"{fingerprint}{_AGAIN}{int(number or 0) + 1}" if again else last


def _unbuilt(instance: dg.DagsterInstance, mart: StoredMart, before: SourceState, after: SourceState) -> set[str]:
    """Months whose last build did not make what was observed, and those whose build will be refused.

    That is so while a build is under way whose files were replaced, if with the same rows.
    """
    storage, name = instance.event_log_storage, mart.source.domain.name
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        dg.AssetKey(["mart", name])
    )
    tried = {month: run for month, (run, _) in attempts.items() if month in after.months}
    stale = {month.isoformat() for month in mart.stale_months([parse_month(month) for month in tried])}
    under_way = _under_way(instance, {tried[month] for month in stale})
    return {
        month for month in stale if tried[month] not in under_way or before.files_of(month) != after.files_of(month)
    }


def _under_way(instance: dg.DagsterInstance, runs: set[str]) -> set[str]:
    if not runs:
        return set()
    found = instance.get_runs(dg.RunsFilter(run_ids=sorted(runs), statuses=UNDER_WAY))
    return {run.run_id for run in found}
