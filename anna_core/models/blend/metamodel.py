"""A trained metamodel: it scores rows from its members' output, and is saved and loaded as a bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from anna_core.columns.shares import percent
from anna_core.errors import ArtifactError
from anna_core.keys import TREES
from anna_core.models.blend.averaging import Averaging
from anna_core.models.blend.calibration.model import Calibration
from anna_core.models.blend.net import MetaNet
from anna_core.models.bundle import TaskFacts
from anna_core.models.device import computing
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport
from anna_core.models.vectors import DomainVectors
from anna_core.models.weights import NetBundle, Weights, digest, fill, read_bundle, write_bundle

_ALONE, _TOLD = 0.995, 0.005  # shares that are rounded to all and to nothing
_BLOCK_ROWS = 100_000  # rows read at a time; with a hundred numbers each, a copy takes 40 MB


class MetamodelSpec(BaseModel):
    """Everything about a metamodel except its weights.

    Attributes:
        task: what is predicted.
        output: meaning of the logits.
        widths: member → width of its embedding (0: trees), in the net's order.
        sharing: member → how its weight depends on the number of members present; see `anna_core.models.blend.net`.
        calibration: of the blend's logits.
        averaging: the correction of calibrated logits that come from the mean of several folds, the last step before
            they become scores; None if there is one fold, or no row that is new to all folds.
        correction_penalty: the ridge that cross-validation chose for the embeddings; None if they are not used.
        alone: member → its share by itself, which is the share of resamples of the clients in which it did better than
            the blend and all other members; the blend has the rest.
        plain_reason: why it is the plain mean of the members' logits, as a sentence; None if it was fitted.
        shares: member → its share, 1 in all, in what moves the scores of the rows that it was fitted on.
    """

    model_config = ConfigDict(frozen=True)

    task: TaskFacts
    output: Output
    widths: dict[str, int]
    sharing: dict[str, float]
    calibration: Calibration
    averaging: Averaging | None = None
    correction_penalty: float | None = None
    alone: dict[str, float] = {}
    plain_reason: str | None = None
    shares: dict[str, float] = {}

    @property
    def summary(self) -> str:
        """How it weighs its members, in words."""
        if self.plain_reason:
            return f"The metamodel is the mean of its models. {self.plain_reason}"
        best = max(self.alone, key=lambda name: self.alone[name], default="")
        if best and self.alone[best] >= _ALONE:
            return f"The metamodel scores by the {_told(best)} alone, as no blend did better."
        moved = f"What moves the metamodel's score: {_parts(self.shares)}."
        if sum(self.alone.values()) < _TOLD:
            return moved
        return f"{moved} These also score outside the blend, as it did not surely better: {_parts(self.alone)}."


def _parts(shares: dict[str, float]) -> str:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return ", ".join(f"{_told(name)} {percent(share)}" for name, share in ordered)


def _told(member: str) -> str:
    kind, _, domain = member.partition("/")
    if kind != TREES:
        return f"net of {member}"
    return f"trees of {domain or 'all domains'}"


class MetamodelBundle(NetBundle[MetamodelSpec]):
    """Content of `bundle.json`."""

    kind: Literal["metamodel"] = "metamodel"


@dataclass(frozen=True)
class Metamodel:
    """The model over all domains.

    Attributes:
        spec: everything about it except its weights.
        net: holds its weights.
        curves: one report for each strength of regularisation that cross-validation tried.
        provenance: what it was made from, as given to `save`; empty before.
    """

    spec: MetamodelSpec
    net: MetaNet
    curves: list[EpochReport]
    provenance: dict[str, Any]

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the models that it weighs: a domain's for its nets, `boosting/<domain>` and `boosting` for trees."""
        return tuple(self.spec.widths)

    @property
    def data_version(self) -> str:
        """Digest of weights and spec, in hex."""
        return digest(self._weights(), self.spec)

    def predict(
        self, vectors: Mapping[str, DomainVectors], threads: int | None = None, fold: np.ndarray | None = None
    ) -> np.ndarray:
        """Score n rows.

        Args:
            vectors: member → its vectors of the rows, all in the same order; members unknown to the metamodel are
                ignored.
            threads: number of CPU threads; None leaves it as it is.
            fold: (n,) each row's fold, as it was given to the members: rows of fold -1 were scored by the mean of all
                folds, which can be trusted more than the models of one fold. None: all rows were.

        Returns:
            (n, K) float32 scores in the task's own units.

        Raises:
            ArtifactError: a member is missing, its embedding has another width, or the rows differ in number.
        """
        self._check(vectors)
        count = len(vectors[self.members[0]])
        scores = np.empty((count, self.spec.output.outputs), dtype=np.float32)
        with computing(threads):
            for begin in range(0, count, _BLOCK_ROWS):
                rows = np.arange(begin, min(begin + _BLOCK_ROWS, count))
                logits = self.spec.calibration.apply(read_logits(self.net, self.spec.output, vectors, rows))
                if self.spec.averaging is not None:
                    averaged = self.spec.averaging.apply(logits)
                    logits = averaged if fold is None else np.where(fold[rows, None] < 0, averaged, logits)
                scores[rows] = self.spec.output.scores(logits)
        return scores

    def save(self, folder: Path, provenance: dict[str, Any]) -> None:
        """Write the bundle into a folder, which is created if missing.

        Args:
            folder: the bundle's.
            provenance: what the model was made from; kept as given, must be values that JSON can hold.
        """
        write_bundle(folder, MetamodelBundle, self._weights(), self.spec, self.curves, provenance)

    @classmethod
    def load(cls, folder: Path) -> "Metamodel":
        """Read a bundle.

        Raises:
            ArtifactError: the folder is no bundle of a metamodel, is of another version of ANNA, or is damaged.
        """
        weights, bundle = read_bundle(folder, MetamodelBundle)
        net = MetaNet(bundle.spec.widths, bundle.spec.output, bundle.spec.sharing)
        fill(net, weights, bundle, folder)
        return cls(spec=bundle.spec, net=net, curves=bundle.curves, provenance=bundle.provenance)

    def _weights(self) -> Weights:
        return dict(self.net.state_dict())

    def _check(self, vectors: Mapping[str, DomainVectors]) -> None:
        for name, width in self.spec.widths.items():
            if name not in vectors:
                raise ArtifactError(
                    f"the metamodel of task '{self.spec.task.name}' needs what '{name}' says of the rows; "
                    f"given: {', '.join(sorted(vectors)) or 'none'}. Materialize it."
                )
            found = vectors[name].embedding.shape[1]
            if found != width:
                raise ArtifactError(
                    f"'{name}': the metamodel was trained on embeddings of width {width}, found {found}. "
                    "Use the model that it was trained with, or train the metamodel again."
                )
        if len({len(vectors[name]) for name in self.members}) > 1:
            raise ArtifactError(
                "the members' vectors have different numbers of rows, so they are not of the same rows. "
                "Materialize the embeddings and the boosting of this sample again."
            )


def read_logits(net: MetaNet, output: Output, vectors: Mapping[str, DomainVectors], rows: np.ndarray) -> np.ndarray:
    """The blend's logits (u, K) before any calibration.

    Args:
        net: the metamodel's.
        output: meaning of the logits.
        vectors: member → its vectors of n rows.
        rows: (u,) positions of the rows to read.
    """
    with torch.inference_mode():
        logits: np.ndarray = net(net.read(vectors, output, rows)).numpy()
    return logits
