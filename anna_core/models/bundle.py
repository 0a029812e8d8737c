"""What `bundle.json` says of a trained model, of whichever kind; beside it lie weights or trees, never a pickle."""

import functools
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

import anna_core
from anna_core.errors import ArtifactError, TrainingError
from anna_core.forms import origin_of
from anna_core.strict import explain
from anna_core.tasks.task import Task, TaskType

BUNDLE = "bundle.json"
FORM = 1  # of every bundle.json; to be raised whenever a model that was saved before must be trained again
_PACKAGE = "anna-platform"
_CODE_DIGEST_BYTES = 4

Spec = TypeVar("Spec", bound=BaseModel)


class TaskFacts(BaseModel):
    """What a model needs to remember about its task.

    Attributes:
        name: name of the task.
        type: what kind of target it has.
        metric: the metric that training was stopped on.
        score_names: names of the K scores, in order.
        seed: seed of weights, batches and dropout.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    type: TaskType
    metric: str
    score_names: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, task: Task) -> Self:
        """The facts of a task."""
        return cls(name=task.name, type=task.type, metric=task.metric, score_names=task.score_names, seed=task.seed)


class _Maker(BaseModel):
    """Who wrote a `bundle.json` of any version, and of what form it is."""

    form: object = None
    code_version: object = "unknown"


class Bundle(BaseModel, Generic[Spec]):
    """Content of `bundle.json`.

    Attributes:
        form: of what is written.
        spec: everything that defines the model, except its weights or trees.
        data_version: digest of these and of the spec.
        code_version: version of the code that trained it.
        provenance: what it was made from, as given when it was saved; must be values that JSON can hold.
    """

    model_config = ConfigDict(frozen=True)

    form: int = FORM
    spec: Spec
    data_version: str
    code_version: str
    provenance: dict[str, Any]


Content = TypeVar("Content", bound=Bundle[Any])


@functools.cache
def code_version() -> str:
    """The installed package's version (`unknown` in a bare checkout) with a digest of the sources behind models.

    Two commits of the same version may well make different models: `0.1.0+5f0c1a2b`.
    """
    try:
        version = importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    state, root = hashlib.blake2b(digest_size=_CODE_DIGEST_BYTES), Path(anna_core.__file__).parent
    for source in sorted(root.rglob("*.py")):
        state.update(source.relative_to(root).as_posix().encode() + source.read_bytes())
    return f"{version}+{state.hexdigest()}"


def bundle_text(bundle: Bundle[Any]) -> str:
    """What `bundle.json` is to hold.

    Raises:
        TrainingError: it could not be read back, as a number of the model is not finite.
    """
    text = bundle.model_dump_json(indent=1)
    try:
        type(bundle).model_validate(json.loads(text))
    except ValidationError as error:
        raise TrainingError(
            f"the trained model holds numbers that are not finite, so it is not kept ({explain(error, BUNDLE)}). Look "
            "for extreme targets or weights in the sample, and train again."
        ) from error
    return text


def read_content(folder: Path, content: type[Content]) -> Content:
    """Read `bundle.json`.

    Raises:
        ArtifactError: it was written by another version of ANNA, whose models this one does not read.
        OSError: there is none.
        ValueError: it is no JSON, or not of this kind.
    """
    raw: dict[str, Any] = json.loads((folder / BUNDLE).read_text(encoding="utf-8"))
    maker = _Maker.model_validate(raw)
    if maker.form != FORM:
        raise ArtifactError(
            f"{folder}: was trained by {origin_of(maker.form, FORM)} ({maker.code_version}); train the task again."
        )
    return content.model_validate(raw)


def why_unread(error: Exception) -> str:
    """What is wrong with a bundle, for a message."""
    return explain(error, BUNDLE) if isinstance(error, ValidationError) else str(error)
