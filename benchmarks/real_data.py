"""Trains every sample of the real data through the inbox of a running deployment, and writes docs/results.md.

Run it with `make results`; or `python -m benchmarks.real_data cmb2020` for one set.
"""

import datetime as dt
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import yaml

from anna_cli.deployment_folder import make_deployment
from anna_cli.launch_reader import LaunchReader
from anna_cli.queries import RUNS
from anna_cli.report_reader import read_report
from anna_cli.supervisor.platform import Platform
from anna_cli.supervisor.ports import free_port
from anna_resources.settings import load_settings
from benchmarks.places import DEPLOYMENTS, ROOT, real_data

RESULTS = ROOT / "docs" / "results.md"
SAMPLE = "real"
ALL_DOMAINS = "all domains"  # what the leaderboard calls the trees over them
POLL_SECONDS = 5.0
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})


def data_folder() -> Path:
    """Folder of the real data; exits with a message where there is none."""
    folder = real_data()
    if not folder.is_dir():
        sys.exit(f"Skipped: no real data at {folder}. Set ANNA_REAL_DATA to the folder that holds it.")
    return folder


def run_set(name: str, data: Path) -> list[dict[str, Any]]:
    """Train all samples of a set in a deployment of its own; their leaderboards and times."""
    home = Path(tempfile.mkdtemp(prefix=f"anna-{name}-"))
    shutil.copytree(DEPLOYMENTS / name, home, dirs_exist_ok=True)
    os.environ.update(
        ANNA_HOME=str(home),
        ANNA_REAL_DATA=str(data),
        ANNA_WEBSERVER_PORT=str(free_port()),
        ANNA_MLFLOW_PORT=str(free_port()),
    )
    make_deployment(home)
    tasks = sorted(path.stem for path in (data / name / "samples").glob("*.csv"))
    with Platform(load_settings()) as running:
        for task in tasks:
            folder = home / "inbox" / task
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(data / name / "samples" / f"{task}.csv", folder / f"{SAMPLE}.csv")
        return [_await(running, name, task) for task in tasks]


def _await(running: Platform, name: str, task: str) -> dict[str, Any]:
    key = f"{task}.{SAMPLE}"
    wanted = {"pipelineName": "train", "tags": [{"key": "dagster/partition", "value": key}]}
    while True:
        running.check()
        runs = running.client.expect("Runs", RUNS, filter=wanted, limit=1)["results"]
        if runs and runs[0]["status"] in ENDED:
            break
        time.sleep(POLL_SECONDS)
    if runs[0]["status"] != "SUCCESS":
        sys.exit(f"{key}: {runs[0]['status']}: {LaunchReader(running.client).problem(runs[0]['runId'])}")
    report = read_report(running.client, key)
    seconds = runs[0]["endTime"] - runs[0]["startTime"]
    print(f"{name} {task}: {seconds:.0f} s", flush=True)
    return {"set": name, "task": task, "seconds": seconds, "leaderboard": report.leaderboard}


def render(found: list[dict[str, Any]]) -> str:
    """The page."""
    peers = yaml.safe_load(Path(__file__).with_name("peers.yaml").read_text(encoding="utf-8"))
    memory = psutil.virtual_memory().total / 2**30
    lines = [
        "# Results on real data",
        "",
        f"Made by `make results` on {dt.date.today()}: {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        "no GPU. Every sample was dropped into the inbox of a running deployment whose domains are the YAML files in "
        "`benchmarks/deployments/`; nothing else was set (but `overdue`, which holds out clients as the peers do).",
        "",
        "Figures are on the held-out rows: the fifth of the clients that the peers' split with seed 0 holds out; in "
        "brackets the 95% bootstrap interval. The peers' figures are means over five splits; the boosting of the same "
        "split is what to compare a row with. Five splits of every task: [quality.md](quality.md). The samples of a "
        "set were dropped at once; two launches ran at a time.",
        "",
        "| set | task | metric | metamodel | best net of a domain | boosting, same split | peers, 5 splits | launch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_summary(item, peers[item["task"]]) for item in found]
    for item in found:
        lines += ["", f"## {item['set']}: {item['task']}", "", *_board(item["leaderboard"])]
    return "\n".join(lines) + "\n"


def _summary(item: dict[str, Any], peer: dict[str, Any]) -> str:
    board = item["leaderboard"]
    rows = [next(row for row in board if row["kind"] == kind) for kind in ("metamodel", "net")]
    # Not the best of all trees, which would be chosen on the rows that it is judged on: those that the peers have.
    trees = [row for row in board if row["kind"] == "boosting"]
    rows.append(trees[0] if len(trees) == 1 else next(row for row in trees if row["model"] == ALL_DOMAINS))
    figures = [f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]" for row in rows]
    peer_figure = f"{peer['all_domains']:.4f} ± {peer['error']:.4f}"
    cells = [item["set"], item["task"], peer["metric"], *figures, peer_figure, f"{item['seconds'] / 60:.1f} min"]
    return f"| {' | '.join(cells)} |"


def _board(rows: list[dict[str, Any]]) -> list[str]:
    return [
        "| model | kind | value | interval | rows |",
        "|---|---|---|---|---|",
        *(
            f"| {row['model']} | {row['kind']} | {row['value']:.4f} | {row['low']:.4f} to {row['high']:.4f} "
            f"| {row['rows']:,} |"
            for row in rows
        ),
    ]


def main() -> None:
    """Run the sets that are named, or all; write the page only for all."""
    data = data_folder()
    names = sys.argv[1:] or sorted(path.name for path in DEPLOYMENTS.iterdir())
    found = [item for name in names for item in run_set(name, data)]
    page = render(found)
    if sys.argv[1:]:
        print(page)
    else:
        RESULTS.write_text(page, encoding="utf-8")
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
