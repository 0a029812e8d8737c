"""How the launches of uploads stand, as their runs say: for the page of all uploads."""

from collections.abc import Sequence

import dagster as dg

from anna_assets.past_runs import UNDER_WAY, last_words, will_retry
from anna_assets.uploads.launches import is_whole
from anna_core.samples.register import Entry
from anna_resources.names import ROOT_RUN_TAG, TRAIN_JOB

FINISHED = "finished"
_QUEUED, _FAILED = "queued", "failed"
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
    roots = [_root(run) for run in runs.values()]
    tries = instance.get_runs(dg.RunsFilter(job_name=TRAIN_JOB, tags={ROOT_RUN_TAG: roots})) if roots else []
    latest = {_root(run): run for run in reversed(tries) if is_whole(run)}  # they come latest first
    for entry in unfinished:
        if (run := runs.get(entry.run)) is not None:  # else it was deleted
            _note(entry, latest.get(_root(run), run), instance)


def _note(entry: Entry, run: dg.DagsterRun, instance: dg.DagsterInstance) -> None:
    standing = _STANDINGS[run.status]
    if run.status is dg.DagsterRunStatus.FAILURE and will_retry(run):
        standing = _QUEUED  # its process was ended; its next attempt is about to come
    if (entry.standing, entry.attempt) != (standing, run.run_id):
        entry.standing, entry.attempt = standing, run.run_id
        entry.failed_with = last_words(instance, run.run_id) if standing == _FAILED else ""


def _root(run: dg.DagsterRun) -> str:
    return run.root_run_id or run.run_id
