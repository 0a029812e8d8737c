"""What a launch must show before it may score in production: each gate is a question with an answer in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anna_core.analytics.formatting import format_lead, format_value
from anna_core.analytics.held_out import HeldOut
from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.metrics.bootstrap import clients_of, lead_of, resample
from anna_core.metrics.calibration import calibration_line
from anna_core.metrics.evidence import FEWEST
from anna_core.metrics.registry import get_metric
from anna_core.metrics.stability import LARGE, chance, psi
from anna_core.models.same_domain import require_same_domain
from anna_core.tasks.task import Task, TaskType

OF_USE, NOT_WORSE, CALIBRATED, STABLE = "of_use", "not_worse", "calibrated", "stable"
NO_LEAK_WARNING, REPORT_MADE, CODE_KNOWN, DOMAINS_THERE = (
    "no_leak_warning",
    "report_made",
    "code_known",
    "domains_there",
)
QUESTIONS = {
    OF_USE: "Its lead over a constant, on held-out rows, is more than chance.",
    NOT_WORSE: "On its held-out rows it is not worse than the champion, beyond chance.",
    CALIBRATED: "Its scores can be taken at face value on held-out rows.",
    STABLE: f"Its scores of held-out rows lie as those of the other rows do (PSI below {LARGE}, or chance).",
    NO_LEAK_WARNING: "No guard warned that something gives the target away.",
    REPORT_MADE: "Its report was made.",
    CODE_KNOWN: "The version of the code that trained it is known.",
    DOMAINS_THERE: "The domains that it reads are still there, and as they were.",
}
# Calibration slopes of models in use are usually accepted within a fifth or a quarter of 1; on the logarithmic scale
# these bounds are symmetric.
_LEAST_SLOPE, _MOST_SLOPE = 0.8, 1.25
_DRAWS = 200  # resamples of a calibration slope; of its standard error, 5% is error
_DEVIATES = 1.96  # normal, of a 95% interval
_LARGEST_BIAS = 0.1  # of a regression: mean error, in standard deviations of the target
_MEDIANS = ("mae", "mape", "spearman")  # metrics of regression that do not want the mean to be met


@dataclass(frozen=True)
class Gate:
    """The answer to a gate's question.

    Attributes:
        name: one of `QUESTIONS`.
        passed: whether it may go on.
        told: why, in words.
        is_known: whether the rows are enough to tell; where they are not, it does not pass.
    """

    name: str
    passed: bool
    told: str
    is_known: bool = True


class Rows(NamedTuple):
    """What models say of n rows of a sample that none of them was fitted on.

    Attributes:
        held_out: the rows.
        scores: (n, K) the candidate's.
        champion: (n, K) the champion's.
    """

    held_out: HeldOut
    scores: np.ndarray
    champion: np.ndarray


def of_use(proven: bool | None, told: str) -> Gate:
    """Whether a constant would do; arguments as of `Usefulness`."""
    return Gate(OF_USE, proven is True, told)


def not_worse(task: Task, rows: Rows | None, champion: str) -> Gate:
    """Whether the candidate is worse than the champion, beyond chance, on rows that neither was fitted on.

    Args:
        task: the task.
        rows: these rows; None where there is no champion.
        champion: its tag.
    """
    if rows is None:
        return Gate(NOT_WORSE, True, "There is no champion yet.")
    metric, held_out = get_metric(task.metric, task.type), rows.held_out
    ours, theirs = (
        resample(metric, held_out.target, scores, held_out.weight, client=held_out.client, seed=task.seed)
        for scores in (rows.scores, rows.champion)
    )
    lead, count = lead_of(metric, ours, theirs), f"{len(held_out):,} held-out rows that neither was fitted on"
    if np.isnan(lead).any():
        told = f"It cannot be told on {count}: there are too few clients, or outcomes, to compare by."
        return Gate(NOT_WORSE, passed=False, told=told, is_known=False)
    told = f"Beside the champion {champion}, on {count}: {metric.title} {format_lead(lead)}"
    return Gate(NOT_WORSE, lead.high >= 0, f"{told}{'.' if lead.high >= 0 else ': worse.'}")


def calibrated(task: Task, held_out: HeldOut, scores: np.ndarray) -> Gate:
    """Whether held-out outcomes come about as often as the scores say.

    Of probabilities, each calibration slope must lie within 0.8 and 1.25, or be no further away than chance; of a
    number, the mean error within a tenth of the target's standard deviation, likewise.
    """
    if task.type is TaskType.REGRESSION:
        return _unbiased(task, held_out, scores)
    slopes = {
        name: _slope(label, scores[:, column], held_out)
        for column, (name, label) in enumerate(_outcomes(task, held_out.target))
        if min(_clients_with(label > 0, held_out), _clients_with(label <= 0, held_out)) >= FEWEST
    }
    if not slopes:
        told = f"It cannot be told: no outcome has {FEWEST} clients on either side."
        return Gate(CALIBRATED, passed=False, told=told, is_known=False)
    far = {
        name: f"{name} {format_value(slope)} ± {format_value(error)}".strip()
        for name, (slope, error) in slopes.items()
        if not _LEAST_SLOPE <= slope <= _MOST_SLOPE and abs(slope - 1) > _DEVIATES * error
    }
    if far:
        return Gate(CALIBRATED, False, f"Calibration slopes are far from 1: {', '.join(far.values())}.")
    worst = max((slope for slope, _ in slopes.values()), key=lambda slope: abs(np.log(max(slope, 1e-6))))
    return Gate(CALIBRATED, True, f"Calibration slope: {format_value(worst)}.")


def stable(rest: np.ndarray, held_out: np.ndarray) -> Gate:
    """Whether the scores (m, K) of held-out rows lie as those (n, K) of the other rows do, which others scored."""
    if not len(rest) or not len(held_out):
        return Gate(STABLE, passed=False, told="It cannot be told: there are no rows to compare.", is_known=False)
    most = max(psi(rest[:, column], held_out[:, column]) for column in range(rest.shape[1]))
    limit = max(LARGE, chance(len(rest), len(held_out)))
    return Gate(
        STABLE, most < limit, f"Population stability index {format_value(most)}; {format_value(limit)} is too much."
    )


def no_leak_warning(warnings: Sequence[str]) -> Gate:
    """Whether guards warned of something that gives the target away."""
    return Gate(NO_LEAK_WARNING, not warnings, " ".join(warnings) or "No guard warned.")


def report_made(verdict: str) -> Gate:
    """Whether there is a report, by its verdict; empty where there is none."""
    return Gate(REPORT_MADE, bool(verdict), verdict or "The launch has not come to a report.")


def code_known(code: str, recorded: str) -> Gate:
    """Whether the models' code is that which the ledger has on record, and has a version."""
    if code != recorded:
        told = f"The models were kept by code {code}, but the ledger has {recorded} on record."
    elif code.startswith("unknown"):
        told = f"It was trained by {code}: a bare checkout, whose version nobody can install again."
    else:
        return Gate(CODE_KNOWN, True, f"Trained by {code}.")
    return Gate(CODE_KNOWN, False, told)


