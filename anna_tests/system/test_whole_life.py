"""The whole life of a model: refused, promoted by two, scoring by itself, drifting, followed, and back again."""

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from anna_core.months import parse_month
from anna_core.periods import Cadence, Period
from anna_resources.artifacts.production import ProductionScores
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.repository import Repository
from anna_tests.receivers import Mailbox, Webhook
from anna_tests.system.conftest import FAST_TASK, Running

pytestmark = pytest.mark.system

TASK = "leave"
OVER = [part for gate in ("of_use", "calibrated", "stable", "not_worse") for part in ("--override", f"{gate}=a test")]
DOMAINS = ("card_transactions", "credit_history")


def months_of(home: Path, month: str) -> list[Path]:
    return [home / "warehouse" / domain / f"load_month={month}" for domain in DOMAINS]


def hold_back(home: Path, month: str) -> None:
    """Take a month's events out of the warehouse, as if they had not come yet."""
    for folder in months_of(home, month):
        shutil.move(folder, home / "later" / folder.relative_to(home))


def deliver(home: Path, month: str, drifted: bool = False) -> None:
    """Let a month's events arrive; drifted, nine of ten clients have no card any more, and amounts another unit."""
    for folder in months_of(home, month):
        there = home / "later" / folder.relative_to(home) / "part-000.parquet"
        events = pl.read_parquet(there)
        if drifted and "card_transactions" in str(folder):
            events = events.filter(pl.col("client_id").cast(pl.Int64) % 10 == 0).with_columns(pl.col("amount") * 1000)
        folder.mkdir(parents=True)
        events.write_parquet(folder / ".part")
        (folder / ".part").rename(folder / "part-000.parquet")


def pressed(running: Running, *words: str, who: str = "anna", fails: bool = False) -> str:
    done = running.anna(*words, "--who", who, "--why", "a test")
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_a_model_lives_from_its_sample_to_its_rollback(running: Running, hook: Webhook, mails: Mailbox) -> None:
    home = running.home
    champions = Champions(Repository(home / "ledger", home / "storage" / "ledger" / "heads.json"))
    scores = ProductionScores.below(home / "storage", TASK, Cadence.MONTH)

    def scored(month: str, by: str) -> Any:
        def ready() -> Any:
            latest = scores.latest_done()
            return latest if latest is not None and (latest.period, latest.model) == (month, by) else None

        return running.until(f"the scores of {month} by {by}", ready)

    for month in ("2024-11", "2024-12"):
        hold_back(home, month)
    first = running.drop(TASK, "first", f"{FAST_TASK}approval: four_eyes\nretrain: on_drift\n")
    running.until_trained(first)

    assert "is not promoted, as it does not pass" in pressed(running, "promote", first, fails=True)
    assert champions.current(TASK) is None
    assert "asks for" in pressed(running, "promote", first, *OVER)
    assert "somebody else must approve it" in pressed(running, "approve", TASK, fails=True)
    assert f"{first} is champion since" in pressed(running, "approve", TASK, who="boris")
    assert scored("2024-09", first).rows > 500  # of October nobody knows yet whether all of it is there

    outcomes = home / "inbox" / TASK / "outcomes"
    outcomes.mkdir()
    known = scores.of(Period(parse_month("2024-09"))).read()
    right = known.select("client_id", "as_of", target=(pl.col("score") > pl.col("score").quantile(0.8)).cast(pl.Int8))
    right.write_csv(outcomes / "september.csv")
    deliver(home, "2024-11", drifted=True)
    deliver(home, "2024-12", drifted=True)
    scored("2024-11", first)

    def alarm() -> bool:
        mailed = [str(mail["Subject"]) for _, mail in mails.got]
        return any(f"{TASK} 2024-1" in title and "drift" in title and title in mailed for title in hook.titles())

    running.until("the alarm, by mail and by webhook", alarm)

    def followed() -> list[str]:
        return [
            str(run["tags"]) for run in running.runs(pipelineName="train") if f"{TASK}.retrain-" in str(run["tags"])
        ]

    running.until("the launch of a fresh candidate", followed)
    file = next((home / "inbox" / TASK).glob("retrain-*.parquet"))
    second = f"{TASK}.{file.stem}"
    running.until_trained(second)
    assert champions.current(TASK).tag == first  # type: ignore[union-attr]  # never by itself

    pressed(running, "promote", second, *OVER)
    assert f"{second} is champion since" in pressed(running, "approve", TASK, who="boris")
    pressed(running, "rollback", TASK)
    assert f"{first} is champion since" in pressed(running, "approve", TASK, who="boris")
    assert [past.tag for past in champions.past(TASK)] == [first, second, first]
    assert {past.approved_by for past in champions.past(TASK)} == {"boris"}

    told = [f"ANNA: {first} is promoted by anna", f"ANNA: {second} is promoted by anna"]
    running.until("word of it", lambda: set(told) <= set(hook.titles()))
