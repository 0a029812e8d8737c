"""A trained model of one domain: scores rows, is saved and loaded as a bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.bundle import TaskFacts, Weights, check_digest, code_version, digest, read_bundle, write_bundle
from anna_core.models.device import choose_device, computing, seeded
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.domain_net import DomainNet
from anna_core.models.nets.ensemble import Ensemble
from anna_core.models.nets.forward import forward_rows
from anna_core.models.nets.inputs import InputStats
from anna_core.models.outputs import Output
from anna_core.models.progress import EpochReport
from anna_core.models.same_domain import require_same_domain
from anna_core.models.vectors import DomainVectors
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.net import NetSpec

# Nets of one model start from seeds so far apart that the models of a few neighbouring seeds share none.
_SEED_STEP = 1009
# Rows that are read at a time, with their aggregates.
_BLOCK_ROWS = 200_000


class DomainModelSpec(BaseModel):
    """All that a domain model is, but for its weights.

    Attributes:
        domain: the domain as it was at training.
        task: what is predicted.
        net: the net's shape.
        inputs: statistics and cardinalities of the inputs; None for an empty model.
        output: meaning of the logits.
        absent_logits: K logits of a row without events.
        folds: of cross-fitting; the nets of fold k were not fitted on its rows.
        seeds: nets of a fold.
        empty_reason: why the domain has no net, as a sentence; None where it has one.
    """

    model_config = ConfigDict(frozen=True)

    domain: Domain
    task: TaskFacts
    net: NetSpec
    inputs: InputStats | None
    output: Output
    absent_logits: tuple[float, ...]
    folds: int = 1
    seeds: int = 1
    empty_reason: str | None = None


class DomainBundle(BaseModel):
    """Content of `bundle.json`. Metrics that are not defined are written as the text NaN, since JSON has none."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="strings")

    kind: Literal["domain_model"] = "domain_model"
    spec: DomainModelSpec
    data_version: str
    code_version: str
    curves: list[EpochReport]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class DomainModel:
    """Nets with everything that they need to score a row of their domain.

    Attributes:
        spec: what it is.
        net: the nets; None for an empty model, whose domain had nothing to learn from and which knows a constant.
        curves: the epochs of their training, net after net.
        provenance: data versions, sample and the like, as `save` was given them; empty before.
    """

    spec: DomainModelSpec
    net: Ensemble | None
    curves: list[EpochReport]
    provenance: dict[str, Any]

    @property
    def is_empty(self) -> bool:
        """Whether the domain had nothing to learn from; `spec.empty_reason` says why."""
        return self.net is None

    @property
    def absent_scores(self) -> np.ndarray:
        """Scores (K,) of a row without events."""
        return self.spec.output.scores(np.asarray([self.spec.absent_logits], dtype=np.float32))[0]

    @property
    def best(self) -> list[EpochReport]:
        """The epoch of each net whose weights it has; none for an empty model."""
        last = {report.net: report for report in self.curves if report.best}
        return [last[net] for net in sorted(last)]

    @property
    def data_version(self) -> str:
        """Digest of weights and spec: the same inputs, seed and number of threads give the same one."""
        return digest(self._weights(), self.spec)

    def predict(
        self, sequences: Sequences, threads: int | None = None, fold: np.ndarray | None = None
    ) -> DomainVectors:
        """Embed and score every row.

        Args:
            sequences: of this domain; fields may be more, and dictionaries longer, than at training.
            threads: CPU threads to use; None leaves the number as it is.
            fold: (n,) fold of each row: the nets that were not fitted on it read it; -1, and None for all: the mean of
                all nets.

        Returns:
            Vectors of the n rows in their order; a row without events has a zero embedding and a constant score.

        Raises:
            ArtifactError: see `require_same_domain`.
        """
        require_same_domain(self.spec.domain, sequences.domain)
        sequences = sequences.read_as(self.spec.domain)
        count = len(sequences)
        embedding = np.zeros((count, self.spec.net.embedding), dtype=np.float32)
        logits = np.tile(np.asarray(self.spec.absent_logits, dtype=np.float32), (count, 1))
        present = (np.asarray(sequences.length) > 0) & (self.net is not None)
        if self.net is not None and present.any():
            fold = np.full(count, -1) if fold is None else fold
            with computing(threads):
                device = choose_device()
                nets = self.net.to(device)
                events = EventStore(sequences, device)
                for part in np.unique(fold[present]):
                    for rows in _blocks(np.flatnonzero(present & (fold == part))):
                        store = events.take(rows, nets.net(0).read_aggregates(sequences.take(rows)))
                        embedding[rows], logits[rows] = _mean_of(nets, nets.members(int(part)), store)
        return DomainVectors(embedding=embedding, scores=self.spec.output.scores(logits), present=present)

    def predict_by_fold(self, sequences: Sequences, threads: int | None = None) -> list[DomainVectors]:
        """What the nets of each fold say of every row, arguments as of `predict`; nothing where there is one fold."""
        folds = self.spec.folds if self.net is not None else 0
        parts = range(folds if folds > 1 else 0)
        return [self.predict(sequences, threads, np.full(len(sequences), part)) for part in parts]

    def save(self, folder: Path, provenance: dict[str, Any]) -> None:
        """Write the bundle into a folder; `provenance` is kept as given and must be JSON."""
        bundle = DomainBundle(
            spec=self.spec,
            data_version=self.data_version,
            code_version=code_version(),
            curves=self.curves,
            provenance=provenance,
        )
        write_bundle(folder, self._weights(), bundle)

    @classmethod
    def load(cls, folder: Path) -> "DomainModel":
        """Read a bundle; the model scores bit for bit as the one that was saved.

        Raises:
            ArtifactError: the folder is no bundle of a domain model, or is damaged.
        """
        weights, bundle = read_bundle(folder, DomainBundle)
        check_digest(folder, weights, bundle.spec, bundle.data_version)
        net = make_nets(bundle.spec)
        if net is not None:
            try:
                net.load_state_dict(weights)
            except RuntimeError as error:
                raise ArtifactError(
                    f"{folder}: the weights do not fit the net that this version of ANNA makes of the spec ({error}). "
                    f"Load it with version {bundle.code_version}, or train again."
                ) from error
            net.eval()
        return cls(spec=bundle.spec, net=net, curves=bundle.curves, provenance=bundle.provenance)

    def _weights(self) -> Weights:
        return {} if self.net is None else dict(self.net.state_dict())


def make_nets(spec: DomainModelSpec) -> Ensemble | None:
    """The nets of a spec with weights drawn from the task's seed, each from another; None for an empty model."""
    if spec.inputs is None:
        return None
    nets = []
    for place in range(spec.folds * spec.seeds):
        with seeded(net_seed(spec.task.seed, place)):
            nets.append(DomainNet(spec.net, spec.inputs, spec.output.base_logits))
    return Ensemble(nets, spec.net, spec.folds)


def net_seed(seed: int, place: int) -> int:
    """Seed of the net at a place; that of the first is the task's own."""
    return seed + _SEED_STEP * place


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _BLOCK_ROWS))


def _mean_of(nets: Ensemble, places: list[int], store: EventStore) -> tuple[np.ndarray, np.ndarray]:
    """Mean embedding (n, d) and logits (n, K) that some of the nets give a store's rows."""
    embeddings, logits = forward_rows([nets.net(place) for place in places], store, np.arange(len(store.length)))
    mapped = [nets.mapped(place, embedding) for place, embedding in zip(places, embeddings, strict=True)]
    return np.mean(mapped, axis=0), logits.mean(axis=0)
