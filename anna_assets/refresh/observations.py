"""When a source is observed: once its files change, and again, with growing pauses, where that led to nothing.

An observation that was told (`SourceState.told`) asks for the builds of all months that are behind. So each state of a
deployment leads on by itself, until every month is built of what its source holds now:

- The source was not observed as it is, or that was not told: it is observed, again and again where that fails.
- It was, and months are behind that nothing is about to build: it is observed again, which asks for them once more.
- An observation or a build is under way: that ends.

Only a person who cancels an observation stops this, until the source changes.
"""

from itertools import takewhile

import dagster as dg

from anna_assets.past_runs import FAILED, UNDER_WAY, last_words
from anna_assets.pauses import pause_end
from anna_resources.clock import told_moment

LISTING_TAG = "anna/listing"  # run tag: the state of the source's files that the observation was asked for
UNBUILT_TAG = "anna/unbuilt"  # run tag: the months for whose builds the observation was asked for, as a text
# Seconds, for months that are behind. The first pause gives the automation's next look, 30 seconds later at most, the
# time to ask for them; the longest is longer than that of observations, for a build reads all rows of its month.
_FIRST_BUILD_PAUSE, _LONGEST_BUILD_PAUSE = 120, 6 * 3600
# Where so many states of a source failed in a row, the next one waits, too: one bad file among many that come would
# else be met at each look. For so many seconds at most.
_AT_ONCE, _LONGEST_OF_OTHERS = 3, 120.0
_LOOKED_BACK = 50  # runs; of more failures than that the number does not matter


def next_observation(
    instance: dg.DagsterInstance, job: str, listing: str, now: float, told: list[str]
) -> dg.RunRequest | None:
    """A request to observe a source in the state `listing`, unless one is under way or has failed a short while ago.

    All of that is known from the runs themselves. Other files are observed at once, though where several states failed
    in a row with a short pause; the same ones after a pause that grows with each failure since the last success. Until
    then `told` gets a sentence with the run's own words. Where somebody canceled the latest one, the same files are not
    observed again.

    Args:
        instance: that has the runs.
        job: that observes the source.
        listing: digest of the source's state.
        now: Unix time.
        told: takes what is to be said.
    """
    if _is_under_way(instance, job):
        return None
    since = list(takewhile(lambda record: record.dagster_run.status in FAILED, _ended(instance, job)))
    failed = [record for record in since if record.dagster_run.tags.get(LISTING_TAG) == listing]
    if failed and _was_canceled(failed[0], job, told):
        return None
    if failed and (again := pause_end(len(failed), _end(failed[0]), now)):
        told.append(
            f"{job} failed {_times(len(failed))} with these files, and is tried again at {told_moment(again)}, or "
            f"as soon as they change: {last_words(instance, failed[0].dagster_run.run_id)}"
        )
        return None
    others = len({record.dagster_run.tags.get(LISTING_TAG) for record in since})
    if others > _AT_ONCE and pause_end(others - _AT_ONCE, _end(since[0]), now, longest=_LONGEST_OF_OTHERS):
        told.append(f"{job} failed with {others} states of its files in a row, and is tried with this one in a moment.")
        return None
    return dg.RunRequest(job_name=job, tags={LISTING_TAG: listing})


def observation_for_builds(
    instance: dg.DagsterInstance, job: str, listing: str, months: list[str], now: float, told: list[str]
) -> dg.RunRequest | None:
    """A request to observe a source once more although it is the same, so that months that are behind are asked for.

    The pause before grows with each such observation of the same files.

    Args:
        instance: that has the runs.
        job: that observes the source.
        listing: digest of the source's state.
        months: keys of the months, one or more, ascending, that are behind and that no run is about to build.
        now: Unix time.
        told: takes what is to be said.
    """
    if _is_under_way(instance, job):
        return None
    ended = _ended(instance, job)
    since = list(takewhile(lambda record: _was_for_builds(record, listing), ended))
    if since and _was_canceled(since[0], job, told):
        return None
    first, others = months[0][:7], len(months) - 1
    named = f"{first} and {others} more" if others else first
    pauses = _FIRST_BUILD_PAUSE, _LONGEST_BUILD_PAUSE
    if ended and (again := pause_end(len(since) + 1, _end(ended[0]), now, *pauses)):
        if since:
            told.append(
                f"{job} asked {_times(len(since))} again for months that are still not built ({named}), and does so "
                f"once more at {told_moment(again)}, or as soon as the source changes; the runs that were to build "
                "them tell why."
            )
        return None
    return dg.RunRequest(job_name=job, tags={LISTING_TAG: listing, UNBUILT_TAG: named})


def _is_under_way(instance: dg.DagsterInstance, job: str) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1))


def _ended(instance: dg.DagsterInstance, job: str) -> list[dg.RunRecord]:
    """The job's runs that have ended, the latest first."""
    over = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS, *FAILED])
    return list(instance.get_run_records(over, limit=_LOOKED_BACK))


def _was_for_builds(record: dg.RunRecord, listing: str) -> bool:
    tags = record.dagster_run.tags
    return tags.get(LISTING_TAG) == listing and UNBUILT_TAG in tags


def _was_canceled(record: dg.RunRecord, job: str, told: list[str]) -> bool:
    """Whether somebody canceled the run, which is then told; Dagster takes whatever else ends one for a failure."""
    if record.dagster_run.status is not dg.DagsterRunStatus.CANCELED:
        return False
    told.append(
        f"{job} was canceled (run {record.dagster_run.run_id[:8]}), and is not begun again until the source changes; "
        "launch the job to have it observed before."
    )
    return True


def _end(record: dg.RunRecord) -> float:
    return record.end_time or record.update_timestamp.timestamp()


def _times(count: int) -> str:
    return f"{count} times" if count > 1 else "once"
