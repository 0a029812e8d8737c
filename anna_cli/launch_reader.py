"""Reading launches from a running instance, again and again, as they go."""

from dataclasses import dataclass, field, replace

from anna_cli.graphql import GraphQLClient, Json, plain_message
from anna_cli.launch import Launch, State, Training, read_launch, read_training, tags_of
from anna_cli.queries import EVENTS, RUN_STATES, RUNS
from anna_cli.upload_reader import read_uploads
from anna_resources.names import PARTITION_TAG, PRIORITY_TAG, TRAIN_JOB

PARENT_TAG = "dagster/parent_run_id"
EVENTS_AT_ONCE = 1000  # the most that Dagster gives
QUEUE_AT_MOST = 1000
_FAILED = (State.FAILED, State.INTERRUPTED)
GOING_ON = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]


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

    def read(self, key: str | None = None, begin: str = "", limit: int = 10) -> list[Launch]:
        """The latest launches, oldest first; then the uploads that are to become launches, or are refused.

        Args:
            key: of one sample; None means all.
            begin: run of the launch to begin with; earlier ones are left out, and so is what is only coming, unless it
                is launched again because one of these failed.
            limit: so many launches that are over, at most.

        Raises:
            ClientError: the instance does not answer.
        """
        wanted: Json = {"tags": [{"key": PARTITION_TAG, "value": key}]} if key else {"pipelineName": TRAIN_JOB}
        runs = self._client.expect("Runs", RUNS, filter=wanted, limit=limit)["results"]
        if key is None and len(runs) == limit:  # what is not over is shown, however many came after it
            going_on = self._client.expect("Runs", RUNS, filter=wanted | {"statuses": GOING_ON}, limit=QUEUE_AT_MOST)
            known = {run["runId"] for run in runs}
            runs += [run for run in going_on["results"] if run["runId"] not in known]
        if begin in (ids := [run["runId"] for run in runs]):
            runs = runs[: ids.index(begin) + 1]  # they come latest first
        # A run that another attempt followed will not be retried once more.
        retried = {tag["value"] for run in runs for tag in run["tags"] if tag["key"] == PARENT_TAG}
        uploads = [upload for upload in read_uploads(self._client) if key in (None, upload.key)]
        watched = {upload.watched for upload in uploads}
        notes = {upload.run_id: upload.notes for upload in uploads if upload.state is State.LAUNCHED}
        launches = [
            replace(
                launch,
                will_retry=(launch.will_retry and launch.run_id not in retried)
                or (launch.state in _FAILED and launch.run_id in watched),
                notes=notes.get(launch.run_id, ()),
            )
            for launch in map(read_launch, reversed(runs))
        ]
        others = [upload for upload in uploads if upload.state is not State.LAUNCHED]
        shown = {launch.run_id for launch in launches}
        coming = [upload.as_launch() for upload in others if not begin or upload.run_id in shown]
        return [*map(self._with_events, self._with_places(launches)), *coming]

    def _with_places(self, launches: list[Launch]) -> list[Launch]:
        """Launches with their places in the queue of launches; others may wait longer for the sake of a limit."""
        if all(launch.state is not State.QUEUED for launch in launches):
            return launches
        wanted = {"pipelineName": TRAIN_JOB, "statuses": ["QUEUED"]}
        runs = self._client.expect("Runs", RUN_STATES, filter=wanted, limit=QUEUE_AT_MOST)["results"]
        queue = runs[::-1]  # the oldest first
        queue.sort(key=_rank)
        places = {run["runId"]: (place, len(queue)) for place, run in enumerate(queue, 1)}
        return [replace(launch, place=places.get(launch.run_id)) for launch in launches]

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
        problem = self.problem(launch.run_id) if launch.state in _FAILED else None
        return replace(launch, steps=steps, problem=problem)

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
                best = training if training.is_best or before is None else before
                log.training[step] = replace(training, best_value=best.best_value, best_epoch=best.best_epoch)
        case "ExecutionStepFailureEvent":
            log.problems[event["stepKey"]] = plain_message(event["error"]) or event["message"]
        case "RunFailureEvent":
            log.problems[None] = plain_message(event["error"]) or event["message"]


def _rank(run: Json) -> int:
    """By what the run queue sorts, before age: the greater the priority, the earlier."""
    priority = tags_of(run).get(PRIORITY_TAG, "0")
    return -int(priority) if priority.removeprefix("-").isdecimal() else 0
