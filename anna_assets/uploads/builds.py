"""Why marts are behind, in the words of the runs that failed."""

from functools import cache

import dagster as dg

from anna_assets.past_runs import last_words
from anna_core.sequences.readiness import Behind


class Builds:
    """What became of the runs that observe sources and build marts, as of one moment."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self.explain = cache(self._explained)  # many uploads wait for the same
        self._attempts = cache(self._unanswered)
        self._words = cache(self._failure)

    def _explained(self, behind: Behind) -> str:
        """What is waited for, and what the last attempt to bring it failed of."""
        run, words = self._last_failure(behind)
        if not words:
            return f"{behind}."
        return f"{behind}, which failed last: {words} (run {run[:8]})"

    def _last_failure(self, behind: Behind) -> tuple[str, str]:
        if not behind.stale:
            observed = self._instance.get_runs(dg.RunsFilter(job_name=f"observe_{behind.domain}"), limit=1)
            attempts = [run.run_id for run in observed]
        else:
            built = self._attempts(behind.domain)
            attempts = list(dict.fromkeys(built[key] for month in behind.stale if (key := month.isoformat()) in built))
        return next(((run, words) for run in attempts if (words := self._words(run))), ("", ""))

    def _unanswered(self, domain: str) -> dict[str, str]:
        """Month → run that was to build its mart last and did not, or has not yet."""
        storage = self._instance.event_log_storage
        found = storage.get_latest_asset_partition_materialization_attempts_without_materializations(
            dg.AssetKey(["mart", domain])
        )
        return {month: run for month, (run, _) in found.items()}

    def _failure(self, run_id: str) -> str:
        """What a run failed of, as one line; empty where it did not fail."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status is not dg.DagsterRunStatus.FAILURE:
            return ""
        return last_words(self._instance, run_id)
