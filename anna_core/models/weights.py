"""Trained nets on disk: `weights.safetensors` beside `bundle.json`."""

import hashlib
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from anna_core.errors import ArtifactError
from anna_core.models.bundle import BUNDLE, Bundle, Spec, bundle_text, code_version, read_content, why_unread
from anna_core.models.progress import EpochReport

WEIGHTS = "weights.safetensors"
_DIGEST_BYTES = 16

Weights = dict[str, torch.Tensor]


class NetBundle(Bundle[Spec]):
    """Content of `bundle.json` beside a net's weights. Undefined metrics are the text NaN there, since JSON has none.

    Attributes:
        curves: the epochs of its training.
    """

    model_config = ConfigDict(ser_json_inf_nan="strings")

    curves: list[EpochReport]


Content = TypeVar("Content", bound=NetBundle[Any])


def digest(weights: Weights, spec: BaseModel) -> str:
    """Hex digest of weights and spec: the same iff the models score alike, whenever and wherever they were made."""
    state = hashlib.blake2b(spec.model_dump_json().encode(), digest_size=_DIGEST_BYTES)
    for name, tensor in sorted(weights.items()):
        values = tensor.detach().cpu().contiguous()
        state.update(f"{name}:{values.dtype}:{tuple(values.shape)}".encode())
        state.update(values.numpy().tobytes())
    return state.hexdigest()


def write_bundle(
    folder: Path,
    content: type[NetBundle[Spec]],
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


def fill(net: torch.nn.Module, weights: Weights, bundle: NetBundle[Any], folder: Path) -> None:
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
