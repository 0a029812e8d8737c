"""Whether a source can be read as it is now, as a check on its page: what is wrong is told by file, line and cure.

The sensor `sources` tells it, once at each change: an observation that fails leaves no word on that page, and of
a folder that cannot be listed there is no observation at all.
"""

import json

import dagster as dg

from anna_assets.passing import what_passes
from anna_assets.past_runs import FAILED, last_words, will_retry
from anna_core.domains import Domain
from anna_resources.names import OBSERVE_JOB

_CHECK = "readable"


def readable_check(domain: Domain) -> dg.AssetChecksDefinition:
    """The check `readable` of a source; somebody who executes it in the UI has the latest observation judged."""

    @dg.asset_check(
        asset=_key(domain.name),
        name=_CHECK,
        description="The source can be read, as its files are now. Told by itself, whenever that changes.",
    )
    def readable(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        problem = last_problem(context.instance, f"{OBSERVE_JOB}{domain.name}") or ""
        return dg.AssetCheckResult(passed=not problem, description=_told(problem))

    return readable


def last_problem(instance: dg.DagsterInstance, job: str) -> str | None:
    """What the latest observation that ended failed of, in its own words; empty where it did not fail.

    None where that says nothing of the source: there was none, somebody canceled it, it is about to be tried again, or
    it failed of what passes, such as a full disk.
    """
    ended = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS, *FAILED])
    run = next(iter(instance.get_runs(ended, limit=1)), None)
    if run is None or run.status is dg.DagsterRunStatus.CANCELED or will_retry(run):
        return None
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return ""
    return None if what_passes(instance, run.run_id) else last_words(instance, run.run_id)


class Readability:
    """What the sensor has told of each source, and what it is to tell at this look.

    Attributes:
        news: the checks' results that are to be told.
    """

    def __init__(self, cursor: str | None) -> None:
        """`cursor` is what the look before left."""
        self._told: dict[str, str] = json.loads(cursor or "{}")
        self.news: list[dg.AssetCheckEvaluation] = []

    @property
    def cursor(self) -> str:
        """What the next look is to know."""
        return json.dumps(self._told)

    def is_doubtful(self, domain: str) -> bool:
        """Whether something was wrong with a source when it was last told of."""
        return bool(self._told.get(domain))

    def note(self, domain: str, problem: str) -> None:
        """Tell what is wrong with a source, or with an empty text that nothing is, unless that was told."""
        if self._told.get(domain) != problem:
            self._told[domain] = problem
            self.news.append(
                dg.AssetCheckEvaluation(_key(domain), _CHECK, passed=not problem, description=_told(problem))
            )


def _key(domain: str) -> dg.AssetKey:
    return dg.AssetKey(["source", domain])


def _told(problem: str) -> str:
    return problem or "The source can be read."
