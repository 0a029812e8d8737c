"""The sensor `inbox`: looks at the inbox, keeps the register of uploads, and asks for their launches."""

import time

import dagster as dg

from anna_assets.partitions import SAMPLE, calendar
from anna_assets.train import AssetJob
from anna_assets.uploads import table
from anna_assets.uploads.again import bring_back
from anna_assets.uploads.checks import check_uploads
from anna_assets.uploads.launches import Launches
from anna_assets.uploads.launching import Launching
from anna_assets.uploads.marts import Marts
from anna_assets.uploads.matching import Matching
from anna_assets.uploads.reading import Reading
from anna_assets.uploads.standing import note_standing
from anna_assets.uploads.waiting import Waiting
from anna_assets.uploads.worker import Worker, run_apart
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.samples.listing import list_inbox
from anna_core.samples.register import Register, read_register, set_register_aside, write_register
from anna_resources.names import INBOX_SENSOR
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

_TICK_SECONDS = 5  # a file is seen at one look and read at a later one


def inbox_sensor(
    domains: list[Domain],
    settings: Settings,
    month: dg.MonthlyPartitionsDefinition,
    train: AssetJob,
    follows_data: bool,
) -> dg.SensorDefinition:
    """The sensor `inbox`.

    It compares what lies in the inbox with the register and moves each upload on as far as it gets, so that nothing
    hangs on having seen an event: whatever was missed, or broke off, is made good by the next look.

    A file that comes again with the content, settings, domains and months of its sample's latest launch starts nothing,
    unless that launch failed. Where settings alone change, samples whose latest launch did not succeed come again.

    A look is short, whatever there is to read: what is large is read by a process of its own, whose answer a later look
    takes. The register is kept before anything is read, so that a look that breaks off has at least seen what came.
    """
    worker = Worker(run_apart)

    @dg.sensor(
        name=INBOX_SENSOR,
        job=train,
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes samples from the inbox, adds their partitions and starts their launches; the asset "
        "`uploads` tells what becomes of each.",
    )
    def inbox(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        kept, lost = _read(context, warehouse)
        register = Register() if kept is None else kept
        listing, now = list_inbox(settings.inbox), time.time()
        register.look(listing, now)
        if kept is None:
            register.begin(lost)
        if why := _keep(warehouse, register):
            held = table.held_back(table.rows(register, listing.left), why)
            return _result(context, held, [], f"In {settings.inbox} {why}")
        marts = Marts(domains, warehouse, settings, calendar(month))
        bring_back(register, context.instance, marts, now)
        launching = Launching(
            Launches(context.instance, marts),
            Waiting(context.instance, marts, follows_data, now),
            Matching(Reading(worker, now), marts),
        )
        started = launching.started(register)  # before others are read: they have waited for the worker for longer
        settled = now - settings.inbox_settle_seconds
        checked = check_uploads(register, listing, warehouse.upload_locks, settled, Reading(worker, now))
        requests = launching.requests(register, checked, started)
        note_standing(table.shown_launched(register), context.instance)
        rows = table.rows(register, listing.left)
        if why := _keep(warehouse, register):  # what is not kept is not asked for
            return _result(context, table.held_back(rows, why), [], f"In {settings.inbox} {why}")
        return _result(context, rows, requests, f"Nothing to launch in {settings.inbox}.")

    return inbox


def _read(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> tuple[Register | None, str]:
    """The register; None where there is none, and what became of one that was damaged.

    The launches there were are known without it, by their runs.
    """
    try:
        return read_register(warehouse.uploads), ""
    except ArtifactError as error:
        context.log.warning(str(error))
        aside = set_register_aside(warehouse.uploads)
        return None, (
            f"The register of uploads was damaged, and lies in {aside} now. What became of each sample was found out "
            "anew; one whose launch had failed of something that passes is launched again."
        )


def _keep(warehouse: Warehouse, register: Register) -> str:
    """Write the register; why that cannot be done, as a sentence, and empty where it is done."""
    try:
        write_register(warehouse.uploads, register)
    except OSError as error:
        return (
            f"nothing is launched, for the register of uploads cannot be written to {warehouse.uploads} "
            f"({error.strerror}): make room there, or give ANNA's user the right to write."
        )
    return ""


def _result(
    context: dg.SensorEvaluationContext, rows: list[dict[str, str]], requests: list[dg.RunRequest], otherwise: str
) -> dg.SensorResult:
    """What a look came to: the launches it asks for, or what there is to say, and the table where it changed."""
    published = table.digest(rows)
    keys = [str(request.partition_key) for request in requests]
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else f"{otherwise} {table.summary(rows)}".strip(),
        dynamic_partitions_requests=[SAMPLE.build_add_request(keys)] if keys else [],
        cursor=published,
        asset_events=[] if published == context.cursor else [table.observation(rows)],
    )
