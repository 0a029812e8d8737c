"""How the launches of uploads stand, as their runs say: for the page of all uploads."""

from collections.abc import Sequence

import dagster as dg

from anna_assets.past_runs import UNDER_WAY, last_words, will_retry
from anna_assets.uploads.launches import is_whole
from anna_core.samples.register import Entry
from anna_resources.names import ROOT_RUN_TAG, TRAIN_JOB

FINISHED = "finished"
_QUEUED, _FAILED = "queued", "failed"
DELETED = "deleted"  # in the UI, so that nobody knows what came of it
_STANDINGS = {
    **dict.fromkeys(UNDER_WAY, _QUEUED),
    dg.DagsterRunStatus.STARTED: "running",
    dg.DagsterRunStatus.CANCELING: "running",
    dg.DagsterRunStatus.SUCCESS: FINISHED,
    dg.DagsterRunStatus.FAILURE: _FAILED,
    dg.DagsterRunStatus.CANCELED: "canceled",
}


def note_standing(entries: Sequence[Entry], instance: dg.DagsterInstance) -> None:
    """Note how launches stand that had not finished, and what they failed of; the latest attempt at each counts.

    Args:
        entries: of launched uploads.
        instance: that has the runs.
    """
    unfinished = [entry for entry in entries if entry.standing != FINISHED]
    if not unfinished:
        return
    runs = {run.run_id: run for run in instance.get_runs(dg.RunsFilter(run_ids=[one.run for one in unfinished]))}
    roots = [_root(runs[entry.run]) if entry.run in runs else entry.run for entry in unfinished]
    tries = instance.get_runs(dg.RunsFilter(job_name=TRAIN_JOB, tags={ROOT_RUN_TAG: roots}))
    latest = {_root(run): run for run in reversed(tries) if is_whole(run)}  # they come latest first
    for entry, root in zip(unfinished, roots, strict=True):
        if (run := latest.get(root, runs.get(entry.run))) is not None:
            _note(entry, run, instance)
        else:
            entry.standing, entry.failed_with = DELETED, ""


def _note(entry: Entry, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
    standing = _STANDINGS[run.status]
    if run.status is dg.DagsterRunStatus.FAILURE and will_retry(run):
        standing = _QUEUED  # its process was ended; its next attempt is about to come
    if (entry.standing, entry.attempt) != (standing, run.run_id):
        entry.standing, entry.attempt = standing, run.run_id
        entry.failed_with = last_words(instance, run.run_id) if standing == _FAILED else ""


def _root(run: dg.DagsterRun) -> str:
    return run.root_run_id or run.run_id
