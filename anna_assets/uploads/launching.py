"""From a checked upload to its launch: whether it was launched before, what it waits for, and what is asked for."""

import datetime as dt
import hashlib
from collections.abc import Collection, Sequence
from functools import cache, cached_property

import dagster as dg

from anna_assets.first_month import begins_elsewhere
from anna_assets.partitions import SAMPLE
from anna_assets.past_runs import FAILED
from anna_assets.uploads.again import still_pauses
from anna_assets.uploads.builds import Builds
from anna_assets.uploads.reading import Later, Reading, mart_size, upload_size
from anna_assets.uploads.work import Answer, Match
from anna_assets.uploads.worker import Worker
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.keys import parse_sample_key
from anna_core.samples.register import Entry, Register, UploadState
from anna_core.sequences.readiness import Readiness
from anna_resources.names import CONTENT_TAG, KEY_TAG, OWNER_TAG, SAMPLE_TAG, TASK_TAG, TRAIN_JOB
from anna_resources.settings import INBOX, Settings
from anna_resources.warehouse import Warehouse

IDENTITY_TAG = "anna/identity"  # run tag: digest of all that the launch was to be trained on
# Dagster's own: of the runs that a sensor asks for; of those of chosen steps; of those that go on where one failed.
_RUN_KEY_TAG, _STEPS_TAG, _RESUMED_TAG = "dagster/run_key", "dagster/step_selection", "dagster/is_resume_retry"
_LOOKED_BACK = 50  # runs of one sample
_LAUNCHED_BEFORE = "the same rows, settings, domains and months were launched before: this is that launch."
_SETTINGS_CHANGED = (
    "settings have changed since this launch; to train with them, submit the sample or copy it here again."
)
_ABOUT_TO_BEGIN = "its run is about to begin."
_MATCHED_LATER = "its clients are looked for in the marts once another upload has been read."
_CUT_SHORT = "each time that they were looked for, ANNA's code server ended before that did"
_MOST_TRIES = 5  # to look for an upload's clients that ended without an answer, as the code server ended meanwhile
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
        follows_data: bool,
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
            follows_data: whether the graph begins with the data.
        """
        self._instance, self._domains, self._builds = instance, domains, Builds(instance)
        self._reading, self._now = Reading(worker, now), now
        self._inbox, self._settings, self._follows_data = warehouse.home_path / INBOX, settings, follows_data
        self._marts = {domain.name: warehouse.mart(domain) for domain in domains}
        self._month_size = cache(self._measured)  # many uploads touch the same
        self._ready = {
            name: Readiness(mart.observed.source, mart.observed.path, mart.path, kept, settings.keeps)
            for name, mart in self._marts.items()
        }

    def started(self, register: Register) -> list[Entry]:
        """Move the uploads on whose launches had begun before; return those whose runs are to be asked for again.

        A run that was asked for is asked for until it exists, as the daemon may die in between; its run key makes sure
        that it is made once.
        """
        for _, entry in register.of_state(UploadState.STARTING):
            self._follow_run(register, entry)
        return [entry for _, entry in register.of_state(UploadState.STARTING) if self._match(entry)]

    def requests(self, register: Register, checked: Collection[str], started: Sequence[Entry]) -> list[dg.RunRequest]:
        """Move every upload that was read on as far as it gets; return the runs to ask for, a batch at most.

        Args:
            register: of the uploads.
            checked: names of those that were read just now, which may be answered by a launch before.
            started: those whose runs are to be asked for already.
        """
        ready = list(started)
        for name, entry in register.of_state(UploadState.WAITING):
            if (name in checked and self._answer(register, entry)) or self._hold(entry):
                continue
            if len(ready) >= _BATCH:
                entry.reason = "others are launched first; its turn comes in a moment."
            elif not entry.matched and self._reading.is_full(self._matching_size(entry)):
                entry.reason = _MATCHED_LATER
            elif not self._answer(register, entry) and self._start(register, entry) and self._match(entry):
                ready.append(entry)
        return [self._request(entry) for entry in ready[:_BATCH]]

    @cached_property
    def _beginning(self) -> str:
        """Why no sample can be launched yet: the graph does not begin with the data. Empty where it does."""
        if not self._follows_data:
            return ""
        try:
            rows = [ready.rows for ready in self._ready.values()]
        except (ArtifactError, OSError):
            return ""  # what is wrong with that source is told of each sample that waits for it
        first = begins_elsewhere(self._settings, rows)
        if first is None:
            return ""
        return f"the data begins in {first:%Y-%m}, and the months are about to begin there, too."

    def _hold(self, entry: Entry) -> bool:
        """Hold the upload back where it has to wait, and say for what in its entry; whether it has to."""
        if self._beginning:
            entry.reason = self._beginning
            return True
        behind = [found for ready in self._ready.values() if (found := ready.behind(entry.as_of))]
        reason = still_pauses(entry, self._now) or " ".join(self._builds.explain(found) for found in behind)
        if reason:
            entry.reason = f"{entry.failure} It is launched again after that: {reason}" if entry.failure else reason
        return bool(reason)

    def _start(self, register: Register, entry: Entry) -> bool:
        """Begin the launch of an upload; False where its run exists, as the register forgot."""
        entry.request = (
            f"{entry.key}:{_digest(self._identity(entry), str(entry.files), str(entry.settings), entry.run)}"
        )
        entry.put(UploadState.STARTING, _ABOUT_TO_BEGIN)
        return not self._follow_run(register, entry)

    def _match(self, entry: Entry) -> bool:
        """Have the upload's clients looked for in the marts, unless they were; whether its run may be asked for.

        Where that took long, the marts may be behind meanwhile; then the upload waits once more. Its clients are not
        looked for anew after that: where files come faster than that goes, it would never be launched.
        """
        if entry.matched:
            return True
        marts = [(domain, self._marts[domain.name].path) for domain in self._domains]
        job = Match(file=self._inbox / entry.file, content=entry.content, marts=marts)
        found = self._reading.ask(job, self._matching_size(entry), entry, may_begin=entry.tries < _MOST_TRIES)
        if isinstance(found, Later) and not found.left:
            _tell_later(entry, found)
            return False
        answer = Answer(problem=_CUT_SHORT) if isinstance(found, Later) else found
        entry.warnings = answer.warnings
        if answer.problem:
            entry.warnings = [f"Whether the marts know the sample's clients could not be told: {answer.problem}."]
        entry.matched, entry.tries = True, 0
        is_behind = self._hold(entry)
        entry.put(*((UploadState.WAITING, entry.reason) if is_behind else (UploadState.STARTING, _ABOUT_TO_BEGIN)))
        return not is_behind

    def _matching_size(self, entry: Entry) -> int:
        """What it takes to look for the upload's clients in the months that its windows touch."""
        months = ((domain, month) for domain in self._domains for month in self._kept_months(domain, entry))
        return upload_size(entry.files) + sum(self._month_size(domain.name, month) for domain, month in months)

    def _measured(self, domain: str, month: dt.date) -> int:
        return mart_size([self._marts[domain].month_path(month)])

    def _kept_months(self, domain: Domain, entry: Entry) -> list[dt.date]:
        return self._ready[domain.name].kept_months(entry.as_of)

    def _answer(self, register: Register, entry: Entry) -> bool:
        """Answer the upload by the sample's latest launch, where that is one of the same; whether it is."""
        identity = self._identity(entry)
        latest = self._latest(KEY_TAG, entry.key)
        if latest is None or not self._instance.has_dynamic_partition(SAMPLE.name or "", entry.key):
            return False
        is_over = latest.is_finished
        same_rows = latest.tags.get(CONTENT_TAG) == entry.content
        same = same_rows and latest.tags.get(IDENTITY_TAG) == identity
        if (same and latest.status not in FAILED) or (same_rows and entry.was_there):
            register.launched(entry, latest.run_id, _LAUNCHED_BEFORE, is_over)
            return True
        if entry.launched == entry.files and latest.status is dg.DagsterRunStatus.SUCCESS:
            register.launched(entry, latest.run_id, _SETTINGS_CHANGED, is_over)
            return True
        return False

    def _follow_run(self, register: Register, entry: Entry) -> bool:
        """Take over the run that was asked for, where it exists; whether it does."""
        run = self._latest(_RUN_KEY_TAG, entry.request)
        if run is not None:
            register.launched(entry, run.run_id, f"{entry.failure} This is the next one." if entry.failure else "")
        return run is not None

    def _latest(self, tag: str, value: str) -> dg.DagsterRun | None:
        """The latest run of a whole launch, or of what was left of one; not of steps that somebody chose in the UI."""
        found = self._instance.get_runs(dg.RunsFilter(job_name=TRAIN_JOB, tags={tag: value}), limit=_LOOKED_BACK)
        return next((run for run in found if _STEPS_TAG not in run.tags or run.tags.get(_RESUMED_TAG) == "true"), None)

    def _identity(self, entry: Entry) -> str:
        """Digest of what the upload is trained on: its content, and of each domain the rules and the months kept."""
        parts = [entry.content]
        for domain in self._domains:
            parts.append(domain.model_dump_json(exclude={"description", "owner"}))
            parts.append(" ".join(f"{month:%Y-%m}" for month in self._kept_months(domain, entry)))
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
        entry.reason = f"its clients have been looked for in the marts since {later.since}; its run begins after that."
    elif later.busy:
        entry.reason = _MATCHED_LATER


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
