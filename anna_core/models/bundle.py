"""Model bundles on disk: `weights.safetensors` beside `bundle.json`, never a pickle."""

import functools
import hashlib
import importlib.metadata
import json
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

import anna_core
from anna_core.errors import ArtifactError, TrainingError
from anna_core.forms import origin_of
from anna_core.models.progress import EpochReport
from anna_core.strict import explain
from anna_core.tasks.task import Task, TaskType

WEIGHTS, BUNDLE = "weights.safetensors", "bundle.json"
FORM = 1  # of every bundle.json; to be raised whenever a model that was saved before must be trained again
_PACKAGE = "anna-platform"
_DIGEST_BYTES, _CODE_DIGEST_BYTES = 16, 4

Weights = dict[str, torch.Tensor]
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


class TrainedBundle(BaseModel, Generic[Spec]):
    """Content of `bundle.json`. Metrics that are not defined are written as the text NaN, since JSON has none.

    Attributes:
        form: of what is written.
        spec: everything that defines the model, except its weights.
        data_version: digest of weights and spec.
        code_version: version of the code that trained it.
        curves: the epochs of its training.
        provenance: what it was made from, as given when it was saved.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    form: int = FORM
    spec: Spec
    data_version: str
    code_version: str
    curves: list[EpochReport]
    provenance: dict[str, Any]


Written = TypeVar("Written", bound=BaseModel)
Content = TypeVar("Content", bound=TrainedBundle[Any])


def digest(weights: Weights, spec: BaseModel) -> str:
    """Hex digest of weights and spec: the same iff the models score alike, whenever and wherever they were made."""
    state = hashlib.blake2b(spec.model_dump_json().encode(), digest_size=_DIGEST_BYTES)
    for name, tensor in sorted(weights.items()):
        values = tensor.detach().cpu().contiguous()
        state.update(f"{name}:{values.dtype}:{tuple(values.shape)}".encode())
        state.update(values.numpy().tobytes())
    return state.hexdigest()


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


def write_bundle(
    folder: Path,
    content: type[TrainedBundle[Spec]],
    weights: Weights,
    spec: Spec,
    curves: list[EpochReport],
    provenance: dict[str, Any],
) -> None:
    """Write both files into a folder, which is created if it is missing.

    Args:
        folder: the bundle's folder.
        content: the kind of bundle.
        weights: the model's weights, by name.
        spec: everything else that defines the model.
        curves: the epochs of its training.
        provenance: what it was made from; kept as given, must be JSON.

    Raises:
        TrainingError: as of `bundle_text`; nothing is written then.
    """
    bundle = content(
        spec=spec,
        data_version=digest(weights, spec),
        code_version=code_version(),
        curves=curves,
        provenance=provenance,
    )
    written = bundle_text(bundle)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}, folder / WEIGHTS)
    (folder / BUNDLE).write_text(written, encoding="utf-8")


def bundle_text(bundle: BaseModel) -> str:
    """What `bundle.json` is to hold, of any kind of model.

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


def read_content(folder: Path, content: type[Written]) -> Written:
    """Read `bundle.json`, of any kind of model.

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


def read_bundle(folder: Path, content: type[Content]) -> tuple[Weights, Content]:
    """Read both files.

    Raises:
        ArtifactError: the folder is not a bundle of this kind, is of another version of ANNA, is damaged, or was
            changed after it was written.
    """
    try:
        bundle = read_content(folder, content)
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise ArtifactError(
            f"{folder}: this is not a model bundle that ANNA can read ({WEIGHTS} and {BUNDLE} are expected; "
            f"{why_unread(error)}). Give the folder of a trained model, or materialize its asset again."
        ) from error
    if digest(weights, bundle.spec) != bundle.data_version:
        raise ArtifactError(
            f"{folder}: the weights or the spec differ from what was saved (digest {bundle.data_version}): the bundle "
            "was changed by hand or is damaged. Materialize the model's asset again."
        )
    return weights, bundle


def fill(net: torch.nn.Module, weights: Weights, bundle: TrainedBundle[Any], folder: Path) -> None:
    """Give a net that was made of a bundle's spec the bundle's weights.

    Args:
        net: takes the weights.
        weights: as `read_bundle` returned them.
        bundle: likewise.
        folder: where they were read, for messages.

    Raises:
        ArtifactError: the weights are those of another net: the code that makes it has changed since.
    """
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise ArtifactError(
            f"{folder}: the weights do not fit the net that this version of ANNA makes of the spec ({error}). "
            f"Load it with version {bundle.code_version}, or train again."
        ) from error
