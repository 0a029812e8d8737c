"""Writes docs/quality.md between its marks."""

from statistics import mean, median, stdev

import yaml

from anna_core.storage import write_text
from benchmarks.places import ROOT
from benchmarks.quality.contests import REAL, SIMULATED, Contest
from benchmarks.quality.entry import EXPECTED, NETS, WITH_EVENTS, Entry
from benchmarks.quality.results import Results
from benchmarks.quality.variants import BASE, INGREDIENTS

PAGE = ROOT / "docs" / "quality.md"
BEGIN, END = "<!-- begin: make quality -->", "<!-- end: make quality -->"
_PEERS = ROOT / "benchmarks" / "peers.yaml"


def write(results: Results) -> None:
    """Put the tables of the results into the page."""
    write_text(PAGE, render(results, PAGE.read_text(encoding="utf-8")))


def render(results: Results, page: str) -> str:
    """The page with the tables of these results in the place of those between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = [part(results) for part in (_real, _simulated, _calibration, _presets, _shares, _ingredients)]
    return f"{before}{BEGIN}\n" + "\n".join(table for table in tables if table) + f"{END}{after}"


def _real(results: Results) -> str:
    peers = yaml.safe_load(_PEERS.read_text(encoding="utf-8"))
    lines = [
        "| task | metric | splits | ANNA, `standard` | its trees | its nets | mean of nets | best net "
        "| peers' best | ANNA - peers |",
        "|---|---|---|---|---|---|---|---|---|---|",
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
            f"{peer['all_domains']:.4f} ± {peer['error']:.4f}",
            f"{gain:+.4f} ({gain / peer['error']:+.1f} se)",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Real data", "", *lines, ""]) if len(lines) > 2 else ""


def _presets(results: Results) -> str:
    """What `fast` costs and keeps, on the splits that have both."""
    lines = [
        "| task | metric | `fast` | `standard` | of it | seconds, `fast` | `standard` | of it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for contest in (*REAL, *SIMULATED):
        fast, standard = ({e.seed: e for e in results.of(str(contest), name)} for name in ("fast", "standard"))
        if not (both := sorted(fast.keys() & standard.keys())):
            continue
        metric = [mean(part[seed].values["metamodel"] for seed in both) for part in (fast, standard)]
        seconds = [median(sum(part[seed].seconds.values()) for seed in both) for part in (fast, standard)]
        cells = [str(contest), fast[both[0]].metric, *(f"{one:.4f}" for one in metric), f"{metric[0] / metric[1]:.1%}"]
        cells += [*(f"{one:.0f}" for one in seconds), f"{seconds[0] / seconds[1]:.0%}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Presets", "", *lines, ""]) if len(lines) > 2 else ""


def _simulated(results: Results) -> str:
    lines = [
        "| bank | task | metric | oracle | ANNA | of the oracle's lift | rows with events | expected "
        "| its nets | of it | its trees | of it | LightGBM, plain aggregates | of it | mean of nets | best domain |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    trained = {(one.group, one.task): results.of(str(one), "standard") for one in SIMULATED}
    for task in dict.fromkeys(one.task for one in SIMULATED):
        trained["mean", task] = [entry for (_, other), found in trained.items() if other == task for entry in found]
    for (group, task), entries in trained.items():
        if not entries:
            continue
        cells = [group, task, entries[0].metric, f"{mean(_figures(entries, 'oracle')):.4f}"]
        for name in ("metamodel", "nets", "trees", "plain aggregates"):
            cells += [f"{mean(_figures(entries, name)):.4f}", _of_oracle(entries, name)]
            if name == "metamodel":
                cells += [_of_oracle(entries, name, rows) for rows in (WITH_EVENTS, EXPECTED)]
        domains = [name for name in entries[0].shares if _kind(name) != "all"]
        cells.append(f"{mean(_figures(entries, 'mean of nets')):.4f}")
        cells.append(f"{max(mean(_figures(entries, name)) for name in domains):.4f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(["### Simulated banks", "", *lines, ""]) if len(lines) > 2 else ""


def _calibration(results: Results) -> str:
    """Slope and Brier score of the metamodel, without and with what the mean of the folds is trusted more."""
    names = ("slope before", "slope", "brier before", "brier")
    lines = ["| task | splits | slope, before | after | Brier score, before | after |", "|---|---|---|---|---|---|"]
    means = []
    for contest in (*REAL, *SIMULATED):
        entries = [entry for entry in results.of(str(contest), "standard") if entry.calibration]
        if entries:
            figures = [[entry.calibration[name] for entry in entries] for name in names]
            means.append([mean(values) for values in figures])
            cells = [str(contest), str(len(entries)), *(f"{value:.3f}" for value in means[-1][:2])]
            lines.append(f"| {' | '.join([*cells, *(f'{value:.5f}' for value in means[-1][2:])])} |")
    if means:
        before, after, *_ = zip(*means, strict=True)
        lines.append(f"| mean | | {mean(before):.3f} | {mean(after):.3f} | | |")
    return "\n".join(["### Calibration", "", *lines, ""]) if means else ""


def _of_oracle(entries: list[Entry], name: str, rows: str = "") -> str:
    """A model's share of the oracle's lift over the constant."""
    figures = [_figures(entries, f"{one}{rows}") for one in (name, "oracle", "constant")]
    if not all(figures):
        return ""
    value, oracle, base = map(mean, figures)
    return f"{(value - base) / (oracle - base):.1%}"


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
    """What each ingredient adds to one net a domain, by the blend of the nets alone; banks stand beside each other."""
    columns = {contest.task: [contest] for contest in REAL}
    for contest in SIMULATED:
        columns.setdefault(f"{contest.task} (banks)", []).append(contest)
    lines = [f"| ingredient | {' | '.join(columns)} | mean |", "|---|" + "---|" * (len(columns) + 1)]
    for one in INGREDIENTS:
        gains = [_gains(results, contests, one.name) for contests in columns.values()]
        if known := [gain for gain in gains if gain]:
            cells = [*map(_gained, gains), f"{mean(map(mean, known)):+.4f}"]
            lines.append(f"| {one.name}: {one.says} | {' | '.join(cells)} |")
    return "\n".join(["### Ingredients", "", *lines, ""]) if len(lines) > 2 else ""


def _gains(results: Results, contests: list[Contest], name: str) -> list[float]:
    """What a variant's nets gain over the base's, split by split."""
    gains = []
    for contest in contests:
        base = {entry.seed: entry.values[NETS] for entry in results.of(str(contest), BASE.name)}
        entries = results.of(str(contest), name)
        gains += [entry.values[NETS] - base[entry.seed] for entry in entries if entry.seed in base]
    return gains


def _gained(gains: list[float]) -> str:
    """Mean ± standard error of differences, which are of the same rows."""
    return f"{mean(gains):+.4f} ± {_error(gains):.4f}" if gains else ""


def _kind(member: str) -> str:
    if member == "boosting":
        return "all"
    return "trees" if member.startswith("boosting/") else "net"


def _figures(entries: list[Entry], name: str) -> list[float]:
    return [entry.values[name] for entry in entries if name in entry.values]


def _told(values: list[float]) -> str:
    """Mean ± standard error."""
    return f"{mean(values):.4f} ± {_error(values):.4f}" if values else ""


def _error(values: list[float]) -> float:
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
