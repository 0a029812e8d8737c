"""A launch's report, read from the metadata of its `report` asset."""

import html
import json
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anna_cli.graphql import GraphQLClient, Json
from anna_cli.queries import MATERIALIZATIONS
from anna_core.errors import AnnaError
from anna_resources.names import WARNINGS
from anna_resources.places import place_meant
from anna_resources.settings import load_settings

_KIND_STYLES = {"metamodel": "bold green", "mean": "green", "net": "cyan", "boosting": "yellow", "constant": "dim"}


class ReportError(AnnaError):
    """There is no report yet."""


@dataclass(frozen=True)
class Report:
    """What a launch came to.

    Attributes:
        key: of the sample.
        leaderboard: rows with model, kind, metric, value, low, high, rows and lead (the metamodel's); best first.
        verdict: what the metamodel is worth beside boosting, or a constant, in a sentence.
        warnings: what guards warned of, a line each.
        html: the whole report as one file.
    """

    key: str
    leaderboard: list[Json]
    verdict: str
    warnings: list[str]
    html: Path | None


def materializations(client: GraphQLClient, asset: list[str], partitions: list[str]) -> list[Json]:
    """The latest materialization of each partition that has one, with `metadata` by label."""
    node = client.expect("AssetNode", MATERIALIZATIONS, key={"path": asset}, partitions=partitions)
    found = [event for event in node["latestMaterializationByPartition"] if event is not None]
    return [{**event, "metadata": {entry["label"]: entry for entry in event["metadataEntries"]}} for event in found]


def read_report(client: GraphQLClient, key: str) -> Report:
    """Read the latest report of a sample.

    Raises:
        ReportError: the launch has none (yet).
        ClientError: ANNA does not answer.
    """
    events = materializations(client, ["report"], [key])
    if not events:
        raise ReportError(f"{key} has no report yet: `anna status {key}` tells how far its launch is.")
    metadata = events[0]["metadata"]
    records = metadata.get("leaderboard", {"table": {"records": []}})["table"]["records"]
    whole = metadata.get("report_html", {}).get("path")
    verdict = metadata.get("verdict", {}).get("text", "")
    listed = metadata.get(WARNINGS, {}).get("mdStr", "")
    warnings = [html.unescape(line.removeprefix("- ")) for line in listed.splitlines() if line.startswith("- ")]
    file = place_meant(whole, load_settings().home) if whole else None
    return Report(key, [json.loads(record) for record in records], verdict, warnings, file)


def print_report(report: Report, console: Console) -> None:
    """Print the leaderboard, what follows from it, and where the whole report is."""
    console.print(_leaderboard_table(report))
    console.print(f"{report.verdict}\n", soft_wrap=True)
    for warning in report.warnings:
        console.print(Text(f"Warning: {warning}\n", style="yellow"), soft_wrap=True)
    if report.html is not None:
        console.print(f"The whole report: {report.html}", soft_wrap=True)


def _leaderboard_table(report: Report) -> Table:
    first: Json = report.leaderboard[0] if report.leaderboard else {"metric": "metric", "rows": 0}
    title = f"Leaderboard of {report.key}, {first['rows']:,} held-out rows"
    # As narrow as it can be: a terminal has 80 columns.
    table = Table(title=title, title_justify="left", box=SIMPLE, show_edge=False, padding=(0, 1, 0, 0))
    for name in ("model", "kind"):
        table.add_column(name, overflow="fold")  # a long name goes on in the next line
    for name in (first["metric"], "interval", "metamodel's lead"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in report.leaderboard:
        defined = all(isinstance(row[name], float | int) for name in ("value", "low", "high"))
        interval = f"{row['low']:.3f}–{row['high']:.3f}" if defined else ""
        value = f"{row['value']:.4f}" if isinstance(row["value"], float | int) else str(row["value"])
        style = _KIND_STYLES.get(row["kind"], "")
        table.add_row(row["model"], row["kind"], value, interval, row.get("lead", ""), style=style)
    return table
