"""How often intervals of few cases are wrong: samples whose true value is known, and a table in docs/quality.md.

`python -m benchmarks.intervals`: some ten minutes of one core.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from anna_core.metrics.bootstrap import LEVEL, Resampled, bounds, resample
from anna_core.metrics.evidence import evidence_of
from anna_core.metrics.registry import METRICS
from anna_core.storage import write_text
from benchmarks.places import ROOT

PAGE = ROOT / "docs" / "quality.md"
BEGIN, END = "<!-- begin: intervals -->", "<!-- end: intervals -->"
CASES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50)
OTHERS = 300  # clients without the outcome: few enough to be quick, and their part of the error is small
RESAMPLES = 500

# generator → the metric on a sample and on its resamples
Draw = Callable[[np.random.Generator], Resampled]


@dataclass(frozen=True)
class Wrong:
    """Shares of the intervals that lay wholly above the true value, and wholly below it."""

    above: float
    below: float

    def __str__(self) -> str:
        return f"{1 - self.above - self.below:.1%} ({self.above:.1%}, {self.below:.1%})"


def wrong(draw: Draw, true: float, samples: int) -> tuple[Wrong, Wrong | None]:
    """Of plain quantiles and of `bounds`, though the cases be too few; None where they leave no freedom at all."""
    plain, ours = np.zeros(2), np.zeros(2)
    for seed in range(samples):
        found = draw(np.random.default_rng(seed))
        drawn = found.drawn[~np.isnan(found.drawn)]
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        plain += low > true, high < true
        if found.evidence.freedom > 0:
            low, high = bounds(found.value, drawn, found.evidence.freedom)
            ours += low > true, high < true
    return Wrong(*plain / samples), Wrong(*ours / samples) if found.evidence.freedom > 0 else None


def roc_auc(cases: int, auc: float) -> Draw:
    """Normal scores of clients with an outcome and without; all resamples are drawn at once as `resample` draws one."""
    shift, clients = NormalDist().inv_cdf(auc) * np.sqrt(2), cases + OTHERS
    target = (np.arange(clients) < cases).astype(float)[:, None]
    evidence = evidence_of(METRICS["roc_auc"], target, np.ones(clients), np.arange(clients))

    def draw(rng: np.random.Generator) -> Resampled:
        wins = (rng.normal(shift, 1, cases)[:, None] > rng.normal(0, 1, OTHERS)).astype(float)
        counts = rng.multinomial(clients, np.full(clients, 1 / clients), size=RESAMPLES).astype(float)
        with_it, without = counts[:, :cases], counts[:, cases:]
        with np.errstate(invalid="ignore"):
            drawn = (with_it @ wins * without).sum(axis=1) / (with_it.sum(axis=1) * without.sum(axis=1))
        return Resampled(float(wins.mean()), drawn, evidence)

    return draw


def lead(cases: int) -> Draw:
    """Two models as good as each other, ROC AUC 0.76, half of whose errors they share: the lead of one of them."""
    target = _rare(cases)

    def draw(rng: np.random.Generator) -> Resampled:
        common = target + rng.normal(0, 0.7, target.shape)
        ours, theirs = (_judged("roc_auc", target, common + rng.normal(0, 0.7, target.shape)) for _ in range(2))
        return ours - theirs

    return draw


def macro_roc_auc(cases: int) -> Draw:
    """Random scores of three classes, the rarest of which has so many clients."""
    target = np.repeat([0, 1, 2], [cases, OTHERS // 2, OTHERS // 2])
    return lambda rng: _judged("macro_roc_auc", target, rng.random((len(target), 3)))


def spearman(cases: int) -> Draw:
    """Random predictions of the amounts of so many clients."""
    return lambda rng: _judged("spearman", rng.normal(size=(cases, 1)), rng.normal(size=(cases, 1)))


def r2(cases: int) -> Draw:
    """Predictions that explain half of the differences between so many clients."""

    def draw(rng: np.random.Generator) -> Resampled:
        known = rng.normal(size=(cases, 1))
        return _judged("r2", known + rng.normal(size=(cases, 1)), known)

    return draw


def _rare(cases: int) -> np.ndarray:
    return (np.arange(cases + OTHERS) < cases).astype(float)[:, None]


def _judged(metric: str, target: np.ndarray, scores: np.ndarray) -> Resampled:
    return resample(METRICS[metric], target, scores, resamples=RESAMPLES)


# Title → draw for a number of cases, true value, fewest cases that the metric is defined for, share of the samples
TABLES: dict[str, tuple[Callable[[int], Draw], float, int, float]] = {
    "ROC AUC 0.5 (random scores)": (lambda cases: roc_auc(cases, 0.5), 0.5, 1, 4.0),
    "ROC AUC 0.75": (lambda cases: roc_auc(cases, 0.75), 0.75, 1, 1.0),
    "ROC AUC 0.9": (lambda cases: roc_auc(cases, 0.9), 0.9, 1, 1.0),
    "lead over an equal model": (lead, 0.0, 1, 0.5),
    "macro ROC AUC 0.5": (macro_roc_auc, 0.5, 1, 0.5),
    "Spearman 0": (spearman, 0.0, 5, 0.5),
    "R² 0.5": (r2, 0.5, 5, 0.5),
}


def table(samples: int) -> Iterator[str]:
    """Lines of Markdown: for each number of cases and each metric, plain quantiles and ours."""
    yield f"| cases | {' | '.join(f'{title}, percentiles | corrected' for title in TABLES)} |"
    yield "|---|" + "---|" * (2 * len(TABLES))
    for cases in CASES:
        cells = []
        for make, true, fewest, share in TABLES.values():
            found = wrong(make(cases), true, int(samples * share)) if cases >= fewest else (None, None)
            cells += ["" if one is None else str(one) for one in found]
        yield f"| {cases} | {' | '.join(cells)} |"
        print(cases, *cells, sep="  ", flush=True)


def main() -> None:
    """Simulate, and put the table into the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intervals", description=__doc__)
    parser.add_argument("--samples", type=int, default=500, help="for each number of cases (default 500)")
    lines = "\n".join(table(parser.parse_args().samples))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    write_text(PAGE, f"{before}{BEGIN}\n{lines}\n{END}{after}")


if __name__ == "__main__":
    main()
