"""The launches of uploads as runs: those there were, and those that are asked for."""

import hashlib

import dagster as dg

from anna_assets.partitions import SAMPLE
from anna_assets.past_runs import FAILED
from anna_assets.uploads.marts import Marts
from anna_core.keys import parse_sample_key
from anna_core.samples.register import Entry, Register
from anna_resources.names import (
    CONTENT_TAG,
    KEY_TAG,
    NOTES_TAG,
    OWNER_TAG,
    REGISTER_JOB,
    SAMPLE_TAG,
    TASK_TAG,
    TRAIN_JOB,
)

IDENTITY_TAG = "anna/identity"  # run tag: digest of all that the launch was to be trained on
# Dagster's own: of the runs that a sensor asks for; of those of chosen steps; of those that go on where one failed.
_RUN_KEY_TAG, _STEPS_TAG, _RESUMED_TAG = "dagster/run_key", "dagster/step_selection", "dagster/is_resume_retry"
_LOOKED_BACK = 50  # runs of one sample
_LAUNCHED_BEFORE = "the same rows, settings, domains and months were launched before: this is that launch."
_SETTINGS_CHANGED = (
    "settings have changed since this launch; to train with them, submit the sample or copy it here again."
)


class Launches:
    """Finds the runs of uploads, and asks for new ones, at one look."""

    def __init__(self, instance: dg.DagsterInstance, marts: Marts) -> None:
        """`instance` has the runs; `marts` are what launches are trained on."""
        self._instance, self._marts = instance, marts

    def answer(self, register: Register, entry: Entry) -> bool:
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

    def follow(self, register: Register, entry: Entry) -> bool:
        """Take over the run that was asked for, where it exists; whether it does."""
        run = self._latest(_RUN_KEY_TAG, entry.request)
        if run is not None:
            register.launched(entry, run.run_id, f"{entry.failure} This is the next one." if entry.failure else "")
        return run is not None

    def notes(self, entry: Entry) -> list[str]:
        """What was noted when the upload was registered; nothing if it was copied into the inbox."""
        key = parse_sample_key(entry.key)
        tags = {TASK_TAG: key.task, SAMPLE_TAG: key.sample, CONTENT_TAG: entry.content}
        registered = self._instance.get_runs(dg.RunsFilter(job_name=REGISTER_JOB, tags=tags), limit=1)
        return [note for run in registered for note in run.tags.get(NOTES_TAG, "").splitlines()]

    def run_key(self, entry: Entry) -> str:
        """Under which the upload's next launch is asked for: of another one after each launch, else always the same."""
        return f"{entry.key}:{_digest(self._identity(entry), str(entry.files), str(entry.settings), entry.run)}"

    def request(self, entry: Entry) -> dg.RunRequest:
        """Ask for the launch of an upload."""
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

    def _latest(self, tag: str, value: str) -> dg.DagsterRun | None:
        """The latest of the launches' runs that have a tag."""
        found = self._instance.get_runs(dg.RunsFilter(job_name=TRAIN_JOB, tags={tag: value}), limit=_LOOKED_BACK)
        return next(filter(is_whole, found), None)

    def _identity(self, entry: Entry) -> str:
        """Digest of what the upload is trained on: its content, and of each domain the rules and the months kept."""
        parts = [entry.content]
        for domain in self._marts.domains:
            parts.append(domain.model_dump_json(exclude={"description", "owner"}))
            parts.append(" ".join(f"{month:%Y-%m}" for month in self._marts.months(domain, entry.as_of)))
        return _digest(*parts)


def is_whole(run: dg.DagsterRun) -> bool:
    """Whether a run is of a whole launch, or of what was left of one; not of steps that somebody chose in the UI."""
    return _STEPS_TAG not in run.tags or run.tags.get(_RESUMED_TAG) == "true"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
