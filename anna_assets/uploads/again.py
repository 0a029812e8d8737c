"""Uploads whose launch failed of something that passes: they go back to where they wait, and are launched again.

Only launches that the intake asked for are, with what Dagster itself made of them; what somebody materializes in the
UI is not.
"""

import dagster as dg

from anna_assets.passing import Passing, disks, full_disks, what_passes
from anna_assets.past_runs import last_words, will_retry
from anna_assets.uploads.marts import Marts
from anna_core.samples.register import Entry, Register, UploadState
from anna_resources.clock import told_moment
from anna_resources.ledger.ledger import Ledger
from anna_resources.names import RETRY_TAG
from anna_resources.settings import load_settings

_PAUSE = 300  # seconds; a failed step gives back what it held, so that there seems to be room at once


def bring_back(register: Register, instance: dg.DagsterInstance, marts: Marts, now: float) -> None:
    """Look at launches that have ended since the last look; let uploads wait whose launches failed of what passes.

    A launch that met marts behind their source comes back as often as a source was observed since it did so last; one
    that lacked room or memory, or could not be recorded in the ledger, once for each.

    Args:
        register: of the uploads.
        instance: that has the runs.
        marts: that launches are trained on.
        now: time of the look.
    """
    watched = [entry for _, entry in register.of_state(UploadState.LAUNCHED) if entry.watched]
    if not watched:
        return
    runs = instance.get_runs(dg.RunsFilter(run_ids=[entry.watched for entry in watched]))
    by_id = {run.run_id: run for run in runs}
    for entry in watched:
        run = by_id.get(entry.watched)
        if run is not None and not run.is_finished:
            continue
        if run is not None and will_retry(run):
            entry.watched = run.tags.get(RETRY_TAG, run.run_id)
            continue
        entry.watched = ""
        if run is not None and run.status is dg.DagsterRunStatus.FAILURE:
            what = what_passes(instance, run.run_id)
            if what is not None:
                _come_back(entry, what, last_words(instance, run.run_id), marts.observed, now)


def still_pauses(entry: Entry, now: float) -> str:
    """What an upload whose launch failed waits for besides marts, as a sentence; empty where there is nothing."""
    if not entry.failed_of or not entry.failed <= now:  # a clock that was put back makes no pause longer
        return ""
    if now < entry.failed + _PAUSE:
        return f"not before {told_moment(entry.failed + _PAUSE)}."
    if entry.failed_of[-1] == Passing.SPACE.name and (full := full_disks(disks())):
        return f"room is to be made first: {'; '.join(full)}."
    if entry.failed_of[-1] == Passing.LEDGER.name and (problem := Ledger.of(load_settings()).repository.problem()):
        return f"the ledger is to be mended first: {problem}"
    return ""


def _come_back(entry: Entry, what: Passing, words: str, observed: str, now: float) -> None:
    """Let an upload wait for its next launch, unless the same was waited for in vain."""
    tried = what.name in entry.failed_of if what is not Passing.MARTS else entry.observed == observed
    if tried:
        entry.reason = (
            f"it was launched again and failed of the same: {what.value}. Once that is mended, submit the sample again "
            "or copy it here again."
        )
        return
    entry.failure = f"its launch (run {entry.run[:8]}) failed: {words.rstrip(' .')}."
    entry.was_there = entry.matched = False  # the marts that its clients are looked for in are others by then
    if what is Passing.MARTS:
        entry.observed = observed
    else:
        entry.failed, entry.failed_of = now, [*entry.failed_of, what.name]
    entry.put(UploadState.WAITING, entry.failure)
