"""Writes docs/quality.md between its marks."""

from statistics import mean, stdev

import yaml

from anna_core.storage import write_text
from benchmarks.quality.contests import REAL, ROOT, SIMULATED, Contest
from benchmarks.quality.entry import Entry
from benchmarks.quality.results import Results
from benchmarks.quality.variants import INGREDIENTS, VARIANTS

PAGE = ROOT / "docs" / "quality.md"
BEGIN, END = "<!-- begin: make quality -->", "<!-- end: make quality -->"
_PEERS = ROOT / "benchmarks" / "peers.yaml"


def write(results: Results) -> None:
    """Put the tables of the results into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = [_real(results), _simulated(results), _shares(results), _ingredients(results)]
    write_text(PAGE, f"{before}{BEGIN}\n" + "\n".join(table for table in tables if table) + f"{END}{after}")


def _real(results: Results) -> str:
    peers = yaml.safe_load(_PEERS.read_text(encoding="utf-8"))
    lines = [
        "| task | metric | splits | ANNA, `standard` | its trees | its nets | mean of nets | best net "
        "| `fast` | peers' best | ANNA - peers |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for contest in REAL:
        entries = results.of(str(contest), "standard")
        if not entries:
            continue
        peer = peers[contest.task]
        ours = _figures(entries, "metamodel")
        gain = mean(ours) - peer["all_domains"]
        nets = [name for name in entries[0].shares if "boosting" not in name]
        best = max(nets, key=lambda name: mean(_figures(entries, name)))
        cells = [
            contest.task,
            entries[0].metric,
            str(len(entries)),
            f"**{_told(ours)}**",
            *(_told(_figures(entries, name)) for name in ("trees", "nets", "mean of nets")),
            _told(_figures(entries, best)),
            _told(_figures(results.of(str(contest), "fast"), "metamodel")),
            f"{peer['all_domains']:.4f} ± {peer['error']:.4f}",
            f"{gain:+.4f} ({gain / peer['error']:+.1f} se)",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Real data", "", *lines, ""]) if len(lines) > 2 else ""


def _simulated(results: Results) -> str:
    lines = [
        "| bank | task | metric | oracle | ANNA | of the oracle's lift | its trees | of it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for contest in SIMULATED:
        entries = results.of(str(contest), "standard")
        if not entries:
            continue
        oracle, ours, trees = (
            mean(_figures(entries, name)) for name in ("oracle", "metamodel", "trees of all domains")
        )
        base = mean(_figures(entries, "constant"))
        cells = [contest.group, contest.task, entries[0].metric, f"{oracle:.4f}"]
        for value in (ours, trees):
            cells += [f"{value:.4f}", f"{(value - base) / (oracle - base):.1%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Simulated banks", "", *lines, ""]) if len(lines) > 2 else ""


def _shares(results: Results) -> str:
    lines = ["| task | nets | trees of a domain | trees of all domains |", "|---|---|---|---|"]
    for contest in (*REAL, *SIMULATED):
        if entries := results.of(str(contest), "standard"):
            kinds = [
                mean(sum(share for name, share in entry.shares.items() if _kind(name) == kind) for entry in entries)
                for kind in ("net", "trees", "all")
            ]
            lines.append(f"| {contest} | {' | '.join(f'{share:.0%}' for share in kinds)} |")
    return "\n".join(["### What the metamodel is made of", "", *lines, ""]) if len(lines) > 2 else ""


def _ingredients(results: Results) -> str:
    """Each ingredient against the default, on the blend of the nets alone."""
    lines = ["| ingredient | " + " | ".join(c.task for c in REAL) + " | mean |", "|---|" + "---|" * (len(REAL) + 1)]
    for variant in INGREDIENTS:
        gains = [_gain(results, contest, variant.name) for contest in REAL]
        known = [one for one in gains if one]
        if known:
            cells = [f"{mean(one):+.4f}" if one else "" for one in gains]
            cells.append(f"{mean(map(mean, known)):+.4f}")
            lines.append(f"| {variant.name}: {VARIANTS[variant.name].says} | {' | '.join(cells)} |")
    return "\n".join(["### Ingredients", "", *lines, ""]) if len(lines) > 2 else ""


def _gain(results: Results, contest: Contest, name: str) -> list[float]:
    """What a variant's nets gain over the default's, split by split."""
    standard = {entry.seed: entry.values["nets"] for entry in results.of(str(contest), "standard")}
    return [
        entry.values["nets"] - standard[entry.seed]
        for entry in results.of(str(contest), name)
        if entry.seed in standard
    ]


def _kind(member: str) -> str:
    if member == "boosting":
        return "all"
    return "trees" if member.startswith("boosting/") else "net"


def _figures(entries: list[Entry], name: str) -> list[float]:
    return [entry.values[name] for entry in entries if name in entry.values]


def _told(values: list[float]) -> str:
    """Mean ± standard error."""
    if not values:
        return ""
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{mean(values):.4f} ± {error:.4f}"
