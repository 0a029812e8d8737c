"""A trained booster: trees on the aggregates of one domain or several, which is saved and loaded as a bundle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.aggregates.columns import Columns
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.models.bundle import BUNDLE, Bundle, TaskFacts, bundle_text, code_version, read_content, why_unread
from anna_core.models.outputs import Output
from anna_core.models.trees.features import Codes, DomainReading
from anna_core.models.vectors import DomainVectors
from anna_core.sequences.ragged import Sequences

if TYPE_CHECKING:
    import lightgbm

TREES = "trees-{}.txt"  # LightGBM's own text, one file per booster
_BLOCK_ROWS = 20_000  # rows scored at a time; a few thousand aggregates of each take some 200 MB
_DIGEST_BYTES = 16
_TREE, _END_OF_TREES = "Tree=", "end of trees"  # in LightGBM's text


class BoostingSpec(BaseModel):
    """Everything about a booster except its trees.

    Attributes:
        domains: the domains whose aggregates it reads, as they were at training.
        task: what is predicted.
        output: meaning of the logits.
        aggregates: names of the F columns that the trees read.
        codes: domain → coded field → the codes that have aggregates of their own, most frequent first.
        folds: number of sets of trees; set k was not fitted on fold k.
        outputs: positions of the logits that have trees, in the order of each set's boosters. In a multiclass task one
            booster gives all classes, so this is (0,). Empty if there was nothing to learn.
        offsets: for each set, what is added to its C logits, for the sake of classes that it saw no row of; empty
            unless the task is multiclass.
        out_of_time: number of boosters that were stopped by the training's time budget.
    """

    model_config = ConfigDict(frozen=True)

    domains: tuple[Domain, ...]
    task: TaskFacts
    output: Output
    aggregates: tuple[str, ...]
    codes: dict[str, Codes]
    folds: int
    outputs: tuple[int, ...]
    offsets: tuple[tuple[float, ...], ...] = ()
    out_of_time: int = 0


class BoostingBundle(Bundle[BoostingSpec]):
    """Content of `bundle.json`."""

    kind: Literal["boosting"] = "boosting"


@dataclass(frozen=True)
class BoostingModel:
    """Trees, with everything needed to score rows.

    Attributes:
        spec: everything about them except the trees.
        trees: LightGBM's text of every booster, ordered by fold and then as `spec.outputs`.
        provenance: what they were made from, as given to `save`; empty before.
    """

    spec: BoostingSpec
    trees: tuple[str, ...]
    provenance: dict[str, Any]

    @property
    def data_version(self) -> str:
        """Digest of trees and spec, in hex."""
        state = blake2b(self.spec.model_dump_json().encode(), digest_size=_DIGEST_BYTES)
        for text in self.trees:
            state.update(text.encode())
        return state.hexdigest()

    def predict(self, sequences: Sequence[Sequences], threads: int, fold: np.ndarray | None = None) -> np.ndarray:
        """Score every row.

        Args:
            sequences: those of the model's domains, all of the same n rows.
            threads: number of CPU threads for LightGBM.
            fold: (n,) each row's fold: it is scored by the trees that were not fitted on it. Rows of fold -1, or all
                rows if this is None, are scored by the mean of all sets.

        Returns:
            (n, K) float32 scores in the task's own units.

        Raises:
            ArtifactError: a domain's sequences are missing, or do not fit; see `require_same_domain`.
        """
        return predict_all([self], {part.domain.name: part for part in sequences}, threads, fold)[0]

    def predict_by_fold(self, sequences: Sequence[Sequences], threads: int) -> list[np.ndarray]:
        """Score every row by the trees of each fold alone; arguments as of `predict`.

        Returns:
            For each fold, (n, K) float32; empty if there is one fold.
        """
        if self.spec.folds < 2:
            return []
        of_each = [self._of_fold(fold) for fold in range(self.spec.folds)]
        return predict_all(of_each, {part.domain.name: part for part in sequences}, threads)

    def _of_fold(self, fold: int) -> "BoostingModel":
        """The trees of one fold as a model of their own, so that all folds can share the same aggregates."""
        width = len(self.spec.outputs)
        spec = self.spec.model_copy(update={"folds": 1, "offsets": self.spec.offsets[fold : fold + 1]})
        return replace(self, spec=spec, trees=self.trees[fold * width : (fold + 1) * width])

    def vectors(self, scores: np.ndarray, sequences: Mapping[str, Sequences]) -> DomainVectors:
        """Put scores into the form that the metamodel reads: without an embedding, and absent in rows without events.

        Args:
            scores: (n, K) as `predict` returns them.
            sequences: domain → its sequences of the same n rows.

        Raises:
            ArtifactError: the trees read a domain whose sequences are not there.
        """
        if missing := sorted(set(self.names) - sequences.keys()):
            raise ArtifactError(
                f"trees of task '{self.spec.task.name}' read domain {', '.join(missing)}, which this deployment has no "
                "more. Put its file back into the domains' folder, or train the task again."
            )
        seen = np.any([sequences[name].length > 0 for name in self.names], axis=0)
        return DomainVectors(np.zeros((len(scores), 0), dtype=np.float32), scores, seen & bool(self.trees))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the domains that the trees read."""
        return tuple(domain.name for domain in self.spec.domains)

    def importance(self) -> list[tuple[str, float]]:
        """Names of aggregates with their share (1 in all) in the reduction of the loss, greatest first."""
        total: dict[str, float] = {}
        for booster in self.boosters:
            for name, gain in zip(self.spec.aggregates, booster.feature_importance("gain"), strict=True):
                total[name] = total.get(name, 0.0) + float(gain)
        whole = sum(total.values()) or 1.0
        return sorted(((name, gain / whole) for name, gain in total.items() if gain > 0), key=lambda item: -item[1])

    def logits(self, matrix: np.ndarray, fold: np.ndarray, threads: int) -> np.ndarray:
        """Compute logits (n, K) from aggregates.

        Args:
            matrix: (n, F) aggregates, in the order of `spec.aggregates`.
            fold: (n,) as in `predict`.
            threads: likewise.
        """
        logits = np.tile(np.asarray(self.spec.output.base_logits, dtype=np.float32), (len(matrix), 1))
        width = len(self.spec.outputs)
        if width == 0:
            return logits
        for part in map(int, np.unique(fold)):
            rows = fold == part
            read = matrix if rows.all() else matrix[rows]
            of_fold = 0 <= part < self.spec.folds
            used = self.boosters[part * width : (part + 1) * width] if of_fold else self._joined
            for booster, output in zip(used, self.spec.outputs, strict=True):
                raw = booster.predict(read, raw_score=True, num_threads=threads) / (1 if of_fold else self.spec.folds)
                if raw.ndim == 2:
                    offsets = self.spec.offsets[part : part + 1] if of_fold else self.spec.offsets
                    logits[rows] = raw + np.mean(offsets, axis=0)
                else:
                    logits[rows, output] = raw
        return logits

    @cached_property
    def boosters(self) -> "list[lightgbm.Booster]":
        """LightGBM's boosters, in the order of `trees`."""
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.trees]

    @cached_property
    def _joined(self) -> "list[lightgbm.Booster]":
        """For each output one booster with the trees of all sets: so LightGBM copies a row once, not once per set.

        Raises:
            ArtifactError: LightGBM does not read the same trees from the joined text as from the texts of the sets.
        """
        import lightgbm

        width = len(self.spec.outputs)
        joined = [lightgbm.Booster(model_str=_join(self.trees[place::width])) for place in range(width)]
        for place, one in enumerate(joined):
            sets = [tree for booster in self.boosters[place::width] for tree in _trees_of(booster.model_to_string())]
            if _trees_of(one.model_to_string()) != sets:
                raise ArtifactError(
                    f"trees of task '{self.spec.task.name}': LightGBM {lightgbm.__version__} does not read all folds' "
                    f"trees, joined in one text, as it reads them apart, so no score can be relied on. Install the "
                    f"version that they were trained with ({self.provenance.get('versions', {}).get('lightgbm')})."
                )
        return joined

    def save(self, folder: Path, provenance: dict[str, Any]) -> None:
        """Write the bundle into a folder, which is created if missing.

        Args:
            folder: the bundle's.
            provenance: what the trees were made from; kept as given, must be values that JSON can hold.
        """
        folder.mkdir(parents=True, exist_ok=True)
        bundle = BoostingBundle(
            spec=self.spec, data_version=self.data_version, code_version=code_version(), provenance=provenance
        )
        written = bundle_text(bundle)
        for place, text in enumerate(self.trees):
            (folder / TREES.format(place)).write_text(text, encoding="utf-8")
        (folder / BUNDLE).write_text(written, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "BoostingModel":
        """Read a bundle; the model's scores equal those of the saved one bit for bit.

        Raises:
            ArtifactError: the folder is no bundle of a booster, was written by another version of ANNA, or is damaged.
        """
        try:
            bundle = read_content(folder, BoostingBundle)
            count = bundle.spec.folds * len(bundle.spec.outputs)
            trees = tuple((folder / TREES.format(place)).read_text(encoding="utf-8") for place in range(count))
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{folder}: this is not a booster that ANNA can read ({why_unread(error)}). "
                "Materialize its asset again."
            ) from error
        model = cls(bundle.spec, trees, bundle.provenance)
        if model.data_version != bundle.data_version:
            raise ArtifactError(
                f"{folder}: the trees or the spec differ from what was saved (digest {bundle.data_version}): the "
                "bundle was changed by hand or is damaged. Materialize its asset again."
            )
        return model