def domains_there(read: Iterable[Domain], there: Mapping[str, Domain]) -> Gate:
    """Whether the domains that a launch reads are still there.

    Args:
        read: as they were at training.
        there: name → the domain as it is now.
    """
    problems, names = [], []
    for domain in read:
        names.append(domain.name)
        if domain.name not in there:
            problems.append(f"There is no domain {domain.name} any more: put its file back, or train the task again.")
            continue
        try:
            require_same_domain(domain, there[domain.name])
        except ArtifactError as error:
            problems.append(str(error))
    return Gate(DOMAINS_THERE, not problems, " ".join(problems) or f"It reads {', '.join(names)}.")


def _outcomes(task: Task, target: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name of each outcome and its label (m,), 0 or 1, in the order of the scores; a lone one has no name."""
    if task.type is TaskType.MULTICLASS:
        return [(name, (target == index).astype(np.float64)) for index, name in enumerate(task.classes)]
    names = [""] if task.outputs == 1 else [name.removeprefix("target_") for name in task.targets]
    return [(name, target[:, column].astype(np.float64)) for column, name in enumerate(names)]


def _clients_with(rows: np.ndarray, held_out: HeldOut) -> int:
    return len(np.unique(held_out.client[rows]))


def _slope(label: np.ndarray, score: np.ndarray, held_out: HeldOut) -> tuple[float, float]:
    """Calibration slope and its standard error, over resamples of the clients."""
    slope, _ = calibration_line(label, score, held_out.weight)
    group = clients_of(held_out.client, len(held_out))
    clients, draws = int(group.max()) + 1, np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        count = np.bincount(draws.integers(0, clients, size=clients), minlength=clients)
        kept = np.flatnonzero(count[group])
        if 0 < label[kept].sum() < len(kept):
            weight = held_out.weight[kept] * count[group][kept]
            drawn.append(calibration_line(label[kept], score[kept], weight)[0])
    return slope, float(np.std(drawn))


def _unbiased(task: Task, held_out: HeldOut, scores: np.ndarray) -> Gate:
    if task.metric in _MEDIANS:
        return Gate(CALIBRATED, True, f"Not looked at: by {task.metric}, predictions need not be right on the mean.")
    if _clients_with(np.ones(len(held_out), dtype=bool), held_out) < FEWEST:
        told = f"It cannot be told: there are fewer than {FEWEST} clients."
        return Gate(CALIBRATED, passed=False, told=told, is_known=False)
    error, weight = scores[:, 0] - held_out.target[:, 0], held_out.weight
    mean = np.average(error, weights=weight)
    group = clients_of(held_out.client, len(held_out))
    of_clients = np.bincount(group, weights=weight * (error - mean))
    chance_error = float(np.sqrt((of_clients**2).sum()) / weight.sum())
    spread = float(np.sqrt(np.cov(held_out.target[:, 0], aweights=weight)))
    passed = bool(abs(mean) <= max(_LARGEST_BIAS * spread, _DEVIATES * chance_error))
    told = f"Mean error {format_value(float(mean))} ± {format_value(chance_error)}"
    return Gate(CALIBRATED, passed, f"{told}; the target's standard deviation is {format_value(spread)}.")
