"""A child process in a group of its own, so that stopping it stops whatever it started."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from anna_cli.supervisor.logs import pump

_TIE = Path(__file__).with_name("tie.py")


@dataclass
class Child:
    """One server of the platform.

    Attributes:
        name: what people call it; also the name of its log.
        command: the program and its arguments.
        env: its environment.
        log: file that keeps all it says.
        show: called with each line that it says.
        restartable: whether it may be started again when it dies.
        essential: whether the platform ends when it dies for good.
        restarts: when it was started again of late, in seconds of a clock that only goes forwards.
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    show: Callable[[str], None] = lambda line: None
    restartable: bool = False
    essential: bool = True
    restarts: list[float] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None
    _groups: list[int] = field(default_factory=list)
    _strays: list[psutil.Process] = field(default_factory=list)

    def start(self) -> None:
        """Start the program; the thread that calls must live as long as the child should."""
        # A group that ended is forgotten: the system may give its number to strangers.
        self._groups = [group for group in self._groups if any(_runs(process) for process in _members(group))]
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_TIE), str(os.getpid()), *self.command],
            env=dict(self.env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self._groups.append(self._process.pid)
        assert self._process.stdout is not None
        threading.Thread(
            target=pump, args=(self._process.stdout, self.log, self.show), name=f"log of {self.name}", daemon=True
        ).start()

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._process is not None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    def terminate(self) -> None:
        """Ask it, and all it started, to end."""
        self._strays = [*self._strays, *self._descendants()]
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and all it started, at once."""
        self._signal(signal.SIGKILL)
        for process in self._strays:
            if _runs(process):
                process.kill()
        if self._process is not None:
            self._process.wait()
        self._groups, self._strays = [], []

    def is_gone(self) -> bool:
        """Whether nothing of it runs any more."""
        ended = self._process is None or self._process.poll() is not None
        members = [process for group in self._groups for process in _members(group)]
        return ended and not any(_runs(process) for process in [*members, *self._strays])

    def _descendants(self) -> list[psutil.Process]:
        if self._process is None:
            return []
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _signal(self, number: signal.Signals) -> None:
        for group in self._groups:
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                continue


def stop_all(children: list[Child], grace_seconds: float) -> None:
    """End children together: ask, wait for at most the grace period, then kill what is left.

    A second Ctrl-C ends the wait.
    """
    running = [child for child in children if child.started]
    try:
        for child in running:
            child.terminate()
        wait_gone(running, grace_seconds)
    finally:
        for child in running:
            child.kill()


def wait_gone(children: list[Child], seconds: float) -> None:
    """Wait until nothing of the children runs, for at most so many seconds."""
    pause, waited = threading.Event(), 0.0
    while waited < seconds and not all(child.is_gone() for child in children):
        pause.wait(0.1)
        waited += 0.1


def _members(group: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group:
                yield process
        except ProcessLookupError:
            continue


def _runs(process: psutil.Process) -> bool:
    # A zombie has ended; whether anybody collects it is up to the machine's init.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
