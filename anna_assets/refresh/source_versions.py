"""Data versions of a source's months: what they hold, and how often they were put forward without a change of it.

Conditions see an observation by its data version alone. So a month whose mart is behind although nothing is about to
build it gets another one with each observation, and is asked for once more, whatever became of the request before: a
build that failed, a run that was deleted, a file that was damaged. What hangs on the mart goes by the mart's own
content.
"""

from collections.abc import Collection

import dagster as dg

from anna_assets.refresh.unbuilt import months_under_way
from anna_core.months import parse_month
from anna_core.sources.source_state import SourceState
from anna_resources.artifacts.events import StoredMart
from anna_resources.names import DATA_VERSION_TAG

_AGAIN = " again "


def versions_to_tell(
    instance: dg.DagsterInstance,
    mart: StoredMart,
    before: SourceState,
    after: SourceState,
    kept: Collection[str],
) -> dict[str, str]:
    """The data version of each month of which there is news: its fingerprint, with a number where that is none.

    News is another version than the one told last, or another number of rows left aside. Of other months nothing is
    told: a bank has hundreds of them, and is observed each hour.

    Args:
        instance: that knows the earlier observations and the builds.
        mart: that is built from the source.
        before: the observation before.
        after: the observation.
        kept: keys of the deployment's months.
    """
    name = mart.domain.name
    told = instance.event_log_storage.get_latest_tags_by_partition(
        dg.AssetKey(["source", name]), dg.DagsterEventType.ASSET_OBSERVATION, [DATA_VERSION_TAG]
    )
    last = {month: tags[DATA_VERSION_TAG] for month, tags in told.items()}
    again = _unbuilt(instance, mart, before, after, kept)
    versions = {
        month: _version(rows, last.get(month, ""), month in again)
        for month, rows in after.months.items()
        if month in kept
    }
    left_before, left = before.left_by_month, after.left_by_month
    return {
        month: version
        for month, version in versions.items()
        if version != last.get(month) or not before.told or left.get(month) != left_before.get(month)
    }


def _version(fingerprint: str, last: str, again: bool) -> str:
    known, _, number = last.partition(_AGAIN)
    if known != fingerprint:
        return fingerprint
    return f"{fingerprint}{_AGAIN}{int(number or 0) + 1}" if again else last


def _unbuilt(
    instance: dg.DagsterInstance, mart: StoredMart, before: SourceState, after: SourceState, kept: Collection[str]
) -> set[str]:
    """Months whose mart is behind and that no run is about to build, and those whose build will be refused.

    The latter is so while a build is under way whose files were replaced, if with the same rows. A build of a lake's
    table is never refused for that: a version of it never changes.
    """
    months = [parse_month(month) for month in after.months if month in kept]
    stale = {month.isoformat() for month in mart.stale_months(months, after)}
    under_way = months_under_way(instance, dg.AssetKey(["mart", mart.domain.name]), stale)
    if mart.domain.source.is_lake:
        return stale - under_way
    return {month for month in stale if month not in under_way or before.files_of(month) != after.files_of(month)}
