"""Plots of a regression's scoring model: predicted against actual, and the errors by decile of the prediction."""

from typing import TYPE_CHECKING

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.curves import score_bins
from anna_core.analytics.score_plots import NO_ROWS
from anna_core.analytics.theme import BLUE, MUTED, VERMILION, Plot, draw, not_defined
from anna_core.metrics.tails import Tail, centre_and_unit, tail_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_ROWS = 2000  # points in a scatter plot; more would only blacken it
POINTS_SEED = 0


def predicted_and_actual(content: ReportContent) -> Plot:
    """Scatter plot of predictions and targets, on the log1p scale if the metric uses it."""
    actual, predicted, _ = _shown(content)
    logarithmic, both_sides = content.task.metric == "r2_log1p", tail_of(actual) is Tail.BOTH_SIDES

    def paint(axes: "Axes") -> None:
        rows = np.random.default_rng(POINTS_SEED).permutation(len(actual))[:SHOWN_ROWS]
        x, y = predicted[rows], actual[rows]
        low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
        pad = (high - low) * 0.03 or 1.0
        axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.scatter(x, y, s=10, color=BLUE, alpha=0.3, linewidths=0, rasterized=True)
        axes.set(xlabel="Predicted", ylabel="Actual", xlim=(low - pad, high + pad), ylim=(low - pad, high + pad))
        for set_scale in (axes.set_xscale, axes.set_yscale) if both_sides else ():
            set_scale("symlog", linthresh=_unit(actual))
        for axis in (axes.xaxis, axes.yaxis):
            _amounts(axis, high, logarithmic)

    shown = f"{SHOWN_ROWS:,} held-out rows drawn by chance" if len(actual) > SHOWN_ROWS else "the held-out rows"
    return Plot(
        "predicted_actual",
        "Predicted and actual",
        f"The scoring model on {shown}; on the dashed line they agree."
        + (" Both axes are logarithmic." if logarithmic else "")
        + (" Both axes are logarithmic to both sides of 0." if both_sides else ""),
        draw(paint if len(actual) else not_defined(NO_ROWS)),
    )


def residuals(content: ReportContent) -> Plot:
    """Actual minus predicted by decile of the prediction: median and middle half."""
    actual, predicted, weight = _shown(content)
    logarithmic = content.task.metric == "r2_log1p"

    def paint(axes: "Axes") -> None:
        bins = score_bins(actual, predicted, weight)
        place = np.arange(1, len(bins.rows) + 1)
        error = actual - predicted
        within = [bins.index == i for i in range(len(bins.rows))]
        low, middle, high = np.array(
            [np.quantile(error[i], [0.25, 0.5, 0.75], weights=weight[i], method="inverted_cdf") for i in within]
        ).T
        axes.axhline(0, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.vlines(place, low, high, color=BLUE, linewidth=9, alpha=0.28)
        axes.plot(place, middle, "o", color=BLUE, markersize=6, label="Median")
        axes.plot(place, bins.target - bins.score, "D", color=VERMILION, markersize=4.5, label="Mean")
        axes.set(xlabel="Decile of the prediction, 1 is the lowest", ylabel="Actual − predicted")
        axes.set_xticks(place)
        axes.grid(axis="x", visible=False)
        axes.legend(loc="best", ncols=2)
        if tail_of(error) is Tail.BOTH_SIDES:
            axes.set_yscale("symlog", linthresh=_unit(error))
        if not logarithmic:
            _amounts(axes.yaxis, float(np.abs(error).max()), False)

    scale = "log1p units" if logarithmic else "the target's units"
    return Plot(
        "residuals",
        "Errors by decile",
        f"Error of the scoring model in {scale}, by decile of its prediction; the bars hold the middle half of rows. "
        "Points away from the dashed line mean that the model is wrong in one direction.",
        draw(paint if len(actual) else not_defined(NO_ROWS)),
    )


def _unit(values: np.ndarray) -> float:
    """The distance from 0 within which a scale that is logarithmic on both sides is linear."""
    return centre_and_unit(values)[1]


def _amounts(axis: "object", high: float, logarithmic: bool) -> None:
    """Ticks of an axis of amounts: 0, 10, 1k, … on a log1p scale, otherwise short numbers."""
    from matplotlib.axis import Axis
    from matplotlib.ticker import EngFormatter

    assert isinstance(axis, Axis)
    if not logarithmic:
        axis.set_major_formatter(EngFormatter(sep=""))
        return
    powers = np.arange(0, max(int(np.log10(np.expm1(max(high, 1.0)))), 1) + 1)
    powers = powers[:: max(1, len(powers) // 6)]
    ticks = np.concatenate([[0.0], 10.0 ** powers[powers > 0]])
    axis.set_ticks(np.log1p(ticks), [EngFormatter(sep="")(tick) for tick in ticks])


def _shown(content: ReportContent) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target (m,), the scoring model's score (m,) and weight (m,) of the held-out rows, on the metric's scale."""
    assert content.subject is not None  # `figures` draws quality plots only if there is a model
    actual = content.held_out.target[:, 0].astype(np.float64)
    predicted = content.held_out_scores(content.subject)[:, 0].astype(np.float64)
    if content.task.metric == "r2_log1p":
        actual, predicted = np.log1p(actual), np.log1p(np.maximum(predicted, 0))
    return actual, predicted, content.held_out.weight
