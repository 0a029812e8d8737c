"""Histories: every client's events of a domain as of the end of a period, the input of scoring."""

import dagster as dg

from anna_assets.automation import refresh_history
from anna_assets.compute import mart_memory
from anna_assets.layers import guard_checks
from anna_assets.layers.fresh_marts import history_key, now_made_of, require_fresh_marts
from anna_assets.layers.mart_assets import joint_version
from anna_assets.layers.sequences_asset import sequences_metadata
from anna_assets.partitions import window_of_marts
from anna_assets.steps import step_asset
from anna_core.domains import Domain
from anna_core.periods import Cadence, parse_period
from anna_core.sequences.build import write_history
from anna_core.sequences.touched_months import history_months
from anna_core.sequences.visibility import outside_window
from anna_resources.artifacts.visible import keep_made_of
from anna_resources.warehouse import Warehouse

_PERIODS_PER_RUN = 12


def history_asset(
    domain: Domain, partitions: dg.TimeWindowPartitionsDefinition, cadence: Cadence
) -> dg.AssetsDefinition:
    """The asset `history/<domain>`, partitioned by month; or `production/history/<domain>`, by week or day."""
    key = history_key(domain, cadence)

    @step_asset(
        key=key,
        partitions_def=partitions,
        deps=[dg.AssetDep(["mart", domain.name], partition_mapping=window_of_marts(domain, cadence))],
        pool="hadoop",
        group_name="history" if cadence is Cadence.MONTH else "production",
        kinds={"polars", "arrow"},
        code_version=domain.window_version,
        owners=domain.owners,
        description=f"Every client's events of {domain.name} as of the {cadence}'s end; the input of scoring.",
        # Those that production alone reads, its sensor asks for.
        automation_condition=refresh_history() if cadence is Cadence.MONTH else None,
        check_specs=[guard_checks.point_in_time_spec(key)],
        backfill_policy=dg.BackfillPolicy.multi_run(_PERIODS_PER_RUN),
    )
    def history(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        versions, rows, outside = [], 0, 0
        for partition in context.partition_keys:
            at = parse_period(partition, cadence)
            require_fresh_marts(warehouse, domain, history_months(domain, at.as_of))
            made_of = now_made_of(warehouse, domain, at.as_of)  # what changes from here on is then another
            dictionary, mart = warehouse.dictionary(domain).read(), warehouse.mart(domain).path
            with warehouse.history(domain, at).writing() as folder:
                made = write_history(domain, dictionary, mart, at.as_of, folder, mart_memory())
                too_much = outside_window(made)
                guard_checks.keep_findings([guard_checks.point_in_time_result(len(made), too_much)], folder)
                keep_made_of(folder, made_of)
            rows, outside = rows + len(made), outside + too_much
            versions.append(made.meta.data_version)
            context.log.info(f"{partition}: {len(made):,} clients, {len(made.event_time):,} events")
            context.add_asset_metadata(sequences_metadata(made), key, partition_key=partition)
        check = guard_checks.point_in_time_result(rows, outside)
        guard_checks.tell(context, [check])
        return dg.MaterializeResult(data_version=joint_version(versions), check_results=[check])

    return history
