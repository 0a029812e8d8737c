"""When a source is observed: once its files change, and again, with growing pauses, where that failed."""

from itertools import takewhile

import dagster as dg

from anna_assets.moments import told_moment
from anna_assets.past_runs import FAILED, UNDER_WAY, last_words

LISTING_TAG = "anna/listing"  # run tag: the state of the source's files that the observation was asked for
# Seconds until the next try: what passes soon, such as a restart, costs little time; what lasts, such as a full disk
# or a wrong column, costs few runs, and no more than an hour once it has passed.
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 30, 4, 3600
_LOOKED_BACK = 50  # runs; of more failures than that the number does not matter


def next_observation(
    instance: dg.DagsterInstance, job: str, listing: str, now: float, told: list[str]
) -> dg.RunRequest | None:
    """A request to observe a source in the state `listing`, unless one is under way or has failed a short while ago.

    All of that is known from the runs themselves. Other files are observed at once, the same ones after a pause that
    grows with each failure since the last success; until then `told` gets a sentence with the run's own words.

    Args:
        instance: that has the runs.
        job: that observes the source.
        listing: digest of the source's state.
        now: Unix time.
        told: takes what is to be said.
    """
    if instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNDER_WAY), limit=1):
        return None
    failed = _failures(instance, job, listing)
    if failed:
        pause = min(_FIRST_PAUSE * _GROWTH ** (len(failed) - 1), _LONGEST_PAUSE)
        ended = failed[0].end_time or failed[0].update_timestamp.timestamp()
        if ended <= now < ended + pause:  # a clock that was put back makes no pause longer
            times = f"{len(failed)} times" if len(failed) > 1 else "once"
            told.append(
                f"{job} failed {times} with these files, and is tried again at {told_moment(ended + pause)}, or as "
                f"soon as they change: {last_words(instance, failed[0].dagster_run.run_id)}"
            )
            return None
    return dg.RunRequest(job_name=job, tags={LISTING_TAG: listing})


def _failures(instance: dg.DagsterInstance, job: str, listing: str) -> list[dg.RunRecord]:
    """The runs that failed for a state since the job last succeeded, the latest first."""
    ended = instance.get_run_records(
        dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS, *FAILED]), limit=_LOOKED_BACK
    )
    since = takewhile(lambda record: record.dagster_run.status in FAILED, ended)
    return [record for record in since if record.dagster_run.tags.get(LISTING_TAG) == listing]
