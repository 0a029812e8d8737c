"""Names on a terminal of 80 columns: as long as they may be, and shown whole."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from anna_cli.backfills import progress_columns
from anna_cli.launch import Launch, State, Step, Training
from anna_cli.launch_view import render
from anna_cli.report_reader import Report, print_report

DOMAIN = "d" + "_card_transactions"[:18] * 2 + "_abc"  # 41 characters, the longest that a domain's name may be
KEY = "t" * 60 + "." + "s" * 39  # 100, the longest of a partition
TRAINING = Training(3, 30, 3, 5, "roc_auc", 0.61, 12345.0, 95.0, is_best=True, best_value=0.61, best_epoch=3)


def shown(*renderables, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(*renderables)
    lines = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    return lines


def launch(name):
    steps = (
        Step(f"sequences__{name}", State.FINISHED, 100.0, 105.0),
        Step(f"model__{name}", State.RUNNING, 110.0, training=TRAINING),
        Step("report", State.WAITING),
    )
    return Launch("r1", KEY, "train", State.RUNNING, 90.0, 100.0, None, steps)


def test_the_longest_name_is_41_characters():
    assert len(DOMAIN) == 41


@pytest.mark.parametrize("name", ["cards", "account_transactions", DOMAIN])
def test_steps_of_a_launch_are_named_whole_and_figures_give_way(name):
    lines = shown(render([launch(name)], now=170.0))
    assert KEY in "".join(line.strip() for line in lines)  # in two lines
    assert any(f"✓ sequences/{name}" in line for line in lines)
    [training] = [line for line in lines if f"▶ model/{name}" in line]
    assert "━" in training
    assert training.rstrip().endswith("…")
    [wide] = [line for line in shown(render([launch(name)], now=170.0), width=160) if f"▶ model/{name}" in line]
    assert wide.rstrip().endswith("1 min 00 s net 3/5 epoch 3/30 roc_auc 0.6100, 1 min 35 s left, 12,345 events/s")


def row(model, kind, lead):
    return {
        "model": model, "kind": kind, "value": 0.7123, "low": 0.65, "high": 0.75, "rows": 4400, "metric": "roc_auc",
        "lead": lead,
    }  # fmt: skip


@pytest.mark.parametrize("width", [80, 70])
def test_models_of_a_leaderboard_are_named_whole_in_more_lines_where_need_be(width):
    board = [row("metamodel", "metamodel", ""), row(DOMAIN, "boosting", "+0.012 [−0.003, +0.027]")]
    report = Report(KEY, board, "Better than a constant.", ["cards: test rows[1] moved."], Path("/x/report.html"))
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    print_report(report, console)
    lines = console.file.getvalue().splitlines()
    text = "\n".join(lines)
    assert "…" not in text
    assert "Warning: cards: test rows[1] moved." in text
    assert "+0.012 [−0.003, +0.027]" in text
    begin = next(index for index, line in enumerate(lines) if line.startswith(DOMAIN[:5]))
    pieces = [re.match(r"\S*", line)[0] for line in lines[begin:] if line.strip()]
    assert "".join(pieces).startswith(DOMAIN)
    assert KEY in "".join(line.strip() for line in lines)


def test_assets_of_a_backfill_are_named_whole():
    asset = f"retro/embedding/{DOMAIN}"
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    progress = Progress(*progress_columns(), console=console)
    progress.add_task(asset, total=12, completed=3)
    lines = shown(progress.make_tasks_table(progress.tasks))
    assert any(asset in line and "3/12" in line for line in lines)


def test_a_shorter_name_leaves_more_room_for_figures():
    short = [line for line in shown(render([launch("cards")], now=170.0)) if "▶ model/cards" in line]
    assert "epoch 3/30" in short[0]
    other = replace(launch("cards"), steps=launch(DOMAIN).steps)
    assert "epoch" not in "".join(shown(render([other], now=170.0)))
