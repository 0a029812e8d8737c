"""A launch: a Dagster run of one sample, with its steps and the progress of the models that train."""

from dataclasses import dataclass
from enum import StrEnum

from anna_cli.graphql import Json
from anna_resources.names import PARTITION_TAG, WILL_RETRY_TAG


class State(StrEnum):
    """Where an upload, a launch or a step is, in words for people."""

    SETTLING = "settling"
    REFUSED = "refused"
    LAUNCHED = "launched"
    WAITING = "waiting"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its process was ended, as where ANNA is stopped; it goes on by itself
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (
            State.REFUSED, State.FINISHED, State.FAILED, State.INTERRUPTED, State.CANCELED, State.SKIPPED,
        )  # fmt: skip


_RUN_STATES = {
    "QUEUED": State.QUEUED, "NOT_STARTED": State.QUEUED, "MANAGED": State.QUEUED, "STARTING": State.STARTING,
    "STARTED": State.RUNNING, "SUCCESS": State.FINISHED, "FAILURE": State.FAILED,
    "CANCELING": State.RUNNING, "CANCELED": State.CANCELED,
}  # fmt: skip
_STEP_STATES = {
    "IN_PROGRESS": State.RUNNING, "SUCCESS": State.FINISHED, "FAILURE": State.FAILED, "SKIPPED": State.SKIPPED,
}  # fmt: skip
# The order in which a launch goes through its layers; steps of other names come last.
_LAYERS = ("sample", "sequences", "model", "boosting", "embedding", "metamodel", "report")


@dataclass(frozen=True)
class Training:
    """The latest epoch of a model that trains, and the metric of the epoch that is kept so far."""

    epoch: int
    epochs: int
    net: int
    nets: int
    metric: str
    value: float
    events_per_second: float
    seconds_left: float
    is_best: bool
    best_value: float
    best_epoch: int

    @property
    def done(self) -> float:
        """Share of the model's nets, the one that trains counted by its epochs."""
        return (self.net - 1 + self.epoch / self.epochs) / self.nets


@dataclass(frozen=True)
class Step:
    """One step of a launch; `began` and `ended` are Unix times."""

    key: str
    state: State
    began: float | None = None
    ended: float | None = None
    training: Training | None = None
    problem: str | None = None

    @property
    def title(self) -> str:
        """The asset's key as people write it: `model/card_transactions`."""
        return self.key.replace("__", "/")


@dataclass(frozen=True)
class Launch:
    """One run, or an upload that is to become one.

    Attributes:
        run_id: of the run; empty where there is none yet.
        key: the sample's key, or the file of an upload that has none.
        job: its job.
        state: where it is.
        created: Unix time, as the others.
        began: when its run began.
        ended: when its run ended.
        steps: of the run.
        problem: what it failed of.
        will_retry: whether another attempt follows.
        reason: why an upload is where it is.
        place: place in the queue, and how many stand in it.
        notes: what else the user should know.
    """

    run_id: str
    key: str
    job: str
    state: State
    created: float
    began: float | None
    ended: float | None
    steps: tuple[Step, ...] = ()
    problem: str | None = None
    will_retry: bool = False
    reason: str | None = None
    place: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen, not even another attempt."""
        return self.state.ended and not self.will_retry


def tags_of(run: Json) -> dict[str, str]:
    """The tags of a run that was asked for with them."""
    return {tag["key"]: tag["value"] for tag in run["tags"]}


def read_launch(run: Json) -> Launch:
    """Turn a run of the `RUNS` query into a launch, without what its events tell."""
    tags = tags_of(run)
    state, will_retry = _RUN_STATES[run["status"]], tags.get(WILL_RETRY_TAG) == "true"
    if state is State.FAILED and will_retry:  # Dagster goes on with what was ended from without, and with nothing else
        state = State.INTERRUPTED
    stats = {step["stepKey"]: step for step in run["stepStats"]}
    planned = [step["key"] for step in (run["executionPlan"] or {"steps": []})["steps"]]
    steps = [_read_step(key, stats.get(key), state) for key in dict.fromkeys([*planned, *stats])]
    return Launch(
        run_id=run["runId"],
        key=tags.get(PARTITION_TAG, ""),
        job=run["jobName"],
        state=state,
        created=run["creationTime"],
        began=run["startTime"],
        ended=run["endTime"],
        steps=tuple(sorted(steps, key=_place)),
        will_retry=will_retry,
    )


def _read_step(key: str, stats: Json | None, run: State) -> Step:
    if stats is None or stats["status"] is None:
        return Step(key, State.SKIPPED if run.ended else State.WAITING)
    state = _STEP_STATES[stats["status"]]
    if state is State.RUNNING and run.ended:  # its process ended without a word
        state = State.INTERRUPTED if run is State.INTERRUPTED else State.CANCELED
    return Step(key, state, stats["startTime"], stats["endTime"])


def _place(step: Step) -> tuple[int, str]:
    layer = step.key.split("__")[0]
    return (_LAYERS.index(layer) if layer in _LAYERS else len(_LAYERS), step.key)


def read_training(entries: list[Json]) -> Training | None:
    """Read the epoch from an observation's metadata; None where it tells of something else."""
    values: Json = {entry["label"]: next((v for k, v in entry.items() if k != "label"), None) for entry in entries}
    if not {"epoch", "epochs", "metric"} <= values.keys():
        return None
    # Dagster gives null for a number that JSON cannot hold, or leaves it out.
    value = float("nan") if values.get("valid_metric") is None else values["valid_metric"]
    return Training(
        epoch=values["epoch"],
        epochs=values["epochs"],
        net=values.get("net") or 1,
        nets=values.get("nets") or 1,
        metric=values["metric"],
        value=value,
        events_per_second=values.get("events_per_second") or 0.0,
        seconds_left=values.get("seconds_left") or 0.0,
        is_best=bool(values.get("best")),
        best_value=value,
        best_epoch=values["epoch"],
    )
