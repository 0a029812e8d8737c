"""The sensor `inbox`: looks at the inbox, keeps the register of uploads, and asks for their launches."""

import time

import dagster as dg

from anna_assets.layers.source_asset import begins_elsewhere
from anna_assets.partitions import SAMPLE, kept_months
from anna_assets.train import AssetJob
from anna_assets.uploads import table
from anna_assets.uploads.launching import Launching
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.samples.checking import check_upload
from anna_core.samples.listing import Listing, list_inbox
from anna_core.samples.register import Register, UploadState, read_register, write_register
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

_TICK_SECONDS = 5  # a file is seen at one look and read at a later one
# Of what is read at a look, so that it ends well before Dagster's 60 s; the rest comes with the next looks.
_BATCH, _BATCH_BYTES = 20, 2**28


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
    """

    @dg.sensor(
        name="inbox",
        job=train,
        minimum_interval_seconds=_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes samples from the inbox, adds their partitions and starts their launches; the asset "
        "`uploads` tells what becomes of each.",
    )
    def inbox(context: dg.SensorEvaluationContext, warehouse: Warehouse) -> dg.SensorResult:
        kept = read_register(warehouse.uploads)
        register = Register() if kept is None else kept
        listing, now = list_inbox(settings.inbox), time.time()
        register.look(listing, now)
        if kept is None:
            register.begin()
        checked = _check(register, listing, warehouse, now - settings.inbox_settle_seconds)
        waiting = _beginning(warehouse, domains, settings) if follows_data else ""
        launching = Launching(context.instance, domains, warehouse, settings, kept_months(month), waiting)
        requests = launching.requests(register, checked)
        write_register(warehouse.uploads, register)
        rows = table.rows(register, listing.left)
        published = table.digest(rows)
        keys = [str(request.partition_key) for request in requests]
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else f"Nothing to launch in {settings.inbox}. {table.summary(rows)}".strip(),
            dynamic_partitions_requests=[SAMPLE.build_add_request(keys)] if keys else [],
            cursor=published,
            asset_events=[] if published == context.cursor else [table.observation(rows)],
        )

    return inbox


def _beginning(warehouse: Warehouse, domains: list[Domain], settings: Settings) -> str:
    """Why no sample can be launched yet: the graph does not begin with the data. Empty where it does."""
    try:
        rows = [warehouse.source(domain).read().rows for domain in domains]
    except ArtifactError:
        return ""  # what is wrong with that source is told of each sample that waits for it
    first = begins_elsewhere(settings, rows)
    return "" if first is None else f"the data begins in {first:%Y-%m}, and the months are about to begin there, too."


def _check(register: Register, listing: Listing, warehouse: Warehouse, settled: float) -> set[str]:
    """Read uploads that have been at rest, within the bounds of a look; names of those whose reading is over.

    What could not be read is tried again at the next look, after all others.
    """
    uploads, bytes_left = {upload.name: upload for upload in listing.uploads}, _BATCH_BYTES
    resting = [(name, entry) for name, entry in register.of_state(UploadState.SETTLING) if entry.seen <= settled]
    checked = set()
    for place, (name, entry) in enumerate(resting[:_BATCH]):
        bytes_left -= sum(size for size, *_ in entry.files.values())
        if place and bytes_left < 0:
            break
        check_upload(entry, uploads[name], warehouse.upload_locks)
        if entry.state is UploadState.SETTLING:
            entry.place = register.last_place + 1
        else:
            checked.add(name)
    return checked
