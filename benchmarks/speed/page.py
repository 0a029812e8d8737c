"""docs/speed.md: the part between the markers is written here, the rest by hand."""

from pathlib import Path

from benchmarks.places import ROOT
from benchmarks.speed import table
from benchmarks.speed.machine import Machine
from benchmarks.speed.results import Results

PAGE = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- begin: make bench -->", "<!-- end: make bench -->"


def write(results: Results, path: Path = PAGE) -> None:
    """Put the table into the page."""
    path.write_text(with_table(path.read_text(encoding="utf-8"), results), encoding="utf-8")


def with_table(text: str, results: Results) -> str:
    """The page's text with everything between the markers replaced.

    Raises:
        ValueError: a marker is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has lost its markers; it needs a line {BEGIN} and a line {END}.")
    return f"{before}{BEGIN}\n{_generated(results)}\n{END}{after}"


def _generated(results: Results) -> str:
    lines = [table.render(results.rows), ""]
    for machine, names in _by_machine(results).items():
        lines.append(f"Measured ({', '.join(names)}) on {machine}.")
    return "\n".join(lines)


def _by_machine(results: Results) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, piece in results.pieces.items():
        found.setdefault(describe(piece.machine), []).append(f"{name} {piece.measured:%Y-%m-%d}")
    return found


def describe(machine: Machine) -> str:
    """A machine in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    flags = ", ".join(machine.flags) or "no wide vectors"
    gibibytes = machine.memory_bytes / 2**30
    cores = f"{machine.cores} cores of {machine.processor} ({flags})"
    return f"{cores}, {gibibytes:.0f} GiB, Python {machine.python}, {versions}"
