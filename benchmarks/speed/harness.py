"""Runs contestants: each in a process of its own, in turns, with the same threads."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.places import ROOT
from benchmarks.speed.machine import Machine
from benchmarks.speed.results import Run

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
_RUN_FIELDS = frozenset(Run.model_fields)


class ContestantFailedError(Exception):
    """A contestant ended with an error, or told nothing."""


@dataclass(frozen=True)
class Contestant:
    """A program that does a thing once, after its own warm-up, and prints one line of JSON (`contest.py`).

    Attributes:
        name: as rows and files call it.
        module: run with `python -m`; modules under `benchmarks.speed.peers` run in the peers' environment.
        arguments: what to do.
        seeded: whether the turn is its seed, so that metrics are medians over seeds.
        gpu: whether it may see the machine's GPUs; others are measured as if there were none.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    seeded: bool = False
    gpu: bool = False

    @property
    def is_peer(self) -> bool:
        """Whether it runs in the peers' environment."""
        return self.module.startswith("benchmarks.speed.peers.")


@dataclass
class Bench:
    """The settings of a measurement, and the runs made under them.

    Attributes:
        rounds: how often each contestant runs.
        threads: of each contestant.
        folder: where data sets lie between runs.
        peers: interpreter of the peers' environment.
        machine: that is measured.
        retro_clients: clients of the retro piece's bank.
        scale_events: sizes of the scale piece's banks.
        runs: made so far.
    """

    rounds: int
    threads: int
    folder: Path
    peers: Path
    machine: Machine
    retro_clients: int
    scale_events: tuple[int, ...]
    runs: list[Run] = field(default_factory=list)

    def race(self, contestants: list[Contestant]) -> dict[str, list[Run]]:
        """Let all run in every round, each round beginning with another; contestant → its runs."""
        found: dict[str, list[Run]] = {contestant.name: [] for contestant in contestants}
        for turn in range(self.rounds):
            first = turn % len(contestants)
            for contestant in contestants[first:] + contestants[:first]:
                found[contestant.name].append(self.run(contestant, turn))
        return found

    def best(self, contestants: list[Contestant]) -> Contestant:
        """The fastest of several settings of a peer, by one run each."""
        return max(contestants, key=lambda contestant: self.run(contestant, 0).rate)

    def run(self, contestant: Contestant, turn: int) -> Run:
        """Run one contestant once.

        Raises:
            ContestantFailedError: with what it wrote to stderr.
        """
        python = self.peers if contestant.is_peer else Path(sys.executable)
        order = [str(python), "-m", contestant.module, *contestant.arguments, "--threads", str(self.threads)]
        if contestant.seeded:
            order += ["--seed", str(turn)]
        ended = subprocess.run(order, cwd=ROOT, env=self._environment(contestant.gpu), capture_output=True, text=True)
        lines = ended.stdout.splitlines()
        if ended.returncode or not lines:
            raise ContestantFailedError(
                f"{contestant.name} ({' '.join(order)}) ended with code {ended.returncode}:\n{ended.stderr[-4000:]}"
            )
        run = parse_run(lines[-1], contestant.name, turn)
        self.runs.append(run)
        metric = "" if run.metric is None else f", metric {run.metric:.4f}"
        print(
            f"  round {turn + 1}: {run.contestant}: {run.rate:,.0f} a second ({run.seconds:.2f} s{metric})",
            file=sys.stderr,
            flush=True,
        )
        return run

    def _environment(self, gpu: bool) -> dict[str, str]:
        settings = dict.fromkeys(_THREAD_SETTINGS, str(self.threads))
        if not gpu:
            settings["CUDA_VISIBLE_DEVICES"] = ""
        return {**os.environ, **settings, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def parse_run(line: str, contestant: str, turn: int) -> Run:
    """A contestant's line as a run; what a run has no field for becomes a fact."""
    told = json.loads(line)
    known = {name: told.pop(name) for name in list(told) if name in _RUN_FIELDS}
    return Run(contestant=contestant, turn=turn, **known, facts=told)


def median_fact(runs: list[Run], name: str) -> float:
    """The median of a fact that all these runs told."""
    return statistics.median(run.facts[name] for run in runs)
