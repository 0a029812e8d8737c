"""Embedding all clients with a GRU of width 256."""

from benchmarks.speed.dataset import CLIENT_COUNT
from benchmarks.speed.harness import Bench
from benchmarks.speed.pieces.nets import AUTOCAST, LIFESTREAM, LIMIT, OURS, PLAIN, embed, gemm, precisions
from benchmarks.speed.pieces.training import no_bf16
from benchmarks.speed.results import Row, Run, compare, median_rate, spread
from benchmarks.speed.shapes import INFERENCE_SHARE

PROBE_CLIENTS = 1_000
BATCHES = (4, 8, 16, 32, 64, 128)
AT_LEAST = {"fp32": 6.0, "bf16": 10.0}


def measure(bench: Bench) -> list[Row]:
    """Rows of events a second, one pass over all clients."""
    tried = {embed(LIFESTREAM, bench, "gru", PROBE_CLIENTS, batch=batch): batch for batch in BATCHES}
    batch = tried[bench.best(list(tried))]
    contestants = [embed(LIFESTREAM, bench, "gru", CLIENT_COUNT, batch=batch), embed(PLAIN, bench, "gru", CLIENT_COUNT)]
    for precision in precisions(bench):
        contestants += [embed(OURS[precision], bench, "gru", CLIENT_COUNT, precision=precision), gemm(precision)]
    if bench.machine.has_bf16:
        contestants.append(embed(AUTOCAST, bench, "gru", CLIENT_COUNT, batch=batch, autocast=True))
    runs = bench.race(contestants)
    rows = [row for precision in precisions(bench) for row in _rows(precision, runs, batch)]
    return rows if bench.machine.has_bf16 else [*rows, no_bf16("inference, GRU 256, bf16", AT_LEAST["bf16"])]


def _rows(precision: str, runs: dict[str, list[Run]], batch: int) -> list[Row]:
    stage = f"inference, GRU 256, {precision}"
    ours, rows = runs[OURS[precision]], []
    for name in (LIFESTREAM, AUTOCAST, PLAIN):
        if name not in runs or (name == AUTOCAST and precision == "fp32"):
            continue
        setting = "" if name == PLAIN else f" at batch {batch}"
        told = f"Ours: {spread(ours)} events/s. " if name == LIFESTREAM else ""
        note = f"{told}Peer{setting}: {spread(runs[name])}."
        asked = AT_LEAST[precision] if name == LIFESTREAM else None
        rows.append(compare(stage, name, median_rate(ours), median_rate(runs[name]), at_least=asked, note=note))
    limit = median_rate(runs[LIMIT[precision]]) / INFERENCE_SHARE
    rows.append(compare(stage, f"the machine's {precision} matrix products", median_rate(ours), limit))
    return rows
