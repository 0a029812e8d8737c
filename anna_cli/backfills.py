"""Backfills: reading how far one is, and following it until it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn

from anna_cli.graphql import GraphQLClient, without_stack
from anna_cli.launch_reader import LaunchReader
from anna_cli.launch_view import clock
from anna_cli.queries import BACKFILL, BACKFILLS, RUN_STATES
from anna_core.errors import AnnaError

POLL_SECONDS = 2.0
BACKFILL_TAG = "dagster/backfill"
# Dagster settles the last records of a backfill in the states *ING.
GOING_ON = frozenset({"REQUESTED", "CANCELING", "FAILING"})
SUCCEEDED = frozenset({"COMPLETED", "COMPLETED_SUCCESS"})


class BackfillError(AnnaError):
    """A backfill did not make all it was asked for."""


@dataclass(frozen=True)
class AssetProgress:
    """How many of an asset's partitions are made, in work and failed."""

    asset: str
    targeted: int
    made: int
    running: int
    failed: int


@dataclass(frozen=True)
class Backfill:
    """How far a backfill is; `problem` is Dagster's own, when the backfill itself broke."""

    id: str
    status: str
    assets: tuple[AssetProgress, ...]
    problem: str | None = None


def read_backfill(client: GraphQLClient, backfill_id: str) -> Backfill:
    """Read a backfill's state; raises `ClientError`."""
    found = client.expect("PartitionBackfill", BACKFILL, id=backfill_id)
    counts = (found["assetBackfillData"] or {"assetBackfillStatuses": []})["assetBackfillStatuses"]
    assets = tuple(
        AssetProgress(
            "/".join(count["assetKey"]["path"]),
            count["numPartitionsTargeted"],
            count["numPartitionsMaterialized"],
            count["numPartitionsInProgress"],
            count["numPartitionsFailed"],
        )
        for count in counts
        if count["__typename"] == "AssetPartitionsStatusCounts"
    )
    problem = without_stack((found["error"] or {}).get("message") or "")
    return Backfill(found["id"], found["status"], assets, problem or None)


def going_on(client: GraphQLClient) -> list[str]:
    """A line for each backfill that is not over: its title, and how far each asset is; raises `ClientError`."""
    found = client.expect("PartitionBackfills", BACKFILLS, statuses=sorted(GOING_ON))["results"]
    lines = []
    for one in found:
        assets = read_backfill(client, one["id"]).assets
        far = ", ".join(f"{asset.asset} {asset.made}/{asset.targeted}" for asset in assets)
        lines.append(f"Backfill {one['title'] or one['id']}: {far or 'about to begin'}")
    return lines


def follow_backfill(
    client: GraphQLClient, backfill_id: str, console: Console, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Show a backfill's progress until it ends: bars on a terminal, plain lines elsewhere.

    Raises:
        BackfillError: a partition failed, or somebody canceled it.
    """
    said: set[str] = set()
    with Progress(*progress_columns(), console=console, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}
        while True:
            backfill = read_backfill(client, backfill_id)
            for asset in backfill.assets:
                if asset.asset not in bars:
                    bars[asset.asset] = progress.add_task(asset.asset, total=asset.targeted)
                progress.update(bars[asset.asset], completed=asset.made)
                if not console.is_terminal:
                    _say_new(console, asset, said)
            if backfill.status not in GOING_ON:
                break
            sleep(POLL_SECONDS)
    if backfill.status not in SUCCEEDED:
        raise BackfillError(_reason(client, backfill))


def progress_columns() -> tuple[ProgressColumn, ...]:
    """An asset's name, whole, a bar that gives way on a narrow terminal, and figures."""
    return TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn()


def _say_new(console: Console, asset: AssetProgress, said: set[str]) -> None:
    failed = f", {asset.failed} failed" if asset.failed else ""
    line = f"{asset.asset} {asset.made}/{asset.targeted}{failed}"
    if line not in said and (asset.made or asset.failed):
        said.add(line)
        console.print(f"{clock(time.time())} {line}", soft_wrap=True)


def _reason(client: GraphQLClient, backfill: Backfill) -> str:
    wanted = {"tags": [{"key": BACKFILL_TAG, "value": backfill.id}], "statuses": ["FAILURE"]}
    failed = client.expect("Runs", RUN_STATES, filter=wanted, limit=100)["results"]
    problem = backfill.problem or (LaunchReader(client).problem(failed[-1]["runId"]) if failed else "")
    what = ", ".join(f"{asset.asset} {asset.failed}" for asset in backfill.assets if asset.failed)
    ended = "was canceled" if backfill.status == "CANCELED" else f"failed (partitions: {what or 'none'})"
    return f"The backfill {backfill.id} {ended}. {problem}".strip()
