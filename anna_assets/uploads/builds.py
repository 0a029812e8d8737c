"""Why marts are behind, in the words of the runs that failed."""

from functools import cache

import dagster as dg

from anna_assets.past_runs import FAILED, last_words
from anna_assets.refresh.unbuilt import attempts
from anna_core.sequences.readiness import Behind
from anna_resources.names import OBSERVE_JOB


class Builds:
    """What became of the runs that observe sources and build marts, as of one moment."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.explain = cache(self._explained)  # many uploads wait for the same
        self._attempts = cache(lambda domain: attempts(instance, dg.AssetKey(["mart", domain])))
        self._words = cache(self._failure)

    def _explained(self, behind: Behind) -> str:
        """What is waited for, and what the last attempt to bring it failed of."""
        run, words = self._last_failure(behind)
        if not words:
            return f"{behind}."
        return f"{behind}; the last try failed: {words} (run {run[:8]})"

    def _last_failure(self, behind: Behind) -> tuple[str, str]:
        if not behind.stale:
            observed = self._instance.get_runs(dg.RunsFilter(job_name=f"{OBSERVE_JOB}{behind.domain}"), limit=1)
            runs = [run.run_id for run in observed]
        else:
            built = self._attempts(behind.domain)
            runs = list(dict.fromkeys(built[key] for month in behind.stale if (key := month.isoformat()) in built))
        return next(((run, words) for run in runs if (words := self._words(run))), ("", ""))

    def _failure(self, run_id: str) -> str:
        """What a run failed of, as one line; empty where it did not fail."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status not in FAILED:
            return ""
        if run.status is dg.DagsterRunStatus.CANCELED and run.job_name.startswith(OBSERVE_JOB):
            return f"somebody canceled {run.job_name}, which is then not begun again by itself; launch it in the UI"
        return last_words(self._instance, run_id)
