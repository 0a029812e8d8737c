"""A script that runs before the servers do: tells Dagster of runs that went down with the machine.

Left alone, they would hold their places in the queue until Dagster's monitor asks after them, and one that was just
starting for minutes. Reported as failed, they are retried from where they failed, as `run_retries` in dagster.yaml
says; those that somebody was canceling are canceled. This needs Dagster's library, not its API: the API can cancel
runs, not fail them.

It also tells Dagster where the code server listens from now on. What is known of a sensor names the place of the day on
which it first looked, and where that is another, its looks are missing in lists of sensors: in the UI's, and for
`anna status` and `anna doctor`, which then would not say that one fails.
"""

import sys
from typing import Any

import dagster as dg

MESSAGE = "The platform went down while this run was in progress."
CUT_OFF = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def main() -> None:
    """Report every run that counts as running, and move all sensors; print how many runs there were."""
    port = int(sys.argv[1])
    with dg.DagsterInstance.get() as instance:
        runs = instance.get_runs(dg.RunsFilter(statuses=CUT_OFF))
        for run in runs:
            is_canceled = run.status is dg.DagsterRunStatus.CANCELING
            (instance.report_run_canceled if is_canceled else instance.report_run_failed)(run, MESSAGE)
        move_sensors(instance, port)
    print(len(runs))


def move_sensors(instance: dg.DagsterInstance, port: int) -> None:
    """Have what is known of each sensor and schedule name the port at which the code server listens now."""
    for state in instance.all_instigator_state():
        place = state.origin.repository_origin
        served: Any = place.code_location_origin
        if getattr(served, "port", port) != port:
            moved = place._replace(code_location_origin=served._replace(port=port))
            instance.update_instigator_state(state._replace(origin=state.origin._replace(repository_origin=moved)))


if __name__ == "__main__":
    main()
