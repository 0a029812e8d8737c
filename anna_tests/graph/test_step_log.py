"""The log of a step holds what concerns a reader, and not a false alarm of Dagster's."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from anna_assets.steps import explained

PARTS = dg.StaticPartitionsDefinition(["2024-01", "2024-02", "2024-03"])
RANGE = {"dagster/asset_partition_range_start": "2024-01", "dagster/asset_partition_range_end": "2024-02"}
KEY = dg.AssetKey("mart")


def warnings(decorate: Callable[[Any], Any]) -> list[str]:
    """Warnings of a step that makes two partitions while another run makes a third."""

    @dg.asset(
        key=KEY,
        partitions_def=PARTS,
        check_specs=[dg.AssetCheckSpec("quality", asset=KEY)],
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    @decorate
    def mart(context: dg.AssetExecutionContext):
        context.log.warning("3 rows are left aside")
        yield dg.MaterializeResult(data_version=dg.DataVersion("ours"))
        tags = {"dagster/data_version": "theirs"}
        context.instance.report_runless_asset_event(dg.AssetMaterialization(KEY, partition="2024-03", tags=tags))
        yield dg.AssetCheckResult(check_name="quality", passed=True)

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([mart], tags=RANGE, instance=instance)
        assert result.success
        return [entry.user_message for entry in instance.all_logs(result.run_id) if entry.level == 30]


def test_a_partition_that_another_run_makes_meanwhile_raises_no_alarm() -> None:
    assert warnings(explained) == ["3 rows are left aside"]


def test_dagster_still_raises_the_false_alarm_that_is_left_out() -> None:
    """Once it compares like with like, the filter can go."""
    _, alarm = warnings(lambda function: function)
    assert alarm.startswith("Data version mismatch for asset ")
