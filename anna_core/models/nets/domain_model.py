"""A trained model of one domain: it scores rows, and is saved and loaded as a bundle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.domains import Domain
from anna_core.models.bundle import TaskFacts
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
from anna_core.models.weights import NetBundle, Weights, digest, fill, read_bundle, write_bundle
from anna_core.sequences.ragged import Sequences
from anna_core.tasks.net import NetSpec

# Nets of one model start from seeds so far apart that models with neighbouring seeds share none.
_SEED_STEP = 1009
# Rows read at a time, with their aggregates.
_BLOCK_ROWS = 200_000


class DomainModelSpec(BaseModel):
    """Everything that defines a domain model, except its weights.

    Attributes:
        domain: the domain as it was at training.
        task: what is predicted.
        net: the net's shape.
        inputs: statistics and cardinalities of the inputs; None for an empty model.
        output: meaning of the logits.
        absent_logits: K logits of a row without events.
        folds: number of folds in cross-fitting; the nets of fold k were not fitted on its rows.
        seeds: number of nets per fold.
        empty_reason: why the domain has no net, as a sentence; None if it has one.
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


class DomainBundle(NetBundle[DomainModelSpec]):
    """Content of `bundle.json`."""

    kind: Literal["domain_model"] = "domain_model"


@dataclass(frozen=True)
class DomainModel:
    """Nets, with everything they need to score a row of their domain.

    Attributes:
        spec: everything that defines it, except its weights.
        net: the nets; None for an empty model, whose domain had nothing to learn from: it predicts a constant.
        curves: the epochs of their training, net after net.
        provenance: data versions, sample and so on, as given to `save`; empty before.
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
        """The epoch whose weights were kept, for each net; none for an empty model."""
        last = {report.net: report for report in self.curves if report.best}
        return [last[net] for net in sorted(last)]

    @property
    def data_version(self) -> str:
        """Digest of weights and spec: the same for the same inputs, seed and number of threads."""
        return digest(self._weights(), self.spec)

    def predict(
        self, sequences: Sequences, threads: int | None = None, fold: np.ndarray | None = None
    ) -> DomainVectors:
        """Embed and score every row.

        Args:
            sequences: sequences of this domain; it may have more fields and longer dictionaries than at training.
            threads: number of CPU threads; None leaves it as it is.
            fold: (n,) fold of each row, which is then read by the nets not fitted on that fold; -1, or None for all
                rows: the mean of all nets.

        Returns:
            Vectors of the n rows, in order; a row without events has a zero embedding and a constant score.

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

    def predict_by_fold(self, sequences: Sequences, threads: int | None) -> list[DomainVectors]:
        """What the nets of each fold say of every row, arguments as of `predict`; nothing where there is one fold."""
        folds = self.spec.folds if self.net is not None else 0
        parts = range(folds if folds > 1 else 0)
        return [self.predict(sequences, threads, np.full(len(sequences), part)) for part in parts]

    def save(self, folder: Path, provenance: dict[str, Any]) -> None:
        """Write the bundle into a folder; `provenance` is kept as given and must be JSON."""
        write_bundle(folder, DomainBundle, self._weights(), self.spec, self.curves, provenance)

    @classmethod
    def load(cls, folder: Path) -> "DomainModel":
        """Read a bundle; the model's scores equal those of the saved one bit for bit.

        Raises:
            ArtifactError: the folder is not a bundle of a domain model, or is damaged.
        """
        weights, bundle = read_bundle(folder, DomainBundle)
        net = make_nets(bundle.spec)
        if net is not None:
            fill(net, weights, bundle, folder)
            net.eval()
        return cls(spec=bundle.spec, net=net, curves=bundle.curves, provenance=bundle.provenance)

    def _weights(self) -> Weights:
        return {} if self.net is None else dict(self.net.state_dict())


def make_nets(spec: DomainModelSpec) -> Ensemble | None:
    """The nets of a spec, with weights drawn from seeds that follow from the task's; None for an empty model."""
    if spec.inputs is None:
        return None
    nets = []
    for place in range(spec.folds * spec.seeds):
        with seeded(net_seed(spec.task.seed, place)):
            nets.append(DomainNet(spec.net, spec.inputs, spec.output.base_logits))
    return Ensemble(nets, spec.net, spec.folds)


def net_seed(seed: int, place: int) -> int:
    """Seed of the net at a place; the first one's is the task's own."""
    return seed + _SEED_STEP * place


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _BLOCK_ROWS))


def _mean_of(nets: Ensemble, places: list[int], store: EventStore) -> tuple[np.ndarray, np.ndarray]:
    """Mean embedding (n, d) and mean logits (n, K) of some of the nets for a store's rows."""
    embeddings, logits = forward_rows([nets.net(place) for place in places], store, np.arange(len(store.length)))
    mapped = [nets.mapped(place, embedding) for place, embedding in zip(places, embeddings, strict=True)]
    return np.mean(mapped, axis=0), logits.mean(axis=0)
