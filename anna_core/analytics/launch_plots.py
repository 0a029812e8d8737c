"""Plots of the launch as a whole: the leaderboard, the training of each model, and what each domain covers."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from anna_core.analytics.content import Epoch, ReportContent
from anna_core.analytics.formatting import format_value
from anna_core.analytics.legend import model_colours, model_titles
from anna_core.analytics.theme import (
    BLUE,
    LINE,
    MUTED,
    VERMILION,
    WIDE,
    Plot,
    draw,
    draw_many,
    not_defined,
    percent_axis,
)
from anna_core.columns.shares import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Painter: TypeAlias = "Callable[[Axes], None]"

CURVES_A_ROW = 3
ROW_HEIGHT = 0.42  # inches of a model's or a domain's line


def leaderboard_plot(content: ReportContent) -> Plot:
    """Every model's metric with its interval, the best on top."""
    rows = [row for row in content.leaderboard if not np.isnan(row.value)]
    titles, colours = model_titles(content), model_colours(content)

    def paint(axes: "Axes") -> None:
        for place, row in enumerate(rows):
            colour = colours[row.kind, row.model]
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=5, alpha=0.3)
            axes.plot(row.value, place, "o", color=colour, markersize=8)
            axes.annotate(
                format_value(row.value),
                (row.value, place),
                xytext=(0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=9,
            )
        axes.set_yticks(range(len(rows)), [titles[row.kind, row.model] for row in rows])
        axes.set_ylim(len(rows) - 0.5, -0.7)
        axes.margins(x=0.08)
        axes.grid(axis="y", visible=False)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(content.metric.title)

    size = (WIDE[0], 1.0 + ROW_HEIGHT * max(len(rows), 2))
    direction = "more" if content.metric.greater_is_better else "less"
    return Plot(
        "leaderboard",
        "Leaderboard",
        f"{content.metric.title} on the held-out rows with 95% bootstrap intervals; {direction} is better.",
        draw(paint if rows else not_defined("No model's metric is defined on the held-out rows."), size),
        wide=True,
    )


def learning_curves(content: ReportContent) -> Plot:
    """Training and validation loss by epoch, one panel per model, with the epoch that was kept."""
    curves = {name: epochs for name, epochs in content.curves.items() if epochs}
    paints = [_learning(name, epochs, content) for name, epochs in curves.items()]
    return Plot(
        "learning",
        "Training",
        "Loss of each net by epoch on the rows trained on and on those held out; a dot is an epoch that was kept.",
        draw_many(paints or [not_defined("No net was trained.")], min(max(len(paints), 1), CURVES_A_ROW)),
        wide=True,
    )


def coverage_plot(content: ReportContent) -> Plot:
    """The share of rows that see an event of each domain."""

    def paint(axes: "Axes") -> None:
        for place, domain in enumerate(content.coverage):
            axes.barh(place, 1, height=0.5, color=LINE)
            axes.barh(place, domain.share, height=0.5, color=BLUE)
            axes.text(
                1.015,
                place,
                f"{percent(domain.share)} of the rows; "
                f"median {domain.median_length:,.0f}, longest {domain.max_length:,}",
                va="center",
                fontsize=9.5,
                color=MUTED,
            )
        axes.set_yticks(range(len(content.coverage)), [domain.domain for domain in content.coverage])
        axes.set(xlim=(0, 1), ylim=(len(content.coverage) - 0.4, -0.6))
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        percent_axis(axes.xaxis)

    size = (WIDE[0], 0.8 + ROW_HEIGHT * max(len(content.coverage), 2))
    return Plot(
        "coverage",
        "Coverage by domain",
        "Share of the sample's rows that see at least one event of the domain, and the lengths of their sequences.",
        draw(paint if content.coverage else not_defined("No domain was counted."), size),
        wide=True,
    )


def _learning(name: str, epochs: Sequence[Epoch], content: ReportContent) -> Painter:
    def paint(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        kept = []
        for net, part in groupby(epochs, key=lambda epoch: epoch.net):
            curve = list(part)
            number, first = [epoch.epoch for epoch in curve], net == 1
            axes.plot(number, [e.train_loss for e in curve], color=MUTED, label="Training" if first else None)
            axes.plot(number, [e.valid_loss for e in curve], color=BLUE, label="Validation" if first else None)
            kept += [epoch for epoch in curve if epoch.best][-1:]
        title = name
        if kept:
            axes.plot([e.epoch for e in kept], [e.valid_loss for e in kept], "o", color=VERMILION, zorder=5)
            value = format_value(sum(epoch.valid_metric for epoch in kept) / len(kept))
            nets = f"{len(kept)} nets, on average" if len(kept) > 1 else f"epoch {kept[0].epoch}"
            title += f"\n{content.metric.title} {value} ({nets})"
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axes.legend(loc="upper right")

    return paint