def predict_all(
    models: Sequence[BoostingModel], sequences: Mapping[str, Sequences], threads: int, fold: np.ndarray | None = None
) -> list[np.ndarray]:
    """Score the same n rows with several boosters, making aggregates that they share only once.

    Args:
        models: the boosters.
        sequences: domain → its sequences of the rows.
        threads: as of `BoostingModel.predict`.
        fold: likewise.

    Returns:
        For each model, (n, K) float32.

    Raises:
        ArtifactError: as `BoostingModel.predict` does.
    """
    read = [
        [DomainReading.of(domain, model.spec.codes[domain.name], sequences) for domain in model.spec.domains]
        for model in models
    ]
    count = len(next(iter(sequences.values())))
    fold = np.full(count, -1) if fold is None else fold
    logits = [np.empty((count, model.spec.output.outputs), dtype=np.float32) for model in models]
    for rows in _blocks(count):
        made: dict[str, Columns] = {}
        for model, parts, into in zip(models, read, logits, strict=True):
            for part in parts:
                if part.key not in made:
                    made[part.key] = part.features(rows, threads)
            features = {name: column for part in parts for name, column in made[part.key].items()}
            into[rows] = model.logits(_as_trained(features, model.spec), fold[rows], threads)
    return [model.spec.output.scores(values) for model, values in zip(models, logits, strict=True)]


