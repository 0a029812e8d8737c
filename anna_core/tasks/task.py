"""Tasks: what a business problem is, what a user may say about it, and what is inferred from the sample."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from anna_core.errors import TaskError
from anna_core.strict import Strict, explain
from anna_core.tasks.net import NetSpec
from anna_core.tasks.training import TrainingSpec


class TaskType(StrEnum):
    """What kind of target a task has, and so which loss and metrics apply."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    REGRESSION = "regression"


class Approval(StrEnum):
    """How many persons it takes to make a launch the champion."""

    ONE = "one"
    FOUR_EYES = "four_eyes"


class Retrain(StrEnum):
    """When a fresh candidate is trained by itself."""

    NEVER = "never"
    ON_DRIFT = "on_drift"


SplitName = Literal["auto", "out_of_time", "client"]


class SplitSpec(Strict):
    """How rows are divided where the sample has no `split` column.

    Attributes:
        test: `out_of_time` holds out the latest as_of dates, `client` a share of the clients; `auto` takes the former
            where the dates allow it.
        test_share: share of the rows (out of time: at least this many) or of the clients held out for the leaderboard.
        valid_share: share of the other clients, used for early stopping and for fitting the metamodel.
        seed: seed of the hash that assigns clients.
    """

    test: SplitName = "auto"
    test_share: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    valid_share: Annotated[float, Field(gt=0, lt=0.9)] = 0.2
    seed: int = 0


class GuardSpec(Strict):
    """What the guards are told to let pass.

    Attributes:
        allow: fields, as `<domain>.<field>`, that predict the target almost by themselves and may be used all the same,
            because somebody has made sure that they are known on as_of.
    """

    allow: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\..+$")], ...] = ()


class TaskOptions(Strict):
    """The settings that a request and a resolved task share."""

    owner: Annotated[str, Field(min_length=1, max_length=60)] = "unassigned"
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    split: SplitSpec = SplitSpec()
    net: NetSpec = NetSpec()
    training: TrainingSpec = TrainingSpec()
    guards: GuardSpec = GuardSpec()
    approval: Approval = Approval.ONE
    retrain: Retrain = Retrain.NEVER


class TaskRequest(TaskOptions):
    """What a user says about a task in `task.yaml`, the Launchpad or the command line. None: to be inferred."""

    type: TaskType | None = None
    metric: str | None = None


class Task(TaskOptions):
    """A task in which nothing is left open.

    Attributes:
        classes: multiclass only: the values of the target, in the order of the scores.
        targets: the sample's target columns: one, or several for multilabel.
        guesses: what ANNA decided on the user's behalf, in sentences.
    """

    name: str
    type: TaskType
    metric: str
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("target",)
    guesses: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of scores per row: 1, or the number of classes or labels."""
        match self.type:
            case TaskType.MULTICLASS:
                return len(self.classes)
            case TaskType.MULTILABEL:
                return len(self.targets)
            case _:
                return 1

    @property
    def score_names(self) -> tuple[str, ...]:
        """Names of the score columns: `score`, or `score_<class or label>`."""
        match self.type:
            case TaskType.MULTICLASS:
                return tuple(f"score_{name}" for name in self.classes)
            case TaskType.MULTILABEL:
                return tuple(f"score_{name.removeprefix('target_')}" for name in self.targets)
            case _:
                return ("score",)


def parse_request(content: object, where: str) -> TaskRequest:
    """Check what a user says about a task; an error's message begins with `where`.

    Raises:
        TaskError: naming the place, the setting and what is wrong with it.
    """
    try:
        return TaskRequest.model_validate(content if content is not None else {})
    except ValidationError as error:
        raise TaskError(f"{where}: {explain(error, 'task', TaskRequest)}") from error
