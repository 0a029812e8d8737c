"""Plots of what a binary task's scores mean: calibration, distribution and deciles."""

from typing import TYPE_CHECKING

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.curves import both_classes, score_bins
from anna_core.analytics.ranking_plots import ONE_CLASS
from anna_core.analytics.theme import BLUE, MUTED, PAPER, VERMILION, Plot, draw, not_defined, percent_axis
from anna_core.columns.shares import percent
from anna_core.metrics.calibration import calibration_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NO_ROWS = "No rows were held out."
HISTOGRAM_BINS = 30


def calibration(content: ReportContent) -> Plot:
    """Reliability diagram in quantile bins, with Wilson intervals, the expected calibration error and the slope."""
    label, score, weight = _shown(content)
    caption = "Mean predicted probability against the observed rate, for ten groups of about equal size. "
    if not len(label):
        return Plot("calibration", "Calibration", caption, draw(not_defined(NO_ROWS)))
    bins = score_bins(label, score, weight)
    low, high = bins.wilson()
    top = min(1.0, float(max(bins.score.max(), high.max())) * 1.06)

    def paint(axes: "Axes") -> None:
        axes.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.errorbar(
            bins.score,
            bins.target,
            yerr=np.stack([bins.target - low, high - bins.target]),
            color=BLUE,
            ecolor=BLUE,
            elinewidth=1.2,
            marker="o",
            markersize=6,
            linewidth=1.4,
            alpha=0.95,
        )
        axes.set(xlim=(0, top), ylim=(0, top), xlabel="Predicted probability", ylabel="Observed rate")
        digits = 0 if top > 0.1 else 1
        percent_axis(axes.xaxis, digits)
        percent_axis(axes.yaxis, digits)

    caption += f"On the dashed line they agree; they are {bins.calibration_error:.1%} apart on average (ECE)."
    if both_classes(label > 0):
        slope, _ = calibration_line(label, score, weight / weight.mean())
        caption += f" The calibration slope is {slope:.2f}: 1 is ideal, below it the scores are too extreme."
    return Plot("calibration", "Calibration", caption, draw(paint))


def score_histogram(content: ReportContent) -> Plot:
    """Distribution of the score among targets and non-targets."""
    label, score, weight = _shown(content)

    def paint(axes: "Axes") -> None:
        edges = np.linspace(score.min(), score.max() + 1e-9, HISTOGRAM_BINS + 1).tolist()
        for side, name, colour in ((label == 0, "Others", MUTED), (label == 1, "Targets", VERMILION)):
            share = weight[side] / weight[side].sum()
            axes.hist(score[side], bins=edges, weights=share, color=colour, alpha=0.22, histtype="stepfilled")
            axes.hist(score[side], bins=edges, weights=share, color=colour, histtype="step", linewidth=1.6)
            axes.plot([], [], color=colour, label=f"{name}  ({int(side.sum()):,} rows)")
        axes.set(xlabel="Score", ylabel="Share of the group")
        percent_axis(axes.yaxis)
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper right")

    return Plot(
        "scores",
        "Scores by class",
        "How the score is spread among the targets and the others: the less they overlap, the better.",
        draw(paint if both_classes(label > 0) else not_defined(ONE_CLASS)),
    )


def ks_plot(content: ReportContent) -> Plot:
    """Cumulative shares of targets and non-targets by score, and their largest distance."""
    label, score, weight = _shown(content)
    caption = "Share of the targets and of the others with at most this score. "
    if not both_classes(label > 0):
        return Plot("ks", "Kolmogorov–Smirnov", caption, draw(not_defined(ONE_CLASS)))
    order = np.argsort(score, kind="stable")
    last = np.append(np.diff(score[order]) > 0, True)  # no threshold separates rows with equal scores
    place = score[order][last]
    found = np.cumsum((label * weight)[order])[last] / (label @ weight)
    others = np.cumsum(((1 - label) * weight)[order])[last] / ((1 - label) @ weight)
    widest = int(np.abs(others - found).argmax())

    def paint(axes: "Axes") -> None:
        axes.step(place, others, where="post", color=MUTED, label="Others")
        axes.step(place, found, where="post", color=VERMILION, label="Targets")
        axes.plot([place[widest]] * 2, [found[widest], others[widest]], color=BLUE, linewidth=2.4)
        axes.annotate(
            f"KS {abs(others[widest] - found[widest]):.3f}",
            (place[widest], (found[widest] + others[widest]) / 2),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            color=BLUE,
        )
        axes.set(xlabel="Score", ylabel="Cumulative share", ylim=(0, 1.02))
        percent_axis(axes.yaxis)
        axes.legend(loc="lower right")

    caption += f"They are furthest apart at {place[widest]:.3g}, the score that tells them apart best."
    return Plot("ks", "Kolmogorov–Smirnov", caption, draw(paint))


def deciles(content: ReportContent) -> Plot:
    """Rate of the target by decile of the score, highest first: what a campaign or a cut-off would reach."""
    label, score, weight = _shown(content)
    caption = "Clients in ten groups, highest scores first; the dashed line is the average. "
    if not both_classes(label > 0):
        return Plot("deciles", "Rate of the target by score decile", caption, draw(not_defined(ONE_CLASS)))
    bins = score_bins(label, score, weight)
    rate, size = bins.target[::-1], bins.share[::-1]
    average = float(label @ weight / weight.sum())

    def paint(axes: "Axes") -> None:
        axes.bar(np.arange(1, len(rate) + 1), rate, width=0.72, color=BLUE)
        axes.axhline(average, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for i, value in enumerate(rate):
            axes.annotate(
                percent(value),
                (i + 1, value),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=MUTED,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},  # the line of the average may pass behind
            )
        axes.set(xlabel="Decile of the score, 1 is the highest", ylabel="Rate of the target")
        axes.set_xticks(np.arange(1, len(rate) + 1))
        axes.set_ylim(0, float(rate.max()) * 1.12)
        axes.grid(axis="x", visible=False)
        percent_axis(axes.yaxis)

    found = float(rate[0] * size[0] / average)
    caption += f"The first {percent(size[0])} hold {percent(found)} of all targets, "
    caption += f"{rate[0] / average:.1f} times the average."
    return Plot("deciles", "Rate of the target by score decile", caption, draw(paint))


def _shown(content: ReportContent) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The label (m,) 0 or 1, the scoring model's score (m,) and the weight (m,) of the held-out rows."""
    assert content.subject is not None  # `figures` draws quality plots only if there is a model
    label = (content.held_out.target[:, 0] > 0).astype(np.float64)
    return label, content.held_out_scores(content.subject)[:, 0].astype(np.float64), content.held_out.weight
