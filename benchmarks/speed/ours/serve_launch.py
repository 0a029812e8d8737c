"""ANNA, serving: `mlflow models serve` answers raw events; and how long the same takes without a server."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import torch

from anna_core.models.device import memory_kept
from anna_core.scoring.client_events import read_records
from anna_core.scoring.event_scorer import EventScorer
from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.asking import ASKED, WARM_UP, latencies, seconds_of, serving
from benchmarks.speed.ours.serving_bank import MANY, ServingBank, events_in

TIMEOUT = {"MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "600"}


def main() -> None:
    """Ask the server for one client and for many, then the scorer itself for the one."""
    given = orders(__doc__).parse_args()
    bank, watch = ServingBank(given.data), Stopwatch()
    one, many = bank.one(), bank.many()
    model = ["-m", str(bank.served), "--env-manager", "local"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # of the programs that MLflow calls

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "mlflow", "models", "serve", *model, "-p", str(port)]

    with serving(command, given.data / "serve_launch.log", PATH=path, **TIMEOUT) as url, watch.running():
        taken = latencies(f"{url}/invocations", {"dataframe_records": one})
        large = seconds_of(f"{url}/invocations", {"dataframe_records": many})
    parts = inside(bank.launch, one, given.threads)
    report(
        watch,
        events_in(many),
        p50=float(np.median(taken)),
        p95=float(np.quantile(taken, 0.95)),
        clients_a_second=MANY / large,
        **parts,
    )


def inside(launch: Path, one: list[dict[str, object]], threads: int) -> dict[str, float]:
    """Median milliseconds of the parts of an answer, in this process."""
    torch.set_num_threads(threads)
    scorer, taken = EventScorer.load(launch, threads), []
    clients = read_records(one, scorer.domains)
    ids, dates = pl.Series(["one"]), pl.Series("as_of", [clients[0].as_of], dtype=pl.Date)
    with memory_kept():
        for _ in range(WARM_UP + ASKED):
            begun = time.perf_counter()
            read_records(one, scorer.domains)
            sequences = {name: scorer.read(name, clients, ids, dates).sequences for name in scorer.domains}
            read = time.perf_counter()
            nets = {name: net.predict(sequences[name], threads) for name, net in scorer.model.nets.items()}
            embedded = time.perf_counter()
            scorer.model.scorer.blend(nets, sequences, threads)
            taken.append((read - begun, embedded - read, time.perf_counter() - embedded))
    read_ms, nets_ms, blend_ms = np.median(np.array(taken[WARM_UP:]), axis=0) * 1e3
    return {"read_ms": float(read_ms), "nets_ms": float(nets_ms), "blend_ms": float(blend_ms)}


if __name__ == "__main__":
    main()
