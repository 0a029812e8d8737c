"""From a checked upload to its launch: whether it was launched before, what it waits for, and what is asked for."""

import hashlib
from collections.abc import Collection, Sequence

import dagster as dg

from anna_assets.launches import KEY_TAG, OWNER_TAG, TRAIN
from anna_assets.layers.samples import CONTENT_TAG
from anna_assets.partitions import SAMPLE
from anna_assets.uploads.builds import Builds
from anna_core.domains import Domain
from anna_core.keys import parse_sample_key
from anna_core.samples.register import Entry, Register, UploadState
from anna_core.sequences.readiness import Readiness
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

IDENTITY_TAG = "anna/identity"  # run tag: digest of all that the launch was to be trained on
_RUN_KEY_TAG = "dagster/run_key"  # Dagster's own, of the runs that a sensor asks for
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_BATCH = 20  # launches that are asked for at a look; the rest come with the next ones


class Launching:
    """Decides about checked uploads, at one moment."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        domains: Sequence[Domain],
        warehouse: Warehouse,
        settings: Settings,
        kept: str,
    ) -> None:
        """`kept` names the months that the deployment keeps (`kept_months`)."""
        self._instance, self._domains, self._builds = instance, domains, Builds(instance)
        self._ready = {
            domain.name: Readiness(
                domain,
                warehouse.home_path,
                warehouse.time_zone,
                warehouse.source(domain).path,
                warehouse.mart(domain).path,
                kept,
                settings.keeps,
            )
            for domain in domains
        }

    def requests(self, register: Register, checked: Collection[str]) -> list[dg.RunRequest]:
        """Move every upload that was read on as far as it gets; return the runs to ask for, a batch at most.

        A run that was asked for is asked for until it exists, as the daemon may die in between; its run key makes sure
        that it is made once.

        Args:
            register: of the uploads.
            checked: names of those that were read just now, which may be answered by a launch before.
        """
        for _, entry in register.of_state(UploadState.STARTING):
            self._find_run(entry)
        for name, entry in register.of_state(UploadState.WAITING):
            if name not in checked or not self._was_launched(entry):
                self._decide(entry)
        starting = [entry for _, entry in register.of_state(UploadState.STARTING)]
        for entry in starting[_BATCH:]:
            entry.put(UploadState.WAITING, "others are launched first; its turn comes in a moment.")
        return [self._request(entry) for entry in starting[:_BATCH]]

    def _decide(self, entry: Entry) -> None:
        behind = [found for ready in self._ready.values() if (found := ready.behind(entry.as_of))]
        if behind:
            entry.put(UploadState.WAITING, " ".join(self._builds.explain(found) for found in behind))
            return
        if self._was_launched(entry):
            return
        identity = self._identity(entry)
        entry.request = f"{entry.key}:{_digest(identity, str(entry.files), str(entry.settings))}"
        entry.put(UploadState.STARTING, "its run is about to begin.")
        self._find_run(entry)

    def _was_launched(self, entry: Entry) -> bool:
        """Whether the sample's latest launch is an answer to the upload; it is then its launch."""
        identity = self._identity(entry)
        latest = self._latest(KEY_TAG, entry.key)
        if latest is None or not self._instance.has_dynamic_partition(SAMPLE.name or "", entry.key):
            return False
        same_rows = latest.tags.get(CONTENT_TAG) == entry.content
        # Launches of earlier versions of ANNA have no identity.
        same = same_rows and latest.tags.get(IDENTITY_TAG, identity) == identity
        if (same and latest.status not in _FAILED) or (same_rows and entry.was_there):
            entry.launched_as(
                latest.run_id, "the same rows, settings, domains and months were launched before: this is that launch."
            )
        elif entry.launched == entry.files and latest.status is dg.DagsterRunStatus.SUCCESS:
            entry.launched_as(
                latest.run_id,
                "settings have changed since this launch; to train with them, submit the sample or copy it here again.",
            )
        return entry.state is UploadState.LAUNCHED

    def _find_run(self, entry: Entry) -> None:
        run = self._latest(_RUN_KEY_TAG, entry.request)
        if run is not None:
            entry.launched_as(run.run_id)

    def _latest(self, tag: str, value: str) -> dg.DagsterRun | None:
        filters = dg.RunsFilter(job_name=TRAIN, tags={tag: value})
        return next(iter(self._instance.get_runs(filters, limit=1)), None)

    def _identity(self, entry: Entry) -> str:
        """Digest of what the upload is trained on: its content, and of each domain the rules and the months kept."""
        parts = [entry.content]
        for domain in self._domains:
            parts.append(domain.model_dump_json(exclude={"description", "owner"}))
            parts.append(" ".join(f"{month:%Y-%m}" for month in self._ready[domain.name].kept_months(entry.as_of)))
        return _digest(*parts)

    def _request(self, entry: Entry) -> dg.RunRequest:
        key = parse_sample_key(entry.key)
        tags = {
            CONTENT_TAG: entry.content,
            IDENTITY_TAG: self._identity(entry),
            KEY_TAG: entry.key,
            OWNER_TAG: entry.owner,
            "anna/task": key.task,
            "anna/sample": key.sample,
        }
        return dg.RunRequest(run_key=entry.request, partition_key=entry.key, tags=tags)


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
