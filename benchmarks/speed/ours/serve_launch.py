"""ANNA, serving: `mlflow models serve` answers raw events; and how long the same takes without a server."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anna_core.models.device import memory_kept
from anna_core.scoring.client_events import read_records
from anna_core.scoring.event_scorer import EventScorer
from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.asking import WARM_UP, latencies, seconds_of, serving
from benchmarks.speed.ours.serving_bank import MANY, ServingBank, events_in

TIMEOUT = {"MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "600"}


def main() -> None:
    """Ask the server for one client, and in between the scorer itself; then the server for many."""
    given = orders(__doc__).parse_args()
    bank, watch = ServingBank(given.data), Stopwatch()
    one, many = bank.one(), bank.many()
    model = ["-m", str(bank.served), "--env-manager", "local"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # of the programs that MLflow calls

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "mlflow", "models", "serve", *model, "-p", str(port)]

    inside = Inside.of(bank.launch, one, given.threads)
    with serving(command, given.data / "serve_launch.log", PATH=path, **TIMEOUT) as url, watch.running():
        taken = latencies(f"{url}/invocations", {"dataframe_records": one}, inside.answer)
        large = seconds_of(f"{url}/invocations", {"dataframe_records": many})
    parts = np.array(inside.taken[WARM_UP:]) * 1e3
    read, nets, blend = np.median(parts, axis=0)
    report(
        watch,
        events_in(many),
        p50=float(np.median(taken)),
        p95=float(np.quantile(taken, 0.95)),
        clients_a_second=MANY / large,
        read_ms=float(read),
        nets_ms=float(nets),
        blend_ms=float(blend),
        server_ms=float(np.median(taken - parts.sum(axis=1))),
    )


@dataclass
class Inside:
    """The same answer in this process, after each of the server's, so that the machine is as busy with both.

    Attributes:
        scorer: of the launch.
        one: the client, as a request has it.
        taken: seconds of each answer: from records to sequences; nets; trees and metamodel.
    """

    scorer: EventScorer
    one: list[dict[str, Any]]
    taken: list[tuple[float, float, float]] = field(default_factory=list)

    @classmethod
    def of(cls, launch: Path, one: list[dict[str, Any]], threads: int) -> "Inside":
        """Load a launch for a client."""
        torch.set_num_threads(threads)
        return cls(EventScorer.load(launch, threads), one)

    def answer(self) -> None:
        """Answer once."""
        scorer, threads = self.scorer, self.scorer.threads
        with memory_kept():
            begun = time.perf_counter()
            sequences = scorer.sequences(read_records(self.one, scorer.domains))
            read = time.perf_counter()
            nets = {name: net.predict(sequences[name], threads) for name, net in scorer.model.nets.items()}
            embedded = time.perf_counter()
            scorer.model.scorer.blend(nets, sequences, threads)
            self.taken.append((read - begun, embedded - read, time.perf_counter() - embedded))


if __name__ == "__main__":
    main()
