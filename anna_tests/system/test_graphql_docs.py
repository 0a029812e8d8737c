"""docs/graphql.md does what it says: its Python runs, block by block, against a real webserver and daemon."""

import re

import polars as pl
import pytest

from anna_tests.conftest import ROOT
from anna_tests.system.conftest import FAST_TASK, Running

pytestmark = pytest.mark.system


def test_the_page_runs_as_it_is_written(running: Running) -> None:
    text = (ROOT / "docs" / "graphql.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 5
    (running.home / "inbox" / "churn").mkdir(parents=True, exist_ok=True)
    (running.home / "inbox" / "churn" / "task.yaml").write_text(FAST_TASK)
    page: dict[str, object] = {}
    for block in blocks:
        code = block.replace("http://127.0.0.1:3000", f"http://127.0.0.1:{running.port}")
        code = code.replace("/srv/anna/samples/churn.csv", str(running.home / "samples" / "churn.csv"))
        exec(compile(code, "docs/graphql.md", "exec"), page)

    assert {row["kind"] for row in page["leaderboard"]} == {"constant", "boosting", "net", "mean", "metamodel"}
    for month in ("2024-07", "2024-12"):
        path = running.home / f"storage/retro/scores/churn.2024q1/month={month}/scores.parquet"
        scores = pl.read_parquet(path)
        assert scores["client_id"].is_unique().all()
        assert scores["score"].is_between(0, 1).all()
    epochs = page["epochs"]
    assert {event["stepKey"] for event in epochs} >= {"model__card_transactions", "model__credit_history"}