def _join(texts: Sequence[str]) -> str:
    """Join LightGBM's texts of several boosters into the text of one that has all their trees."""
    head, end = texts[0].partition(_TREE)[0], texts[0][texts[0].index(_END_OF_TREES) :]
    trees = [tree for text in texts for tree in _trees_of(text)]
    numbered = [f"{_TREE}{place}\n{tree}" for place, tree in enumerate(trees)]
    # If the trees' sizes in bytes are left out, LightGBM looks for the beginning of each tree itself.
    kept = [line for line in head.splitlines(keepends=True) if not line.startswith("tree_sizes=")]
    return "".join([*kept, *numbered, end])


def _trees_of(text: str) -> list[str]:
    """The texts of the trees in LightGBM's text of a booster, without their numbers."""
    return [tree.partition("\n")[2] for tree in text.partition(_END_OF_TREES)[0].split(_TREE)[1:]]


def _as_trained(features: Columns, spec: BoostingSpec) -> np.ndarray:
    """The columns (n, F) that the trees were trained on, in their order; this version of ANNA may make more of them."""
    if lost := [name for name in spec.aggregates if name not in features]:
        raise ArtifactError(
            f"trees of task '{spec.task.name}' read aggregates that this version of ANNA does not make "
            f"({', '.join(lost[:3])}{', …' if len(lost) > 3 else ''}). Train the task again."
        )
    # LightGBM reads rows that are contiguous twice as fast.
    if not spec.aggregates:  # there was nothing to learn
        return np.empty((len(next(iter(features.values()))), 0), dtype=np.float32)
    return np.stack([features[name] for name in spec.aggregates], axis=1, dtype=np.float32)


def _blocks(count: int) -> Iterator[slice]:
    for begin in range(0, count, _BLOCK_ROWS):
        yield slice(begin, min(begin + _BLOCK_ROWS, count))
