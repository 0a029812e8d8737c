"""docs/graphql.md does what it says: its Python and its curl run, block by block, on a real webserver and daemon."""

import json
import re
import subprocess
from pathlib import Path

import polars as pl
import pytest

from anna_tests.conftest import ROOT
from anna_tests.system.conftest import FAST_TASK, Running

pytestmark = pytest.mark.system


def test_the_page_runs_as_it_is_written(running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "graphql.md").read_text()
    blocks = re.findall(r"```(python|bash)\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 7
    (running.home / "inbox" / "churn").mkdir(parents=True, exist_ok=True)
    (running.home / "inbox" / "churn" / "task.yaml").write_text(FAST_TASK)
    (tmp_path / ".demo").symlink_to(running.home)
    monkeypatch.chdir(tmp_path)
    page: dict[str, object] = {}
    answers: list[dict] = []
    for language, block in blocks:
        code = block.replace("http://127.0.0.1:3000", f"http://127.0.0.1:{running.port}")
        if language == "python":
            exec(compile(code, "docs/graphql.md", "exec"), page)
            continue
        if answers:  # with the first one's run
            code = code.replace("RUN=...", f"RUN={answers[0]['launchRun']['run']['runId']}")
        said = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True).stdout
        answers.append(json.loads(said)["data"])

    registered, run = answers
    assert registered["launchRun"]["__typename"] == "LaunchRunSuccess"
    assert run["runOrError"]["status"] in ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "SUCCESS")
    assert {row["kind"] for row in page["leaderboard"]} == {"constant", "boosting", "net", "mean", "metamodel"}
    for month in ("2024-07", "2024-12"):
        path = running.home / f"storage/retro/scores/churn.2024q1/month={month}/scores.parquet"
        scores = pl.read_parquet(path)
        assert scores["client_id"].is_unique().all()
        assert scores["score"].is_between(0, 1).all()
    epochs = page["epochs"]
    assert {event["stepKey"] for event in epochs} >= {"model__card_transactions", "model__credit_history"}
