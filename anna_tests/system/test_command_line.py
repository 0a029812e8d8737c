"""The `anna` command against a running deployment."""

import polars as pl
import pytest

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


def test_the_command_line_submits_waits_and_reports(running: Running) -> None:
    sample = running.home / "small.csv"
    pl.read_csv(running.home / "samples" / "overdue.csv").to_pandas().to_csv(sample, index=False)
    options = ["--option", "training.epochs=1", "--option", "net.hidden=8"]
    submitted = running.anna("submit", str(sample), "--task", "overdue", "--sample", "cli", *options, "--wait")
    assert submitted.returncode == 0, submitted.stdout + submitted.stderr
    report = running.anna("report", "overdue.cli")
    assert "metamodel" in report.stdout
    wrong = running.anna("submit", str(running.home / "anna.yaml"), "--task", "overdue")
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stdout + wrong.stderr
