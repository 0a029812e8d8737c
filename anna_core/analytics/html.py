"""The report of a launch as one HTML file that needs nothing else."""

import datetime as dt
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jinja2
import numpy as np
from markupsafe import Markup

from anna_core.analytics.content import ReportContent
from anna_core.analytics.facts import metric_table, split_facts
from anna_core.analytics.formatting import format_interval, format_lead, format_value
from anna_core.analytics.headline import headline
from anna_core.analytics.leaderboard import LeaderboardRow
from anna_core.analytics.legend import model_colours, model_titles
from anna_core.analytics.plots import report_figures
from anna_core.analytics.theme import Plot

TEMPLATE = "report.html.j2"

# The page has tables for these, which can be read aloud and copied.
_TABULATED = ("leaderboard", "coverage")

_TYPE_TITLES = {
    "binary": "Yes or no",
    "multiclass": "One of several classes",
    "multilabel": "Several labels",
    "regression": "A number",
}


@dataclass(frozen=True)
class Bar:
    """Position of a model's value and interval on the leaderboard's scale, in per cent of its width."""

    left: float
    width: float
    dot: float


def render_report(content: ReportContent, figures: Mapping[str, Plot] | None = None) -> str:
    """Render a launch. Text from users is escaped, and nothing but the template is read, written or fetched.

    Args:
        content: what to show.
        figures: the plots, if `report_figures` has already drawn them; None: draw them.
    """
    figures = report_figures(content) if figures is None else figures
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"value": format_value, "svg": _svg}
    source = importlib.resources.files("anna_core.analytics").joinpath(TEMPLATE).read_text(encoding="utf-8")
    metrics, values = metric_table(content)
    return environment.from_string(source).render(
        content=content,
        task=content.task,
        task_type=_TYPE_TITLES[content.task.type.value],
        head=headline(content),
        titles=model_titles(content),
        colours=model_colours(content),
        bars=_bars(content.leaderboard),
        interval=format_interval,
        lead=format_lead,
        metrics=metrics,
        values=values,
        splits=split_facts(content),
        plots=[plot for name, plot in figures.items() if name not in _TABULATED and not plot.wide],
        wide_plots=[plot for name, plot in figures.items() if name not in _TABULATED and plot.wide],
        provenance=_provenance(content.provenance),
        created=_moment(content.created_at),
        settings=content.task.model_dump_json(indent=2, exclude={"guesses"}),
    )


def _svg(plot: Plot) -> Markup:
    return Markup(plot.svg())  # matplotlib escapes the text that it draws


def _bars(rows: Sequence[LeaderboardRow]) -> list[Bar | None]:
    defined = [row for row in rows if not np.isnan([row.value, row.low, row.high]).any()]
    if not defined:
        return [None] * len(rows)
    low, high = min(row.low for row in defined), max(row.high for row in defined)
    scale = 100 / (high - low) if high > low else 0.0
    return [
        Bar((row.low - low) * scale, (row.high - row.low) * scale, (row.value - low) * scale)
        if row in defined
        else None
        for row in rows
    ]


def _provenance(provenance: Mapping[str, object]) -> list[tuple[str, list[str]]]:
    """The key and lines of each entry; an entry that is itself a mapping has one line for each of its keys."""
    return [
        (
            str(key),
            [f"{name}: {item}" for name, item in value.items()] if isinstance(value, Mapping) else [str(value)],
        )
        for key, value in provenance.items()
    ]


def _moment(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%B %Y, %H:%M}"
