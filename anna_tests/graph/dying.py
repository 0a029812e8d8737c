"""Processes that kill themselves in the midst of their work, so that the moment is the same each time.

They are forked from a process that has read the code and begun no thread: whoever has used polars or torch cannot be.
"""

import importlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NoReturn

from anna_tests.graph.conftest import TRAINED, Deployment, deployed

_ENDED = -signal.SIGKILL
_SECONDS = 120

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([__name__, "anna_tests.graph.test_champion", "anna_core.scoring.launch_model"])


def dies(home: Path, work: Callable[[Deployment], Any], at: str, how: Callable[..., NoReturn]) -> None:
    """Do something in a process that is killed where it comes to a function.

    Args:
        home: of a deployment with `TRAINED`.
        work: a function of a module.
        at: module and name of the function, as in `package.module:Class.function`.
        how: called in its stead, with the function before its arguments: `before` or `after`, say.
    """
    process = _forks.Process(target=_work, args=(home, work, at, how))
    process.start()
    process.join(_SECONDS)
    assert process.exitcode == _ENDED, f"it did not come to {at}: {process.exitcode}"


def at_once(home: Path, works: list[Callable[[Deployment], bool]], at: str) -> list[bool]:
    """Do some things in a process each, all of which wait for each other where they come to a function.

    Returns:
        What each of them gave.
    """
    together = _forks.Barrier(len(works))
    processes = [_forks.Process(target=_together, args=(home, work, at, together)) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join(_SECONDS)
    assert {process.exitcode for process in processes} <= {0, 1}
    return [process.exitcode == 0 for process in processes]


def before(real: Callable[..., Any], *arguments: Any, **more: Any) -> NoReturn:
    """End before the function."""
    die()


def after(real: Callable[..., Any], *arguments: Any, **more: Any) -> NoReturn:
    """End as soon as the function is done."""
    real(*arguments, **more)
    die()


def halfway(real: Callable[..., Any], *arguments: Any, **more: Any) -> NoReturn:
    """End when half of the file is written that the function writes, whose name is its last argument."""
    real(*arguments, **more)
    file = Path(arguments[-1])
    os.truncate(file, file.stat().st_size // 2)
    die()


def die() -> NoReturn:
    """End as whoever is killed ends."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes on")


def _work(home: Path, work: Callable[[Deployment], Any], at: str, how: Callable[..., NoReturn]) -> None:
    _wrap(at, how)
    _in_deployment(home, work)


def _together(home: Path, work: Callable[[Deployment], bool], at: str, barrier: Barrier) -> None:
    def wait(real: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        barrier.wait(_SECONDS)
        return real(*arguments, **more)

    _wrap(at, wait)
    raise SystemExit(0 if _in_deployment(home, work) else 1)


def _in_deployment(home: Path, work: Callable[[Deployment], Any]) -> Any:
    with deployed(home) as found:
        found.instance.add_dynamic_partitions("sample", list(TRAINED))
        found.instance.add_dynamic_partitions("task", ["churn"])
        return work(found)


def _wrap(at: str, how: Callable[..., Any]) -> None:
    module, _, name = at.partition(":")
    *owners, last = name.split(".")
    owner: Any = importlib.import_module(module)
    for one in owners:
        owner = getattr(owner, one)
    real = getattr(owner, last)
    setattr(owner, last, lambda *arguments, **more: how(real, *arguments, **more))
