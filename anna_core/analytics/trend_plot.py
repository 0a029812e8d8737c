"""How production's scores went over the last months."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anna_core.analytics.monitoring import Monitoring
from anna_core.analytics.theme import BLUE, MUTED, VERMILION, WIDE, Plot, draw_many

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MONTHS = 24


def trend_plot(months: Sequence[Monitoring], warn: float, error: float) -> Plot:
    """Clients, mean score and stability index of each month, the latest last; a line where the model was another.

    Args:
        months: one or more, in order.
        warn: index from which it warns.
        error: index from which it is an error.
    """
    shown = months[-MONTHS:]
    places, labels = range(len(shown)), [one.month for one in shown]
    changes = [place - 0.5 for place in places[1:] if shown[place].model != shown[place - 1].model]

    def frame(axes: "Axes", title: str) -> None:
        step = max(1, len(shown) // 4)
        axes.set_xticks(places[::step], labels[::step])
        axes.set_xlim(-0.5, len(shown) - 0.5)
        axes.set_title(title)
        for change in changes:
            axes.axvline(change, color=MUTED, linewidth=1, linestyle=":")

    def clients(axes: "Axes") -> None:
        axes.plot(places, [one.clients for one in shown], "o-", color=BLUE)
        axes.set_ylim(bottom=0)
        frame(axes, "Clients")

    def means(axes: "Axes") -> None:
        for name in shown[-1].means:
            axes.plot(places, [one.means.get(name) for one in shown], "o-", label=name)  # type: ignore[arg-type]
        if len(shown[-1].means) > 1:
            axes.legend()
        frame(axes, "Mean score")

    def drift(axes: "Axes") -> None:
        axes.plot(places, [max(one.score_drift.values(), default=0) for one in shown], "o-", color=BLUE)
        axes.axhline(warn, color=MUTED, linewidth=1)
        axes.axhline(error, color=VERMILION, linewidth=1)
        axes.set_ylim(bottom=0)
        frame(axes, "Stability index of the scores")

    return Plot(
        "trend",
        "The last months",
        "Against the rows that the model was judged on; a dotted line: another model scores from here on.",
        draw_many([clients, means, drift], columns=3, size=WIDE),
        wide=True,
    )
