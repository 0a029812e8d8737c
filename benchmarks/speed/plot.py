"""docs/images/speed.png: the ratios as bars, what is asked for as marks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anna_core.analytics.theme import BLUE, INK, LINE, MUTED, VERMILION, Plot, draw
from benchmarks.places import ROOT
from benchmarks.speed.results import Row
from benchmarks.speed.table import times

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PATH = ROOT / "docs" / "images" / "speed.png"
_LINE_INCHES, _FRAME_INCHES, _WIDTH_INCHES = 0.27, 1.0, 10.5
_BEGIN = 0.1  # a logarithmic axis has no 0; bars begin where nothing worth drawing ends
_UNASKED = "#A9BCCB"


def write(rows: list[Row], path: Path = PATH) -> None:
    """Draw all rows that have a ratio."""
    drawn = [row for row in rows if row.ratio is not None]
    if drawn:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make(drawn).png())


def make(rows: list[Row]) -> Plot:
    """A bar a row in the table's order, under a heading a stage."""
    lines = list(with_headings(rows))
    size = (_WIDTH_INCHES, _FRAME_INCHES + _LINE_INCHES * len(lines))
    caption = "ANNA's figure divided by the peer's, or its share of a limit; a mark shows what is asked for."
    return Plot("speed", "Speed", caption, draw(lambda axes: _paint(axes, lines), size), wide=True)


def with_headings(rows: list[Row]) -> list[Row | str]:
    """The rows, and before the first of each stage its name."""
    lines: list[Row | str] = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or before.stage != row.stage:
            lines.append(row.stage)
        lines.append(row)
    return lines


def _paint(axes: "Axes", lines: list[Row | str]) -> None:
    for place, line in enumerate(lines):
        if isinstance(line, Row):
            _paint_row(axes, place, line)
    axes.set_xscale("log")
    highest = max(line.ratio or 1.0 for line in lines if isinstance(line, Row))
    axes.set_xlim(_BEGIN, max(10.0, highest) * 1.15)
    axes.set_ylim(len(lines) - 0.3, -0.7)
    axes.axvline(1, color=MUTED, linewidth=1, zorder=0.9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.minorticks_off()
    axes.set_yticks(range(len(lines)), [line if isinstance(line, str) else line.against for line in lines])
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_color(INK)
        label.set_fontweight("bold" if isinstance(line, str) else "normal")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.set_xlabel("ANNA / peer, or share of a limit (logarithmic); the black marks are what is asked for")


def _paint_row(axes: "Axes", place: int, row: Row) -> None:
    ratio = row.ratio or 0.0
    axes.barh(place, max(ratio, _BEGIN) - _BEGIN, left=_BEGIN, height=0.66, color=_colour(row))
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "ha": "right"}
    axes.text(1.08, place, times(ratio), color=INK, fontweight="bold", **beside)
    if row.at_least is not None:
        axes.plot([row.at_least] * 2, [place - 0.46, place + 0.46], color=INK, linewidth=2.4, zorder=3)
        axes.text(1.18, place, f"of {times(row.at_least)}", color=MUTED, **beside)


def _colour(row: Row) -> str:
    if row.met is None:
        return _UNASKED
    return BLUE if row.met else VERMILION
