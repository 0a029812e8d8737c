"""Who does long jobs of the intake: a process of its own, one at a time, so that looks at the inbox stay short.

It ends with the process that began it. Then, or after a reload, the job is begun anew: only its time is lost.
"""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum

from anna_assets.uploads.work import Answer

# Seconds after which a job is ended, such as one that waits for a share that does not answer. What is read in that time
# has some 100 GB of CSV, and its clients are looked for among 10^11 events.
_LONGEST = 3600
_KEPT = 100  # answers that nobody has come for, such as of uploads that are gone


class Standing(Enum):
    """How a job without an answer stands."""

    BEGUN = "just begun"
    UNDER_WAY = "under way"
    BUSY = "another is under way"
    LEFT = "not begun"


class Worker:
    """Does one job at a time beside its caller, and keeps each answer until it is taken."""

    def __init__(self, run: Callable[[str], str]) -> None:
        """`run` does a job, see `run_apart`."""
        self._run, self._lock = run, threading.Lock()
        self._job = ""
        self._answers: dict[str, Answer] = {}

    def ask(self, job: str, may_begin: bool = True) -> Answer | Standing:
        """The answer to a job (as JSON), which is then forgotten; or how it stands, as it is begun where it can be."""
        with self._lock:
            if job in self._answers:
                return self._answers.pop(job)
            if self._job == job:
                return Standing.UNDER_WAY
            if not may_begin:
                return Standing.LEFT
            if self._job:
                return Standing.BUSY
            threading.Thread(target=self._work, args=(job,), name="intake", daemon=True).start()
            self._job = job
        return Standing.BEGUN

    def _work(self, job: str) -> None:
        try:
            answer = Answer.model_validate_json(self._run(job))
        except Exception as error:  # whatever it is, it is an answer; or all others would wait for this for ever
            logging.getLogger(__name__).exception("A job of the intake has no answer")
            name = type(error).__name__
            problem = f"its process gave no answer ({name}); the log of the code server tells more"
            answer = Answer(problem=problem, passes=True)
        with self._lock:
            self._answers[job] = answer
            for old in list(self._answers)[:-_KEPT]:
                del self._answers[old]
            self._job = ""


def run_apart(job: str) -> str:
    """Do a job in a process of its own, for an hour at most; return the answer as JSON."""
    command = [sys.executable, "-m", "anna_assets.uploads.work"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    answer = Future[str]()
    threading.Thread(target=_talk, args=(process, job, answer), name="intake process", daemon=True).start()
    try:
        return answer.result(_LONGEST)
    except TimeoutError:
        process.kill()  # and not waited for: where a share does not answer, that may end no process that reads from it
        problem = f"its process was ended after {_LONGEST / 60:.0f} minutes, as happens where a share does not answer"
        return Answer(problem=problem, passes=True).model_dump_json()


def _talk(process: subprocess.Popen[str], job: str, answer: "Future[str]") -> None:
    try:
        answer.set_result(_said(process, job))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is raised where the answer is waited for
        answer.set_exception(error)


def _said(process: subprocess.Popen[str], job: str) -> str:
    """Hand a job to a process, and wait for its answer and its end."""
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{job}\n")
            process.stdin.flush()  # and left open: where this process ends, so does the other
        except BrokenPipeError:
            said = ""  # it died before; its code tells more
        else:
            said = process.stdout.read()
        code = process.wait()
    return Answer(problem=_death(code), passes=True).model_dump_json() if code else said


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, as happens where memory runs out"
    cause = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"its process {cause}; the log of the code server may tell more"
