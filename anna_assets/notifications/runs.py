"""Runs that ended: launches, production's scoring, and what monitoring found in it.

Dagster numbers the ends of runs, so a look reads those after the last one that was looked at, however many runs there
were before.
"""

import time
from collections.abc import Iterator
from typing import Literal

import dagster as dg

from anna_assets.notifications.monitored import drift
from anna_assets.notifications.writing import Writing, moment
from anna_assets.past_runs import last_words, will_retry
from anna_assets.production.monitoring_asset import MONITORING_KEY
from anna_assets.production.scores_asset import SCORES_KEY
from anna_assets.uploads.launches import is_whole
from anna_core.keys import parse_sample_key
from anna_resources.names import OWNER_TAG, PARTITION_TAG, PRODUCTION_TAG, TRAIN_JOB, WILL_RETRY_TAG
from anna_resources.notifications.message import Message, Severity
from anna_resources.notifications.state import DAY, State
from anna_resources.notify_settings import Event

_Ending = Literal[dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED]
_ENDS: tuple[_Ending, ...] = (
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
)
_AT_A_LOOK = 100  # runs of each end
_DECIDED_SECONDS = 120.0  # after which a failed run is taken not to be tried again; Dagster says so within its second


def last_ends(instance: dg.DagsterInstance) -> dict[str, int]:
    """How a run may end → number of the last such event that there is."""
    return {end.value: _newest(instance, end) for end in _ENDS}


def ended_runs(instance: dg.DagsterInstance, writing: Writing, state: State) -> list[Message]:
    """What there is to tell of the runs that ended since the last look."""
    ended = [(run, at) for run, at in _ended(instance, state) if not _is_undecided(instance, state, run, at)]
    return [message for run, at in ended for message in _of_run(instance, writing, state, run, at)]


def _ended(instance: dg.DagsterInstance, state: State) -> list[tuple[dg.DagsterRun, float]]:
    """The runs that ended, and the undecided ones, each with its end (Unix time), in order."""
    ends: dict[str, float] = state.undecided
    state.undecided = {}
    for end in _ENDS:
        last = state.runs.setdefault(end.value, 0)
        wanted = dg.RunStatusChangeRecordsFilter(event_type=end, after_storage_id=last)
        found = instance.fetch_run_status_changes(wanted, limit=_AT_A_LOOK, ascending=True).records
        ends = ends | {record.run_id: record.timestamp for record in found}
        # Where the storage was begun anew, its numbers begin anew, too.
        state.runs[end.value] = found[-1].storage_id if found else min(last, _newest(instance, end))
    if not ends:
        return []
    runs = instance.get_runs(dg.RunsFilter(run_ids=list(ends)))
    return sorted(((run, ends[run.run_id]) for run in runs), key=lambda one: one[1])


def _newest(instance: dg.DagsterInstance, end: dg.DagsterEventType) -> int:
    found = instance.fetch_run_status_changes(end, limit=1).records
    return found[0].storage_id if found else 0


def _is_undecided(instance: dg.DagsterInstance, state: State, run: dg.DagsterRun, at: float) -> bool:
    """Whether nobody knows yet if a run that failed is tried again; then it is looked at again."""
    failed = run.status is dg.DagsterRunStatus.FAILURE
    if not failed or WILL_RETRY_TAG in run.tags or not instance.run_retries_enabled:
        return False
    if not at <= time.time() < at + _DECIDED_SECONDS:
        return False
    state.undecided[run.run_id] = at
    return True


def _of_run(
    instance: dg.DagsterInstance, writing: Writing, state: State, run: dg.DagsterRun, at: float
) -> Iterator[Message]:
    if will_retry(run) or not run.is_finished:
        return
    if run.job_name == TRAIN_JOB:
        if is_whole(run) and (key := run.tags.get(PARTITION_TAG)):
            yield _of_launch(instance, writing, run, key, at)
        return
    made = run.asset_selection or set()
    if PRODUCTION_TAG in run.tags or made & {SCORES_KEY, MONITORING_KEY}:
        yield from _of_scoring(instance, writing, state, run, at)
    if MONITORING_KEY in made:
        yield from drift(instance, writing, state, run, at)


def _of_launch(instance: dg.DagsterInstance, writing: Writing, run: dg.DagsterRun, key: str, at: float) -> Message:
    task = parse_sample_key(key).task
    tag = writing.ledger.tag_of(key, run.root_run_id or run.run_id)
    owner, facts = run.tags.get(OWNER_TAG) or writing.owner(task), {"launch": tag or key, "run": run.run_id}
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return Message(
            event=Event.LAUNCH_ENDED,
            severity=Severity.SUCCESS,
            task=task,
            owner=owner,
            title=f"ANNA: {tag or key} is trained",
            sentence=writing.result(tag) if tag else f"The launch of {key} has ended.",
            facts=facts,
            page=writing.asset_page("report", key),
            advice=f"Read the report. To have it score in production: anna promote {tag or key} --why …",
            at=moment(at),
        )
    is_canceled = run.status is dg.DagsterRunStatus.CANCELED
    return Message(
        event=Event.LAUNCH_FAILED,
        severity=Severity.WARNING if is_canceled else Severity.FAILURE,
        task=task,
        owner=owner,
        title=f"ANNA: the launch of {tag or key} {'was canceled' if is_canceled else 'failed'}",
        sentence="Somebody canceled it." if is_canceled else last_words(instance, run.run_id),
        facts=facts,
        page=writing.run_page(run.run_id),
        advice="The page of `uploads` says whether it is launched again by itself. If not: mend it, and submit the "
        "sample again.",
        at=moment(at),
    )


def _of_scoring(
    instance: dg.DagsterInstance, writing: Writing, state: State, run: dg.DagsterRun, at: float
) -> Iterator[Message]:
    """That production failed at something: once a day, as it is tried again until it comes to its end."""
    what = run.tags.get(PRODUCTION_TAG) or f"production/scores {run.tags.get(PARTITION_TAG, '')}".rstrip()
    mark = f"failed: {what}"
    if run.status is dg.DagsterRunStatus.SUCCESS:
        state.told.pop(mark, None)
    elif run.status is dg.DagsterRunStatus.FAILURE and state.is_news(mark, DAY):
        for owner, tasks in _owners(writing, run).items():
            yield Message(
                event=Event.SCORING_FAILED,
                severity=Severity.FAILURE,
                task=", ".join(tasks),
                owner=owner,
                title=f"ANNA: production failed at {what}",
                sentence=last_words(instance, run.run_id),
                facts={"what": what, "run": run.run_id},
                page=writing.run_page(run.run_id),
                advice="It is tried again by itself, after pauses that grow to an hour, until it comes to its end. If "
                "the cause will not pass, mend it.",
                at=moment(at),
            )


def _owners(writing: Writing, run: dg.DagsterRun) -> dict[str, list[str]]:
    """Owner → the tasks that a run is for; a history is for all that have a champion."""
    champions, task = writing.champions, run.tags.get(PARTITION_TAG, "").rpartition("|")[2]
    found = dict[str, list[str]]()
    for one in [task] if task in champions.tasks() else champions.all():
        found.setdefault(writing.owner(one), []).append(one)
    return found
