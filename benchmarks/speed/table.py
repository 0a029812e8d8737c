"""The table of ratios, in Markdown that is also readable on a terminal."""

from benchmarks.speed.results import Row

_HEAD = ("stage", "against", "ours", "peer or limit", "unit", "ratio", "at least", "met")
_RIGHT = frozenset({"ours", "peer or limit", "ratio", "at least"})
_MET = {True: "yes", False: "no", None: ""}


def render(rows: list[Row]) -> str:
    """A Markdown table with columns of even width, and the rows' notes below it, numbered."""
    lines: list[tuple[str, ...]] = []
    notes: list[str] = []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" [{len(notes)}]"
        lines.append(
            (
                row.stage,
                row.against + mark,
                amount(row.ours),
                amount(row.peer),
                row.unit,
                times(row.ratio),
                times(row.at_least),
                _MET[row.met],
            )
        )
    table = [_line(_HEAD, widths := _widths(lines)), _rule(widths), *(_line(line, widths) for line in lines)]
    numbered = [f"{number}. {note}" for number, note in enumerate(notes, start=1)]
    return "\n".join([*table, "", *numbered])


def amount(value: float | None) -> str:
    """A figure with three significant digits or all its whole ones."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(ratio: float | None) -> str:
    """A ratio: `6.3×` from 1 on, below it per cent, as of a limit: `52%`."""
    if ratio is None:
        return "–"
    return f"{ratio:.3g}×" if ratio >= 1 else f"{ratio:.0%}"


def _widths(lines: list[tuple[str, ...]]) -> list[int]:
    return [max(len(cell) for cell in column) for column in zip(_HEAD, *lines, strict=True)]


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = [
        cell.rjust(width) if name in _RIGHT else cell.ljust(width)
        for cell, width, name in zip(cells, widths, _HEAD, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def _rule(widths: list[int]) -> str:
    dashes = ["-" * (w - 1) + ":" if n in _RIGHT else "-" * w for w, n in zip(widths, _HEAD, strict=True)]
    return f"| {' | '.join(dashes)} |"
