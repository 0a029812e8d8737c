"""The `anna` command against a running deployment."""

import re

import polars as pl
import pytest

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def submitted(running: Running) -> str:
    """The key of a launch that was brought by `anna submit --wait`."""
    sample = running.home / "small.csv"
    pl.read_csv(running.home / "samples" / "overdue.csv").head(800).write_csv(sample)
    options = ["--option", "training.preset=fast", "--option", "training.epochs=1", "--option", "net.hidden=8"]
    done = running.anna("submit", str(sample), "--task", "overdue", "--sample", "cli", *options, "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    return "overdue.cli"


def test_the_command_line_submits_waits_and_reports(running: Running, submitted: str) -> None:
    assert "metamodel" in running.anna("report", submitted).stdout


def test_past_months_are_scored(running: Running, submitted: str) -> None:
    scored = running.anna("retro", submitted, "--from", "2024-11", "--to", "2024-12", "--wait")
    assert scored.returncode == 0, scored.stdout + scored.stderr
    told = [line.split() for line in scored.stdout.splitlines() if line.strip().startswith("2024-1")]
    assert [words[0] for words in told] == ["2024-11", "2024-12"]
    for words in told:
        scores = pl.read_parquet(words[-1])
        assert f"{len(scores):,}" == words[1]
        assert scores["score"].is_between(0, 1).all()
        assert scores["score"].n_unique() > len(scores) / 2


def test_upkeep_shows_what_is_too_old_and_removes_nothing_that_is_not(running: Running, submitted: str) -> None:
    for arguments in (["prune"], ["prune", "--yes"]):
        done = running.anna(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        for kind in ("launches", "deleted"):
            assert re.search(rf"^ *{kind} +0 +0B *$", done.stdout, re.MULTILINE), done.stdout
    assert "metamodel" in running.anna("report", submitted).stdout


def test_a_bad_sample_is_refused_with_its_reason(running: Running) -> None:
    sample = running.home / "bad.csv"
    sample.write_text("client_id,as_of,target\n1,yesterday,1\n2,2024-01-01,0\n")
    refused = running.anna("submit", str(sample), "--task", "overdue", "--wait")
    assert refused.returncode == 1
    assert "column as_of is not a whole day" in " ".join((refused.stdout + refused.stderr).split())
    assert "Traceback" not in refused.stdout + refused.stderr
    assert not (running.home / "inbox" / "overdue" / "bad.csv").exists()
