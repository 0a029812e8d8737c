"""What runs are about to read or write: nothing of that is taken away."""

import dagster as dg

from anna_assets.past_runs import FAILED, UNDER_WAY, will_retry
from anna_resources.names import KEY_TAG, PARTITION_TAG, TASK_TAG

# Of a run over a range of partitions: the first and the last.
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_RETRIED_LATELY = 20  # runs: one that is about to be tried again failed a moment ago


def busy(instance: dg.DagsterInstance) -> set[str]:
    """Keys of samples, and names of tasks, that a run is about: one begun, queued, or about to be tried again."""
    runs = list(instance.get_runs(dg.RunsFilter(statuses=UNDER_WAY)))
    runs += [run for run in instance.get_runs(dg.RunsFilter(statuses=FAILED), limit=_RETRIED_LATELY) if will_retry(run)]
    found = set[str]()
    for run in runs:
        for tag in (KEY_TAG, TASK_TAG, PARTITION_TAG, *_RANGE):
            if (value := run.tags.get(tag)) is not None:
                found.add(value.rpartition("|")[2])
    return found


def backfills(instance: dg.DagsterInstance) -> int:
    """How many backfills are under way; each may ask for runs of any sample."""
    from dagster._core.execution.backfill import BulkActionStatus  # it has no public name

    going_on = (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING)
    return sum(len(instance.get_backfills(status=status)) for status in going_on)
