"""How production's scores went over the last periods."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anna_core.analytics.monitoring import Monitoring
from anna_core.analytics.performance import Figure
from anna_core.analytics.theme import BLUE, MUTED, VERMILION, WIDE, Plot, draw_many
from anna_core.metrics.registry import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PERIODS = 24


def trend_plot(periods: Sequence[Monitoring], warn: float, error: float) -> Plot:
    """Clients, mean score, stability index and metric of each period; a line where the model was another.

    Args:
        periods: one or more, in order, the latest last.
        warn: index from which it warns.
        error: index from which it is an error.
    """
    shown = periods[-PERIODS:]
    places, labels = range(len(shown)), [one.period for one in shown]
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
        axes.set_ylim(0, 1.1 * max(1, *(one.clients for one in shown)))
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

    def metric(axes: "Axes") -> None:
        same = [one if one.metric == shown[-1].metric else None for one in shown]  # another one has another scale
        if any(one and one.expected is not None for one in same):
            estimates = [_number(one.expected if one else None) for one in same]
            axes.plot(places, estimates, "o--", color=MUTED, label="as the scores expect")
        for name, color, figures in (
            ("by outcomes", BLUE, [one.performance.measured if one and one.performance else None for one in same]),
            ("challenger", VERMILION, [one.along.measured if one and one.along else None for one in same]),
        ):
            if any(figures):
                values, low, high = zip(*(_parts(figure) for figure in figures), strict=True)
                bars = [[value - least for value, least in zip(values, low, strict=True)]]
                bars.append([most - value for value, most in zip(values, high, strict=True)])
                axes.errorbar(places, values, yerr=bars, fmt="o-", capsize=3, color=color, label=name)
        if axes.lines:
            axes.legend()
        frame(axes, METRICS[shown[-1].metric].title)

    return Plot(
        "trend",
        "The last periods",
        "Against the rows that the model was judged on; a dotted line: another model scores from here on.",
        draw_many([clients, means, drift, metric], columns=2, size=WIDE),
        wide=True,
    )


def _parts(figure: Figure | None) -> tuple[float, float, float]:
    """Value and bounds; a figure without an interval has bounds at its value."""
    value = math.nan if figure is None or figure.value is None else figure.value
    low, high = (None, None) if figure is None else (figure.low, figure.high)
    return value, value if low is None else low, value if high is None else high


def _number(value: float | None) -> float:
    return math.nan if value is None else value
