"""Months of an asset that are behind, and those of them that nothing is about to build."""

from collections.abc import Collection

import dagster as dg

from anna_assets.past_runs import UNDER_WAY


def attempts(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    """Month → the run that was to build it last and did not, or has not yet; runs that were deleted are gone."""
    found = instance.event_log_storage.get_latest_asset_partition_materialization_attempts_without_materializations(key)
    return {month: run for month, (run, _) in found.items()}


def months_under_way(instance: dg.DagsterInstance, key: dg.AssetKey, months: Collection[str]) -> set[str]:
    """Those of the months (keys) that a run, queued or begun, is to build."""
    tried = {month: run for month, run in attempts(instance, key).items() if month in months}
    if not tried:
        return set()
    found = instance.get_runs(dg.RunsFilter(run_ids=sorted(set(tried.values())), statuses=UNDER_WAY))
    under_way = {run.run_id for run in found}
    return {month for month, run in tried.items() if run in under_way}
