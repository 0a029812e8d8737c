"""The common look of ANNA's plots, and how a figure becomes an SVG or a PNG."""

import base64
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito, "Color universal design" (2008): distinguishable with any common colour blindness.
BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY)
INK, MUTED, LINE, PAPER = "#1B2430", "#667085", "#E4E7EC", "#FFFFFF"

PNG_WIDTH = 900  # pixels: the width that the Dagster UI shows without scaling
_UNPACKED = {"compress_level": 0}  # for a picture that is read back at once
PNG_COLOURS = 192  # a plot has few colours: a palette halves the file's size
SMALL, WIDE = (6.0, 3.9), (10.5, 3.2)  # inches

_RC: Any = {
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.labelsize": 10,
    "axes.labelpad": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "ytick.major.pad": 6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$100"
    "font.size": 10,
    "font.family": "DejaVu Sans",  # comes with matplotlib, so plots look alike on every machine
    "svg.fonttype": "none",  # text stays text: smaller, selectable, and in the page's own font
    "svg.hashsalt": "anna",  # equal figures give equal files
}


@dataclass(frozen=True)
class Plot:
    """A drawn figure and what to say about it.

    Attributes:
        name: unique among a report's plots; Latin letters and '_'.
        title: a heading.
        caption: a sentence on how to read it.
        figure: a `matplotlib.figure.Figure` that belongs to no window.
        wide: whether it takes a page's full width.
    """

    name: str
    title: str
    caption: str
    figure: "Figure"
    wide: bool = False

    def svg(self) -> str:
        """An `<svg>` element to put into HTML, without links, and with ids that no other plot uses."""
        import matplotlib as mpl

        buffer = io.StringIO()
        with mpl.rc_context(_RC):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        text = buffer.getvalue()
        text = text[text.index("<svg") :]
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
        text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{self.name}-", text)
        return text.replace("<svg ", '<svg role="img" ', 1).strip()

    def png(self) -> bytes:
        """A PNG file of `PNG_WIDTH` pixels, a few tens of kilobytes."""
        return self._png

    @cached_property
    def _png(self) -> bytes:  # drawn once: reports use it as a file and in metadata
        import matplotlib as mpl
        from PIL import Image

        buffer = io.BytesIO()
        with mpl.rc_context(_RC):
            self.figure.savefig(buffer, format="png", pil_kwargs=_UNPACKED)
        image = Image.open(buffer).convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)
        small = io.BytesIO()
        image.save(small, format="png", optimize=True)
        return small.getvalue()

    def markdown(self) -> str:
        """The PNG as a Markdown image for Dagster's metadata."""
        return f"![{self.title}](data:image/png;base64,{base64.b64encode(self.png()).decode()})"


def draw(paint: Callable[["Axes"], None], size: tuple[float, float] = SMALL) -> "Figure":
    """A figure with one set of axes, painted by `paint`."""
    return draw_many([paint], columns=1, size=size)


def draw_many(paints: Sequence[Callable[["Axes"], None]], columns: int, size: tuple[float, float] = WIDE) -> "Figure":
    """A figure with a grid of axes, `columns` per row, each row `size[1]` inches high."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # not pyplot, which keeps every figure alive

    rows = -(-len(paints) // columns)
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(size[0], size[1] * rows), dpi=PNG_WIDTH / size[0], layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, paint in zip(grid, paints, strict=False):
            paint(axes)
        for axes in grid[len(paints) :]:
            axes.set_axis_off()
        _lay_out(figure)
    return figure


def _lay_out(figure: "Figure") -> None:
    """Lay the figure out once: a figure that keeps its layout engine is drawn twice for each file."""
    engine = figure.get_layout_engine()
    assert engine is not None, "made with one"
    for _ in range(2):  # long labels move the ticks, and ticks move the labels
        engine.execute(figure)
    figure.set_layout_engine(None)  # matplotlib's default: none


def not_defined(reason: str) -> Callable[["Axes"], None]:
    """Paint axes that say why there is nothing to see."""

    def paint(axes: "Axes") -> None:
        axes.set_axis_off()
        axes.text(0.5, 0.56, "Not defined", ha="center", fontsize=13, fontweight="bold", color=MUTED)
        axes.text(0.5, 0.44, reason, ha="center", fontsize=10, color=MUTED)

    return paint


def percent_axis(axis: Any, digits: int = 0) -> None:
    """Label a matplotlib axis in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0, decimals=digits))
