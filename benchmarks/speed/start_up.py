"""Start-up: loading the graph's definitions, and a training launch with next to nothing to do.

The launch runs every step, each in a process of its own, with an MLflow server as `anna up` starts it; it is held
against the same graph with empty bodies, which is what Dagster itself takes. Run it alone with
`python -m benchmarks.speed.start_up`.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anna_cli.supervisor.ports import free_port
from anna_cli.supervisor.services import DEFINITIONS, child_environment, mlflow_service
from anna_resources.settings import load_settings
from benchmarks.places import ROOT
from benchmarks.speed import empty_graph, tiny_bank

ROUNDS = 3
LOAD_SECONDS, LAUNCH_RATIO = 2.0, 2.0  # what is asked for
HEAVY = ("torch", "mlflow", "pyspark", "lightgbm", "matplotlib", "sklearn", "scipy", "pandas")

_LOAD = f"import sys, {DEFINITIONS} as d; d.defs().get_repository_def(); print(*(set({HEAVY}) & set(sys.modules)))"
_SERVER_SECONDS = 120.0


def measure(rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Medians of interleaved runs.

    Returns:
        Rows of stage, seconds, against, against_seconds, ratio (seconds / against_seconds), all_seconds (of every
        round), and at_most (the ratio that is allowed) where the issue asks for one.
    """
    with tempfile.TemporaryDirectory(prefix="anna-start-up-") as folder, _deployment(Path(folder)) as environment:
        contestants: dict[str, Callable[[], None]] = {
            "load": lambda: _load_definitions(environment),
            "launch": lambda: _launch(DEFINITIONS, empty_graph.JOB, environment),
            "empty": lambda: _launch(empty_graph.MODULE, empty_graph.JOB, environment),
            "preloaded": lambda: _launch(empty_graph.MODULE, empty_graph.PRELOADED_JOB, environment),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for turn in range(rounds + 1):
            for name, run in contestants.items():
                taken = _seconds(run)
                if turn > 0:  # the first round fills the disk's cache and compiles modules
                    seconds[name].append(taken)
    took = {name: statistics.median(taken) for name, taken in seconds.items()}
    return [
        {
            "stage": "load the definitions",
            **_ratio(took["load"], "the limit", LOAD_SECONDS),
            "at_most": 1.0,
            "all_seconds": seconds["load"],
        },
        {
            "stage": "launch with nothing to do",
            **_ratio(took["launch"], "the same graph with empty bodies", took["empty"]),
            "at_most": LAUNCH_RATIO,
            "all_seconds": seconds["launch"],
        },
        {
            "stage": "launch with nothing to do",
            **_ratio(took["launch"], "empty bodies, forked from ANNA's preloaded process", took["preloaded"]),
            "all_seconds": seconds["launch"],
        },
    ]


def _ratio(seconds: float, against: str, against_seconds: float) -> dict[str, Any]:
    return {
        "seconds": seconds, "against": against, "against_seconds": against_seconds, "ratio": seconds / against_seconds,
    }  # fmt: skip


def _seconds(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _load_definitions(environment: Mapping[str, str]) -> None:
    if heavy := _run([sys.executable, "-c", _LOAD], environment).strip():
        sys.exit(f"Loading the definitions loads {heavy}.")


def _launch(module: str, job: str, environment: Mapping[str, str]) -> None:
    tags = json.dumps({"dagster/partition": tiny_bank.KEY})
    _run([sys.executable, "-m", "dagster", "job", "execute", "-m", module, "-j", job, "--tags", tags], environment)


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


@contextmanager
def _deployment(home: Path) -> Iterator[dict[str, str]]:
    """The environment of a small deployment with fresh marts and an MLflow server that answers."""
    tiny_bank.make(home, free_port())
    before = os.environ.get("ANNA_HOME")
    os.environ["ANNA_HOME"] = str(home)
    try:
        settings = load_settings()
        environment = child_environment(settings)
    finally:
        os.environ.pop("ANNA_HOME") if before is None else os.environ.update(ANNA_HOME=before)
    _run([sys.executable, "-m", tiny_bank.__name__], environment)
    server = mlflow_service(settings)
    with (
        open(home / "logs" / "mlflow.log", "w") as log,
        subprocess.Popen(server.command, env=environment, stdout=log, stderr=log, cwd=home) as process,
    ):
        try:
            _await(server.is_ready, process)
            yield environment
        finally:
            process.terminate()


def _await(is_ready: Callable[[], bool], process: subprocess.Popen) -> None:
    until = time.monotonic() + _SERVER_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > until:
            sys.exit("The MLflow server did not start.")
        time.sleep(0.2)


def main() -> None:
    """Measure, and print the rows."""
    for row in measure():
        limit = f" (at most {row['at_most']:g})" if "at_most" in row else ""
        rounds = " ".join(f"{seconds:.1f}" for seconds in row["all_seconds"])
        print(f"{row['stage']}: {row['seconds']:.2f} s ({rounds})")
        print(f"  against {row['against']}, {row['against_seconds']:.2f} s: ratio {row['ratio']:.2f}{limit}")


if __name__ == "__main__":
    main()
