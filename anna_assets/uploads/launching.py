"""From a checked upload to its launch: whether it was launched before, what it waits for, and what is asked for."""

import hashlib
from collections.abc import Collection, Sequence

import dagster as dg

from anna_assets.partitions import SAMPLE
from anna_assets.uploads.again import still_pauses
from anna_assets.uploads.builds import Builds
from anna_assets.uploads.reading import Later, Reading, mart_size, upload_size
from anna_assets.uploads.work import Match
from anna_assets.uploads.worker import Worker
from anna_core.domains import Domain
from anna_core.keys import parse_sample_key
from anna_core.samples.register import Entry, Register, UploadState
from anna_core.sequences.readiness import Readiness
from anna_resources.names import CONTENT_TAG, KEY_TAG, OWNER_TAG, SAMPLE_TAG, TASK_TAG, TRAIN_JOB
from anna_resources.settings import INBOX, Settings
from anna_resources.warehouse import Warehouse

IDENTITY_TAG = "anna/identity"  # run tag: digest of all that the launch was to be trained on
_RUN_KEY_TAG = "dagster/run_key"  # Dagster's own, of the runs that a sensor asks for
_FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_LAUNCHED_BEFORE = "the same rows, settings, domains and months were launched before: this is that launch."
_SETTINGS_CHANGED = (
    "settings have changed since this launch; to train with them, submit the sample or copy it here again."
)
_ABOUT_TO_BEGIN = "its run is about to begin."
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
        worker: Worker,
        now: float,
        waiting: str = "",
    ) -> None:
        """Look for what the launches wait for.

        Args:
            instance: that has the runs.
            domains: that a launch is trained on.
            warehouse: the deployment's.
            settings: the deployment's.
            kept: names the months that the deployment keeps (`kept_months`).
            worker: reads what is large.
            now: time of the look.
            waiting: why nothing can be launched.
        """
        self._instance, self._domains, self._builds = instance, domains, Builds(instance)
        self._reading, self._now = Reading(worker, now), now
        self._warehouse, self._waiting = warehouse, waiting
        self._ready = {
            domain.name: Readiness(
                domain,
                warehouse.home_path,
                warehouse.time_zone,
                warehouse.source(domain).path,
                warehouse.mart(domain).path,
                kept,
                settings.keeps,
                settings.source_settle_seconds,
                settings.left_aside,
            )
            for domain in domains
        }

    def started(self, register: Register) -> list[Entry]:
        """Move the uploads on whose launches had begun before; return those whose runs are to be asked for again.

        A run that was asked for is asked for until it exists, as the daemon may die in between; its run key makes sure
        that it is made once.
        """
        for _, entry in register.of_state(UploadState.STARTING):
            self._find_run(register, entry)
        return [entry for _, entry in register.of_state(UploadState.STARTING) if self._is_matched(entry)]

    def requests(self, register: Register, checked: Collection[str], started: Sequence[Entry]) -> list[dg.RunRequest]:
        """Move every upload that was read on as far as it gets; return the runs to ask for, a batch at most.

        Args:
            register: of the uploads.
            checked: names of those that were read just now, which may be answered by a launch before.
            started: those whose runs are to be asked for already.
        """
        ready = list(started)
        for name, entry in register.of_state(UploadState.WAITING):
            if (name in checked and self._was_launched(register, entry)) or self._waits(entry):
                continue
            if len(ready) >= _BATCH:
                entry.reason = "others are launched first; its turn comes in a moment."
            elif not self._was_launched(register, entry) and self._starts(register, entry) and self._is_matched(entry):
                ready.append(entry)
        return [self._request(entry) for entry in ready[:_BATCH]]

    def _waits(self, entry: Entry) -> bool:
        """Whether the upload has to wait for marts; its entry then says for which."""
        if self._waiting:
            entry.reason = self._waiting
            return True
        behind = [found for ready in self._ready.values() if (found := ready.behind(entry.as_of))]
        reason = still_pauses(entry, self._now) or " ".join(self._builds.explain(found) for found in behind)
        if reason:
            entry.reason = f"{entry.failure} It is launched again after that: {reason}" if entry.failure else reason
        return bool(reason)

    def _starts(self, register: Register, entry: Entry) -> bool:
        """Begin the launch of an upload; False where its run exists, as the register forgot."""
        entry.request = (
            f"{entry.key}:{_digest(self._identity(entry), str(entry.files), str(entry.settings), entry.run)}"
        )
        entry.put(UploadState.STARTING, _ABOUT_TO_BEGIN)
        entry.matched = False
        return not self._find_run(register, entry)

    def _is_matched(self, entry: Entry) -> bool:
        """Whether the upload's clients were looked for in the marts; what there is to tell of them is then known.

        Where that took long, the marts may be behind meanwhile; then the upload waits once more.
        """
        if entry.matched:
            return True
        file = self._warehouse.home_path / INBOX / entry.file
        marts = [(domain, self._warehouse.mart(domain).path) for domain in self._domains]
        job = Match(file=file, content=entry.content, marts=marts)
        found = self._reading.ask(job, self._matching_size(entry), entry.tries)
        if isinstance(found, Later):
            _tell_later(entry, found)
            return False
        entry.matched, entry.tries, entry.warnings = True, 0, found.warnings
        if found.problem:
            entry.warnings = [f"Whether the marts know the sample's clients could not be told: {found.problem}."]
        is_behind = self._waits(entry)
        entry.put(*((UploadState.WAITING, entry.reason) if is_behind else (UploadState.STARTING, _ABOUT_TO_BEGIN)))
        return not is_behind

    def _matching_size(self, entry: Entry) -> int:
        """What it takes to look for the upload's clients in the months that its windows touch."""
        marts = {domain.name: self._warehouse.mart(domain) for domain in self._domains}
        months = ((name, month) for name, ready in self._ready.items() for month in ready.kept_months(entry.as_of))
        return upload_size(entry.files) + mart_size(marts[name].month_path(month) for name, month in months)

    def _was_launched(self, register: Register, entry: Entry) -> bool:
        """Whether the sample's latest launch is an answer to the upload; it is then its launch."""
        identity = self._identity(entry)
        latest = self._latest(KEY_TAG, entry.key)
        if latest is None or not self._instance.has_dynamic_partition(SAMPLE.name or "", entry.key):
            return False
        is_over = latest.is_finished
        same_rows = latest.tags.get(CONTENT_TAG) == entry.content
        # Launches of earlier versions of ANNA have no identity.
        same = same_rows and latest.tags.get(IDENTITY_TAG, identity) == identity
        if (same and latest.status not in _FAILED) or (same_rows and entry.was_there):
            register.launched(entry, latest.run_id, _LAUNCHED_BEFORE, is_over)
            return True
        if entry.launched == entry.files and latest.status is dg.DagsterRunStatus.SUCCESS:
            register.launched(entry, latest.run_id, _SETTINGS_CHANGED, is_over)
            return True
        return False

    def _find_run(self, register: Register, entry: Entry) -> bool:
        run = self._latest(_RUN_KEY_TAG, entry.request)
        if run is not None:
            register.launched(entry, run.run_id, f"{entry.failure} This is the next one." if entry.failure else "")
        return run is not None

    def _latest(self, tag: str, value: str) -> dg.DagsterRun | None:
        filters = dg.RunsFilter(job_name=TRAIN_JOB, tags={tag: value})
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
            TASK_TAG: key.task,
            SAMPLE_TAG: key.sample,
        }
        return dg.RunRequest(run_key=entry.request, partition_key=entry.key, tags=tags)


def _tell_later(entry: Entry, later: Later) -> None:
    if later.since:
        entry.tries += 1
        entry.reason = f"its clients have been looked for in the marts since {later.since}; its run begins after that."
    elif later.busy:
        entry.reason = "its clients are looked for in the marts once another upload has been read."


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
