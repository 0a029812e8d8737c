"""Plots of how well scores order the rows: ROC and precision-recall curves by model, class or label."""

from typing import TYPE_CHECKING

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.curves import both_classes, pr_points, roc_points
from anna_core.analytics.legend import model_colours, model_titles, shown_models
from anna_core.analytics.theme import MUTED, SERIES, Plot, draw, not_defined, percent_axis
from anna_core.metrics.ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_LABELS = 12  # number of lines that fit into a plot of this size
ONE_CLASS = "The held-out rows are of one class, or there are none."


def roc_by_model(content: ReportContent) -> Plot:
    """ROC curves of a binary task's models on the held-out rows."""
    held_out, titles, colours = content.held_out, model_titles(content), model_colours(content)
    label = held_out.target[:, 0] > 0

    def paint(axes: "Axes") -> None:
        for row in shown_models(content):
            score = content.held_out_scores(row)[:, 0]
            auc = Ranking.of(label, score).roc_auc(held_out.weight)
            x, y = roc_points(label, score, held_out.weight)
            axes.plot(
                x,
                y,
                color=colours[row.kind, row.model],
                label=f"{titles[row.kind, row.model]}  {auc:.3f}",
                zorder=4 if row == content.subject else 3,
            )
        _finish_roc(axes, "Share of the others above the threshold", "Share of the targets above the threshold")

    return Plot(
        "roc",
        "ROC curve",
        "How many targets are found (upwards) for how many false alarms (to the right); the diagonal is chance. "
        "The figure is the area under the curve.",
        draw(paint if both_classes(label) else not_defined(ONE_CLASS)),
    )


def pr_by_model(content: ReportContent) -> Plot:
    """Precision-recall curves of a binary task's models on the held-out rows."""
    held_out, titles, colours = content.held_out, model_titles(content), model_colours(content)
    label = held_out.target[:, 0] > 0

    def paint(axes: "Axes") -> None:
        rate = float(label @ held_out.weight / held_out.weight.sum())
        axes.axhline(rate, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for row in shown_models(content):
            score = content.held_out_scores(row)[:, 0]
            area = Ranking.of(label, score).pr_auc(held_out.weight)
            x, y = pr_points(label, score, held_out.weight)
            # Steps, not slopes: the average precision in the legend is the area under these.
            label_text = f"{titles[row.kind, row.model]}  {area:.3f}"
            axes.step(x, y, where="pre", color=colours[row.kind, row.model], label=label_text)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="Recall: share of the targets found", ylabel="Precision")
        percent_axis(axes.xaxis)
        percent_axis(axes.yaxis)
        axes.legend(loc="best")

    return Plot(
        "precision_recall",
        "Precision and recall",
        "Of the clients above a threshold, how many are targets, against how many of all targets they are; "
        "the dashed line is the rate of the target.",
        draw(paint if both_classes(label) else not_defined(ONE_CLASS)),
    )


def roc_by_output(content: ReportContent) -> Plot:
    """ROC curves of the scoring model for the six largest classes (one against the rest) or labels."""
    held_out, task = content.held_out, content.task
    if held_out.target.ndim == 1:
        names, truth = task.classes, held_out.target[:, None] == np.arange(task.outputs)
    else:
        names, truth = tuple(name.removeprefix("target_") for name in task.targets), held_out.target > 0
    defined = [i for i in range(task.outputs) if both_classes(truth[:, i])]
    defined = sorted(defined, key=lambda i: -truth[:, i].sum())[: len(SERIES)]

    def paint(axes: "Axes") -> None:
        assert content.subject is not None  # `figures` draws quality plots only if there is a model
        scores = content.held_out_scores(content.subject)
        for colour, i in zip(SERIES, sorted(defined), strict=False):
            auc = Ranking.of(truth[:, i], scores[:, i]).roc_auc(held_out.weight)
            x, y = roc_points(truth[:, i], scores[:, i], held_out.weight)
            axes.plot(x, y, color=colour, label=f"{names[i]}  {auc:.3f}")
        _finish_roc(axes, "Share of the others above the threshold", "Share found above the threshold")

    what = "class, against all others" if held_out.target.ndim == 1 else "label"
    return Plot(
        "roc",
        "ROC curve by class" if held_out.target.ndim == 1 else "ROC curve by label",
        f"The scoring model, for each {what}. The figure is the area under the curve; the diagonal is chance.",
        draw(paint if defined else not_defined(ONE_CLASS)),
    )


def auc_by_label(content: ReportContent) -> Plot:
    """ROC AUC by model for each of the most frequent labels."""
    held_out, titles, colours = content.held_out, model_titles(content), model_colours(content)
    truth = held_out.target > 0
    names = [name.removeprefix("target_") for name in content.task.targets]
    defined = [i for i in range(len(names)) if both_classes(truth[:, i])]
    defined = sorted(sorted(defined, key=lambda i: -truth[:, i].sum())[:SHOWN_LABELS])

    def paint(axes: "Axes") -> None:
        place = np.arange(len(defined))
        for row in shown_models(content):
            scores = content.held_out_scores(row)
            auc = [Ranking.of(truth[:, i], scores[:, i]).roc_auc(held_out.weight) for i in defined]
            axes.plot(auc, place, "o", color=colours[row.kind, row.model], label=titles[row.kind, row.model])
        axes.set_yticks(place, [names[i] for i in defined])
        axes.set_ylim(len(defined) - 0.4, -0.6)
        axes.set_xlabel("ROC AUC")
        axes.margins(x=0.08)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=2)

    return Plot(
        "labels",
        "Quality by label",
        "Area under the ROC curve of each label, by model; further right is better.",
        draw(paint if defined else not_defined(ONE_CLASS)),
    )


def _finish_roc(axes: "Axes", x: str, y: str) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)), zorder=1)
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.02), xlabel=x, ylabel=y)
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    axes.legend(loc="lower right")
