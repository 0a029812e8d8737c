"""What became of the clients who were scored, read from the inbox as the bank brings it."""

import dagster as dg

from anna_assets.partitions import TASK
from anna_assets.places import place
from anna_assets.production.champion_asset import OF_CHAMPION
from anna_assets.steps import step_asset
from anna_core.errors import SampleError
from anna_core.samples.outcomes import joined, list_outcomes, read_outcomes
from anna_resources.ledger.champions import Champions
from anna_resources.settings import load_settings
from anna_resources.warehouse import Warehouse

OUTCOMES_KEY = dg.AssetKey(["production", "outcomes"])
_READABLE = "outcomes_readable"


def outcomes_asset() -> dg.AssetsDefinition:
    """The asset `production/outcomes`, partitioned by task."""

    @step_asset(
        key=OUTCOMES_KEY,
        **OF_CHAMPION,
        pool="hadoop",
        kinds={"polars"},
        description="What became of scored clients, from `inbox/<task>/outcomes`; the later file stands.",
        check_specs=[
            dg.AssetCheckSpec(
                _READABLE, asset=OUTCOMES_KEY, partitions_def=TASK, description="Every file of outcomes was read."
            )
        ],
    )
    def outcomes(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        task = context.partition_key
        champion = Champions.of(load_settings()).require(task)
        asked = warehouse.candidate(champion.tag).facts().task
        folder, stored = warehouse.outcomes_inbox(task), warehouse.outcomes(task)
        files, frames, refused = list_outcomes(folder), [], {}
        for name in files:
            try:
                frames.append(read_outcomes(folder / name, asked))
            except SampleError as error:  # the others are read; this one is told below
                refused[name] = str(error)
        for told in refused.values():
            context.log.warning(told)
        rows = joined(frames)
        facts = stored.write(rows, files, refused, asked)
        scores = warehouse.production(task).of_all_cadences()
        scored = {done.as_of for one in scores for done in one.readable().values()}
        return dg.MaterializeResult(
            data_version=dg.DataVersion("-".join(sorted(facts.versions.values())) or "none"),
            metadata={
                "dagster/row_count": len(rows),
                "files": len(files),
                "refused": dg.MetadataValue.json(refused),
                "clients by as_of": dg.MetadataValue.json({f"{date}": count for date, count in facts.rows.items()}),
                "of dates that are not scored": sum(count for date, count in facts.rows.items() if date not in scored),
                "path": place(stored.path),
            },
            check_results=[
                dg.AssetCheckResult(
                    check_name=_READABLE,
                    passed=not refused,
                    severity=dg.AssetCheckSeverity.WARN,
                    description=" ".join(refused.values()).replace("<", "&lt;") or f"{len(files)} files were read.",
                )
            ],
        )

    return outcomes
