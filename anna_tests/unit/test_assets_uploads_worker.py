"""The worker of the intake: one job at a time, whose death is an answer, and which ends with its caller."""

import datetime as dt
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anna_assets.uploads import worker as module
from anna_assets.uploads.reading import mart_size, upload_size
from anna_assets.uploads.work import Answer, MatchJob
from anna_assets.uploads.worker import Standing, Worker, run_apart

MONTH = dt.date(2024, 1, 1)
PATIENCE = 60  # seconds; only a broken test waits that long


def finish() -> None:
    for thread in threading.enumerate():
        if thread.name == "intake":
            thread.join(PATIENCE)


def test_one_job_at_a_time_and_each_answer_once() -> None:
    may_end = threading.Event()

    def run(job: str) -> str:
        assert may_end.wait(PATIENCE)
        return Answer(warnings=[job]).model_dump_json()

    worker = Worker(run)
    assert worker.ask("a", may_begin=False) is Standing.LEFT
    assert [worker.ask(job) for job in "aab"] == [Standing.BEGUN, Standing.UNDER_WAY, Standing.BUSY]
    may_end.set()
    finish()
    assert worker.ask("b") is Standing.BEGUN  # although nobody came for the answer to a
    finish()
    assert [worker.ask(job) for job in "ab"] == [Answer(warnings=["a"]), Answer(warnings=["b"])]
    assert worker.ask("a", may_begin=False) is Standing.LEFT


def test_answers_that_nobody_comes_for_do_not_pile_up() -> None:
    worker = Worker(lambda job: Answer(warnings=[job]).model_dump_json())
    for number in range(module._KEPT + 1):
        assert worker.ask(str(number)) is Standing.BEGUN
        finish()
    assert worker.ask("0", may_begin=False) is Standing.LEFT
    assert worker.ask("1") == Answer(warnings=["1"])


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("kill -9 $$", "its process was killed, as happens where memory runs out"),
        ("kill -11 $$", "its process was ended by signal 11; the log of the code server may tell more"),
        ("read job; exit 3", "its process ended with code 3; the log of the code server may tell more"),
        ("read job; echo nonsense", "its process gave no answer (ValidationError); the log of"),
        (r"read job; printf '\377'", "its process gave no answer (UnicodeDecodeError); the log of"),
        ("exit 0", "its process gave no answer (ValidationError); the log of"),
    ],
)
def test_a_process_that_dies_or_talks_nonsense_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(program))
    worker = Worker(run_apart)
    worker.ask("{}" * 100_000)  # more than a pipe holds
    finish()
    answer = worker.ask("{}" * 100_000)
    assert isinstance(answer, Answer)
    assert answer.problem.startswith(problem)
    assert answer.passes  # so it is asked for once more


def test_a_process_that_hangs_is_killed_and_that_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "share")  # nobody ever writes to it, so reading it never ends
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nread line < {tmp_path}/share\n")
    program.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(program))
    monkeypatch.setattr(module, "_LONGEST", 0.6)
    worker = Worker(run_apart)
    worker.ask("{}")
    finish()
    assert worker.ask("{}") == Answer(
        problem="its process was ended after 0 minutes, as happens where a share does not answer", passes=True
    )
    for thread in threading.enumerate():
        if thread.name == "intake process":
            thread.join(PATIENCE)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_process_that_cannot_be_killed_keeps_no_other_job_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "share")
    share = os.open(tmp_path / "share", os.O_RDWR)  # never waits for a reader: the child may have been killed unborn
    program = tmp_path / "python"  # the child that it begins outlives it, and keeps its output open
    program.write_text(f"#!/bin/sh\n(read line < {tmp_path}/share) & wait\n")
    program.chmod(0o755)
    monkeypatch.setattr(module.sys, "executable", str(program))
    monkeypatch.setattr(module, "_LONGEST", 0.1)
    worker = Worker(run_apart)
    worker.ask("a")
    finish()
    assert worker.ask("b") is Standing.BEGUN
    finish()
    os.close(share)  # lets the children go


def test_a_process_whose_caller_is_gone_ends(tmp_path: Path) -> None:
    pipe = tmp_path / "q1.csv"
    os.mkfifo(pipe)  # nobody ever writes to it, so the reading never ends
    command = [sys.executable, "-m", "anna_assets.uploads.work"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(
            MatchJob(file=pipe, content="x", marts=[], observed=[], kept=(MONTH, MONTH)).model_dump_json() + "\n"
        )
        process.stdin.close()
        assert process.wait(PATIENCE) == 1


def test_packed_files_count_as_what_they_hold() -> None:
    states = dict.fromkeys(("q1.csv", "Q2.CSV", "q3.csv.gz", "q4.parquet"), (10, 0, 0, 0))
    assert upload_size(states) == 10 + 10 + 50 + 50


def test_months_without_a_mart_take_no_time(tmp_path: Path) -> None:
    (tmp_path / "events.parquet").write_bytes(b"0" * 105)
    assert mart_size([tmp_path / "events.parquet", tmp_path / "none.parquet"]) == 10
