"""The job `prune`, and its schedule: what is too old is shown, or taken away."""

import time
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout
from pydantic import ByteSize, Field

from anna_assets.steps import explained
from anna_assets.upkeep.pruner import Pruner
from anna_core.errors import AnnaError
from anna_resources.names import PRUNE_JOB, PRUNE_OP
from anna_resources.settings import Settings, load_settings
from anna_resources.warehouse import Warehouse

_NIGHTLY = "40 3 * * *"
_SCHEMA = dg.TableSchema([dg.TableColumn("keep"), dg.TableColumn("number", "int"), dg.TableColumn("bytes", "int")])


class Prune(dg.Config):
    """What the form in the Launchpad asks for."""

    do: bool = Field(default=False, description="Whether to remove what is too old; otherwise it is only shown.")


@dg.op(
    name=PRUNE_OP,
    out=dg.Out(dg.Nothing),
    description="Shows what is older than `keep` in anna.yaml says, or removes it.",
)
@explained
def prune_op(context: dg.OpExecutionContext, config: Prune, warehouse: Warehouse) -> None:
    """Show or remove what is too old: files of the storage, Dagster's runs, MLflow's runs."""
    try:
        with FileLock(Path(warehouse.storage) / "upkeep" / ".lock", timeout=0):
            found = Pruner(context.instance, warehouse, load_settings(), config.do, time.time()).prune(context.run_id)
    except Timeout:
        raise AnnaError("Another run of `prune` is under way: wait for its end, then look again.") from None
    for line in found.lines:
        context.log.info(f"keep.{line.what}: {line.number:,}, {ByteSize(line.size).human_readable()}")
    for note in found.notes:
        context.log.warning(note)
    rows = [dg.TableRecord({"keep": line.what, "number": line.number, "bytes": line.size}) for line in found.lines]
    context.add_output_metadata(
        {
            "removed" if found.is_done else "would be removed": dg.TableMetadataValue(rows, _SCHEMA),
            "bytes": sum(line.size for line in found.lines),
            "storage, in bytes": dg.MetadataValue.json(found.disk),
        }
    )


@dg.job(
    name=PRUNE_JOB,
    description="What is older than `keep` in anna.yaml says is shown, or removed; what a champion or an open request "
    "stands on stays.",
    executor_def=dg.in_process_executor,
)
def prune_job() -> None:
    """Show or remove what is too old."""
    prune_op()


def prune_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The job each night; off where `keep.nightly` says so, until somebody switches it on in the UI."""
    on = dg.DefaultScheduleStatus.RUNNING if settings.keep.nightly else dg.DefaultScheduleStatus.STOPPED
    return dg.ScheduleDefinition(
        name=PRUNE_JOB,
        job=prune_job,
        cron_schedule=_NIGHTLY,
        execution_timezone=settings.time_zone,
        run_config={"ops": {PRUNE_OP: {"config": {"do": True}}}},
        default_status=on,
        description="Removes each night what is older than `keep` in anna.yaml says.",
    )
