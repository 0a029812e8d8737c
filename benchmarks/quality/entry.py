"""One entry of a contest: a variant, trained on one split of one task, and what its parts reach on the test rows."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from anna_core.analytics.constant import constant_scores
from anna_core.metrics.registry import Metric, get_metric
from anna_core.models.blend.fitting import train_metamodel
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.bundle import code_version
from anna_core.models.outputs import Output
from anna_core.models.progress import ignore
from anna_core.models.training.domain import train_domain_model
from anna_core.models.trees.training import train_boosting
from anna_core.models.unseen import Unseen, unseen_rows
from anna_core.models.vectors import DomainVectors, mean_scores
from anna_core.samples.splits import TEST, TRAIN
from anna_core.tasks.task import TaskType
from benchmarks.quality.contests import Case, Contest, load
from benchmarks.quality.reliability import before_and_after

ALL = "boosting"
NETS = "nets"  # the blend of the nets alone
# Of simulated rows that have an event: of others the oracle knows what nobody could, for they left no trace.
WITH_EVENTS = ", rows with events"
# Of a binary task: each row stands for both outcomes, weighed by the oracle's chance of each, so no luck of the draw.
EXPECTED = ", expected"


@dataclass(frozen=True)
class Variant:
    """A way to train.

    Attributes:
        name: in tables.
        options: of the task, as in `task.yaml`.
        trees: whether there is boosting at all.
        says: what it is for, in a few words.
    """

    name: str
    options: dict[str, Any]
    trees: bool
    says: str


class Entry(BaseModel):
    """What was found.

    Attributes:
        contest: its name.
        variant: its name.
        seed: of the split.
        metric: the task's.
        values: model → metric on the test rows; with `WITH_EVENTS`, on those that have an event in some domain; with
            `EXPECTED`, what they are on average over outcomes drawn anew.
        shares: member → how much it gives to the metamodel.
        seconds: processor time of nets, trees and metamodel, on one thread, so that other work does not count.
        calibration: of the metamodel on the test rows, see `benchmarks.quality.reliability`; empty in older entries.
        code: version of the code that made it; empty in entries of before this was kept.
    """

    contest: str
    variant: str
    seed: int
    metric: str
    values: dict[str, float]
    shares: dict[str, float] = {}
    seconds: dict[str, float] = {}
    calibration: dict[str, float] = {}
    code: str = ""


def enter(contest: Contest, seed: int, variant: Variant, folder: Path) -> Entry:
    """Train and judge one variant, on one thread."""
    case = load(contest, seed, variant.options, folder)
    nets, by_fold, folds, seconds = _nets(case)
    trees: dict[str, DomainVectors] = {}
    if variant.trees:
        trees, of_trees, fewest, seconds["trees"] = _trees(case)
        folds, by_fold = min(folds, fewest), by_fold | of_trees
    values, shares, calibration, seconds["metamodel"] = judge(case, nets, trees, by_fold, folds)
    return Entry(
        contest=str(contest),
        variant=variant.name,
        seed=seed,
        metric=case.sample.task.metric,
        values=values,
        shares=shares,
        seconds=seconds,
        calibration=calibration,
        code=code_version(),
    )


def judge(
    case: Case,
    nets: dict[str, DomainVectors],
    trees: dict[str, DomainVectors],
    by_fold: dict[str, list[DomainVectors]],
    folds: int,
) -> tuple[dict[str, float], dict[str, float], dict[str, float], float]:
    """Blend what was trained: values of the entry, shares and calibration of the metamodel, and processor seconds."""
    sample, task = case.sample, case.sample.task
    metric = get_metric(task.metric, task.type)
    test = sample.split == TEST
    judged = (sample.fold >= 0) & (sample.fold < folds)

    def blend(members: dict[str, DomainVectors]) -> Metamodel:
        unseen = Unseen.of(members, {name: by_fold[name] for name in members}, _unseen(case))
        return train_metamodel(
            members, sample.target, sample.weight, sample.split, judged, task, ignore, sample.client, unseen
        )

    began = time.process_time()
    members = {**nets, **trees}
    metamodel = blend(members)
    scores = metamodel.predict(members)
    seconds = time.process_time() - began
    found = {"metamodel": scores, "constant": constant_scores(sample.target, sample.weight, sample.split, task)}
    found |= {name: member.scores for name, member in members.items()}
    found[NETS] = blend(nets).predict(nets)
    if len(nets) > 1:
        found["mean of nets"] = mean_scores(list(nets.values()), _output(case))
    if trees:
        found["trees"] = blend(trees).predict(trees)
        found["trees of all domains"] = (trees.get(ALL) or next(iter(trees.values()))).scores
    if case.oracle is not None:
        found["oracle"] = case.oracle
        if trees:
            found["plain aggregates"] = _plain_trees(case)
    values = {name: _value(metric, sample.target, given, test) for name, given in found.items()}
    if case.oracle is not None:
        with_events = test & np.any([part.length > 0 for part in case.sequences.values()], axis=0)
        for name in ("metamodel", "constant", "oracle"):
            values[f"{name}{WITH_EVENTS}"] = _value(metric, sample.target, found[name], with_events)
            if task.type is TaskType.BINARY:
                values[f"{name}{EXPECTED}"] = _expected(metric, case.oracle[test], found[name][test])
    calibration = before_and_after(metamodel, members, sample.target, test)
    return values, metamodel.spec.shares, calibration, seconds


def _unseen(case: Case) -> np.ndarray:
    return unseen_rows(case.sample.split, case.sample.task.seed)


def _nets(case: Case) -> tuple[dict[str, DomainVectors], dict[str, list[DomainVectors]], int, dict[str, float]]:
    sample, nets, by_fold, folds, seconds = case.sample, {}, {}, [], {}
    for name, sequences in case.sequences.items():
        began = time.process_time()
        model = train_domain_model(
            sequences,
            sample.target,
            sample.weight,
            sample.split,
            sample.task,
            on_epoch=ignore,
            threads=1,
            fold=sample.fold,
            client=sample.client,
        )
        nets[name] = model.predict(sequences, threads=1, fold=sample.fold)
        by_fold[name] = model.predict_by_fold(sequences.take(_unseen(case)), threads=1)
        folds += [] if model.is_empty else [model.spec.folds]
        seconds[name] = time.process_time() - began
    return nets, by_fold, min(folds, default=0), seconds


def _trees(case: Case) -> tuple[dict[str, DomainVectors], dict[str, list[DomainVectors]], int, float]:
    sample, trees, by_fold, folds, began = case.sample, {}, {}, [], time.process_time()
    sets = {f"{ALL}/{name}": [sequences] for name, sequences in case.sequences.items()}
    if len(case.sequences) > 1:
        sets[ALL] = list(case.sequences.values())
    for name, sequences in sets.items():
        model = train_boosting(
            sequences, sample.target, sample.weight, sample.split, sample.fold, sample.task, threads=1
        )
        folds += [model.spec.folds] if model.trees else []
        trees[name] = model.vectors(model.predict(sequences, 1, sample.fold), case.sequences)
        some = {one: part.take(_unseen(case)) for one, part in case.sequences.items()}
        of_folds = model.predict_by_fold([some[part.domain.name] for part in sequences], 1)
        by_fold[name] = [model.vectors(scores, some) for scores in of_folds]
    return trees, by_fold, min(folds, default=0), time.process_time() - began


def _plain_trees(case: Case) -> np.ndarray:
    """Scores of the peer: LightGBM on the aggregates of all domains without the order of events, as banks have them."""
    sample, parts = case.sample, list(case.sequences.values())
    model = train_boosting(
        parts, sample.target, sample.weight, sample.split, sample.fold, sample.task, threads=1, order=False
    )
    return model.predict(parts, 1, sample.fold)


def _output(case: Case) -> Output:
    train = case.sample.split == TRAIN
    return Output.fit(case.sample.task, case.sample.target[train], case.sample.weight[train])


def _expected(metric: Metric, chance: np.ndarray, scores: np.ndarray) -> float:
    """The metric of scores (n, 1) where each row comes true and not, weighed by its chance (n, 1)."""
    outcomes = np.concatenate([np.ones_like(chance), np.zeros_like(chance)])
    return float(metric(outcomes, np.tile(scores, (2, 1)), np.concatenate([chance, 1 - chance])[:, 0]))


def _value(metric: Metric, target: np.ndarray, scores: np.ndarray, rows: np.ndarray) -> float:
    return float(metric(target[rows], scores[rows]))
