"""Reading launches from a running instance, again and again, as they go."""

from dataclasses import dataclass, field, replace

from anna_cli.graphql import GraphQLClient, Json, plain_message
from anna_cli.launches import PARTITION_TAG, Launch, State, Training, read_launch, read_training
from anna_cli.queries import EVENTS, RUNS

TRAIN_JOB = "train"
PARENT_TAG = "dagster/parent_run_id"
EVENTS_AT_ONCE = 1000  # the most that Dagster gives


@dataclass
class _Log:
    """What a run's events told so far."""

    cursor: str | None = None
    complete: bool = False
    training: dict[str, Training] = field(default_factory=dict)
    problems: dict[str | None, str] = field(default_factory=dict)


class LaunchReader:
    """Reads launches again and again; of each run's events only those that are new."""

    def __init__(self, client: GraphQLClient) -> None:
        self._client = client
        self._logs: dict[str, _Log] = {}

    def read(self, key: str | None = None, since: float = 0.0, limit: int = 10) -> list[Launch]:
        """The latest launches, oldest first.

        Args:
            key: of one sample; None means all.
            since: Unix time; earlier launches are left out.
            limit: at most so many.

        Raises:
            ClientError: the instance does not answer.
        """
        wanted: Json = {"tags": [{"key": PARTITION_TAG, "value": key}]} if key else {"pipelineName": TRAIN_JOB}
        if since:
            wanted["createdAfter"] = since
        runs = self._client.expect("Runs", RUNS, filter=wanted, limit=limit)["results"]
        launches = [read_launch(run) for run in runs]
        # A run that another attempt followed will not be retried once more.
        retried = {tag["value"] for run in runs for tag in run["tags"] if tag["key"] == PARENT_TAG}
        return [
            self._with_events(replace(launch, will_retry=launch.will_retry and launch.run_id not in retried))
            for launch in reversed(launches)
        ]

    def problem(self, run_id: str) -> str:
        """What a failed run died of: the first step's error, or the run's own."""
        problems = self._read_log(run_id, complete=True).problems
        return next((text for step, text in problems.items() if step), problems.get(None, ""))

    def _with_events(self, launch: Launch) -> Launch:
        log = self._read_log(launch.run_id, complete=launch.state.ended)
        steps = tuple(
            replace(step, training=log.training.get(step.key), problem=log.problems.get(step.key))
            for step in launch.steps
        )
        failed = launch.state is State.FAILED
        return replace(launch, steps=steps, problem=self.problem(launch.run_id) if failed else None)

    def _read_log(self, run_id: str, complete: bool) -> _Log:
        log = self._logs.setdefault(run_id, _Log())
        more = not log.complete
        while more:
            page = self._client.expect("EventConnection", EVENTS, runId=run_id, after=log.cursor, limit=EVENTS_AT_ONCE)
            for event in page["events"]:
                _note(log, event)
            log.cursor, more = page["cursor"], page["hasMore"]
        log.complete = log.complete or complete
        return log


def _note(log: _Log, event: Json) -> None:
    match event["__typename"]:
        case "ObservationEvent":
            if training := read_training(event["metadataEntries"]):
                step = event["stepKey"]
                before = log.training.get(step)
                best = training.value if training.is_best or before is None else before.best_value
                log.training[step] = replace(training, best_value=best)
        case "ExecutionStepFailureEvent":
            log.problems[event["stepKey"]] = plain_message(event["error"]) or event["message"]
        case "RunFailureEvent":
            log.problems[None] = plain_message(event["error"]) or event["message"]
