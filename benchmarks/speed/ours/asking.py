"""Asking a server over HTTP, as both contestants of the serving piece do: one client many times, many clients a few."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests

from anna_cli.supervisor.ports import free_port

WARM_UP, ASKED, LARGE = 5, 40, 3  # requests
_PATIENCE_SECONDS = 300.0


class ServerEndedError(Exception):
    """A server ended, or does not answer."""


@contextmanager
def serving(command: Callable[[int], list[str]], log: Path, **told: str) -> Iterator[str]:
    """The address of a server while it runs.

    Args:
        command: port → the program and its arguments.
        log: what it says.
        told: variables of its environment.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            command(port), env={**os.environ, **told}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > end:
                raise ServerEndedError(f"{command(port)} does not serve; see {log}")
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def latencies(url: str, body: object, between: Callable[[], object] = lambda: None) -> np.ndarray:
    """Milliseconds (n,) of requests one after another, on one connection; `between` is called after each."""
    content, taken = json.dumps(body).encode(), []
    with requests.Session() as session:
        for turn in range(WARM_UP + ASKED):
            begun = time.perf_counter()
            _ask(session, url, content)
            if turn >= WARM_UP:
                taken.append((time.perf_counter() - begun) * 1e3)
            between()
    return np.array(taken)


def seconds_of(url: str, body: object) -> float:
    """Seconds of a large request, the fastest of a few."""
    content, taken = json.dumps(body).encode(), []
    with requests.Session() as session:
        for _ in range(LARGE):
            begun = time.perf_counter()
            _ask(session, url, content)
            taken.append(time.perf_counter() - begun)
    return min(taken)


def _ask(session: requests.Session, url: str, content: bytes) -> None:
    answer = session.post(url, data=content, headers={"Content-Type": "application/json"}, timeout=_PATIENCE_SECONDS)
    if not answer.ok:
        raise ServerEndedError(f"{url}: {answer.status_code} {answer.text[:2000]}")


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.ConnectionError:
        return False
