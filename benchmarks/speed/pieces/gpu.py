"""Training of a GRU of width 256 on a GPU, where there is one, against pytorch-lifestream on the same."""

from dataclasses import replace

from benchmarks.speed.dataset import CLIENT_COUNT
from benchmarks.speed.harness import Bench, Contestant
from benchmarks.speed.pieces.nets import LIFESTREAM, OURS, train
from benchmarks.speed.results import Row, compare, median_metric, median_rate, spread

STAGE = "training on a GPU, GRU 256"
EPOCHS = 4
BATCHES = (32, 128, 512, 2048)
AT_LEAST = 10.0


def measure(bench: Bench) -> list[Row]:
    """One row of events a second, with the product's default settings; or one that says why there is none."""
    import torch

    if not torch.cuda.is_available():
        note = "Skipped: no CUDA device here."
        return [Row(stage=STAGE, against=LIFESTREAM, at_least=AT_LEAST, note=note)]
    tried = {batch: bench.run(_lifestream(bench, 1, batch), 0).rate for batch in BATCHES}
    batch = max(tried, key=tried.__getitem__)
    ours = replace(train(OURS["bf16"], bench, "gru", CLIENT_COUNT, EPOCHS, precision="bf16"), gpu=True)
    runs = bench.race([_lifestream(bench, EPOCHS, batch), ours])
    mine, theirs = runs[ours.name], runs[LIFESTREAM]
    note = (
        f"{torch.cuda.get_device_name()}. Ours: {spread(mine)} events/s, ROC AUC {median_metric(mine):.4f}; "
        f"peer at batch {batch}: {spread(theirs)} events/s, ROC AUC {median_metric(theirs):.4f}. "
        f"Ours has batches of at most 128 rows; the peer in an epoch each: {_rates(tried)}."
    )
    return [compare(STAGE, LIFESTREAM, median_rate(mine), median_rate(theirs), at_least=AT_LEAST, note=note)]


def _rates(tried: dict[int, float]) -> str:
    return ", ".join(f"batch {batch}: {rate:,.0f}" for batch, rate in tried.items())


def _lifestream(bench: Bench, epochs: int, batch: int) -> Contestant:
    return replace(train(LIFESTREAM, bench, "gru", CLIENT_COUNT, epochs, batch=batch), gpu=True)
