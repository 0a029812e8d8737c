"""Names and colours of models, the same in every plot and table."""

from itertools import cycle

from anna_core.analytics.content import ReportContent
from anna_core.analytics.leaderboard import LeaderboardRow, ModelKind
from anna_core.analytics.theme import AMBER, BLUE, GREEN, MUTED, PURPLE, SKY, VERMILION

SHOWN_MODELS = 4  # number of lines that a reader can follow in one plot

_TITLES: dict[ModelKind, str] = {
    "metamodel": "Metamodel",
    "boosting": "Boosting on aggregates",
    "constant": "Constant",
    "net": "Net",
    "mean": "Mean of the nets",
}
_COLOURS: dict[ModelKind, str] = {"metamodel": BLUE, "boosting": VERMILION, "mean": AMBER, "constant": MUTED}
_OTHER_COLOURS = (GREEN, PURPLE, SKY)


def model_titles(content: ReportContent) -> dict[tuple[ModelKind, str], str]:
    """What to call each model of the leaderboard; the model's own name is given if there are several of its kind."""
    kinds = [row.kind for row in content.leaderboard]
    return {
        (row.kind, row.model): (
            f"{_TITLES[row.kind]}: {row.model}" if row.kind == "net" or kinds.count(row.kind) > 1 else _TITLES[row.kind]
        )
        for row in content.leaderboard
    }


def model_colours(content: ReportContent) -> dict[tuple[ModelKind, str], str]:
    """A colour for each model: its kind's colour for the best of a kind, then the remaining colours in turn.

    The models of a plot come first, so no two of them share a colour.
    """
    colours: dict[tuple[ModelKind, str], str] = {}
    free, others = dict(_COLOURS), cycle(_OTHER_COLOURS)
    for row in (*shown_models(content), *content.leaderboard):
        if (row.kind, row.model) not in colours:
            colours[row.kind, row.model] = free.pop(row.kind) if row.kind in free else next(others)
    return colours


def shown_models(content: ReportContent) -> list[LeaderboardRow]:
    """The models to plot, best first: always the metamodel and boosting, then the best of the others; no constant."""
    models = [row for row in content.leaderboard if row.kind != "constant"]
    sure = [row for row in (content.best_of("metamodel"), content.best_of("boosting")) if row is not None]
    others = [row for row in models if row not in sure]
    chosen = [*sure, *others][:SHOWN_MODELS]
    return [row for row in models if row in chosen]
