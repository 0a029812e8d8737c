"""From a launch to scores that come by themselves, while whoever makes them is killed."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import psutil
import pytest

from anna_resources.artifacts.production import SCORES_FILE, ProductionScores
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.git import Git
from anna_resources.ledger.remote import Remote
from anna_resources.ledger.repository import Repository
from anna_resources.names import PRODUCTION_TAG
from anna_tests.receivers import Mailbox, Webhook
from anna_tests.system.conftest import Running
from anna_tests.system.test_kill import step_processes

pytestmark = pytest.mark.system

OVER = [part for gate in ("of_use", "calibrated", "stable") for part in ("--override", f"{gate}=a small bank")]


def kill(running: Running, what: str, **filter_: Any) -> None:
    """Wait until a run is at a step, and kill its process."""

    def at_work() -> list[psutil.Process]:
        begun = [run for run in running.runs(**filter_) if run["status"] == "STARTED"]
        return step_processes(running) if begun else []

    forkserver = running.until(what, at_work)[0].parent()
    assert forkserver is not None
    worker = forkserver.parent()
    assert worker is not None
    for process in (worker, *worker.children(recursive=True)):  # a step goes on without its run, and may end its work
        process.send_signal(signal.SIGKILL)


def test_a_champion_scores_by_itself_though_press_and_scoring_are_killed(
    running: Running, trained: str, hook: Webhook, mails: Mailbox
) -> None:
    task = trained.partition(".")[0]
    said = ("--who", "anna", "--why", "a test", *OVER)
    with ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(running.anna, "promote", trained, *said)
        kill(running, "the press", pipelineName="promote")
        done = pressed.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{trained} is champion since" in " ".join(done.stdout.split())
    champions = Champions(Repository(running.home / "ledger", running.home / "storage" / "ledger" / "heads.json"))
    assert [past.tag for past in champions.past(task)] == [trained]
    assert sorted(run["status"] for run in running.runs(pipelineName="promote")) == ["FAILURE", "SUCCESS"]

    kill(running, "the scoring", tags=[{"key": PRODUCTION_TAG, "value": f"{trained} 2024-11"}])
    scores = ProductionScores.below(running.home / "storage", task)
    latest = running.until("the scores", scores.latest_done)
    assert (latest.model, latest.month) == (trained, "2024-11")
    frame = pl.read_parquet(scores.latest / SCORES_FILE)
    assert len(frame) == latest.rows == frame["client_id"].n_unique()
    listed = running.anna("scores", task)
    assert f"as of 2024-12-01 {latest.rows:,} clients by {trained}" in " ".join(listed.stdout.split())
    back = running.anna("rollback", task, "--who", "anna", "--why", "a test")
    assert back.returncode == 1
    assert "there is nothing to go back to" in " ".join(back.stderr.split())

    told = [f"ANNA: {trained} is trained", f"ANNA: {trained} is promoted by anna"]
    running.until("word of it", lambda: told[-1] in hook.titles() and len(mails.got) >= len(hook.got))
    assert [hook.titles().count(title) for title in told] == [1, 1]
    assert hook.titles() == [mail["Subject"] for _, mail in mails.got]
    remote = Remote(champions.repository, str(running.home / "copy.git"))
    running.until("the push", lambda: remote.known().at is not None and not remote.is_behind())
    assert Git(running.home / "copy.git").run("rev-parse", f"task/{task}") == champions.repository.head(f"task/{task}")
