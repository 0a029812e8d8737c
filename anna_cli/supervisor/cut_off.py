"""A script that runs before the servers do: tells Dagster of runs that went down with the machine.

Left alone, they would hold their places in the queue until Dagster's monitor asks after them, and one that was just
starting for minutes. Reported as failed, they are retried from where they failed, as `run_retries` in dagster.yaml
says; those that somebody was canceling are canceled. This needs Dagster's library, not its API: the API can cancel
runs, not fail them.
"""

import dagster as dg

MESSAGE = "The platform went down while this run was in progress."
CUT_OFF = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def main() -> None:
    """Report every run that counts as running; print how many there were."""
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=CUT_OFF))
        for run in runs:
            is_canceled = run.status is dg.DagsterRunStatus.CANCELING
            (instance.report_run_canceled if is_canceled else instance.report_run_failed)(run, MESSAGE)
    print(len(runs))


if __name__ == "__main__":
    main()
