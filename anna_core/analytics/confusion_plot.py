"""Plot of a multiclass model's mistakes: which class it mistakes for which."""

from typing import TYPE_CHECKING

import numpy as np

from anna_core.analytics.content import ReportContent
from anna_core.analytics.curves import confusion
from anna_core.analytics.score_plots import NO_ROWS
from anna_core.analytics.theme import BLUE, INK, PAPER, Plot, draw, not_defined
from anna_core.columns.shares import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_CLASSES = 12  # more, and the figures in the cells are no longer legible


def confusion_matrix(content: ReportContent) -> Plot:
    """Shares of each true class's rows by predicted class; of many classes, the largest."""
    held_out, classes = content.held_out, content.task.classes
    caption = "Of the rows of a class (a line), the share that the best model takes for each class (a column)."
    if not len(held_out):
        return Plot("confusion", "Confusion matrix", caption, draw(not_defined(NO_ROWS)))
    assert content.subject is not None  # `figures` draws quality plots only if there is a model
    predicted = content.held_out_scores(content.subject).argmax(axis=1)
    cells = confusion(held_out.target, predicted, held_out.weight, len(classes))
    shown = np.sort(np.argsort(-cells.sum(axis=1), kind="stable")[:SHOWN_CLASSES])
    total = cells.sum(axis=1, keepdims=True)
    share = np.divide(cells, total, out=np.zeros_like(cells), where=total > 0)[np.ix_(shown, shown)]
    names = [classes[i] for i in shown]
    if len(shown) < len(classes):
        caption += f" The largest {SHOWN_CLASSES} of {len(classes)} classes are shown."

    def paint(axes: "Axes") -> None:
        from matplotlib.colors import LinearSegmentedColormap

        shades = LinearSegmentedColormap.from_list("anna", [PAPER, BLUE])
        axes.pcolormesh(share, cmap=shades, vmin=0, vmax=1, edgecolors=PAPER, linewidth=2)
        for i in range(len(names)):
            for j in range(len(names)):
                axes.text(
                    j + 0.5,
                    i + 0.5,
                    percent(share[i, j]),
                    ha="center",
                    va="center",
                    color=PAPER if share[i, j] > 0.5 else INK,
                    fontsize=10 if len(names) <= 8 else 8,
                )
        ticks = np.arange(len(names)) + 0.5
        crowded = sum(map(len, names)) > 60
        axes.set_xticks(ticks, names, rotation=35 if crowded else 0, ha="right" if crowded else "center")
        axes.set_yticks(ticks, names)
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set(xlabel="Predicted class", ylabel="True class")

    return Plot("confusion", "Confusion matrix", caption, draw(paint))
