"""Training and inference of a transformer encoder: width 128, 2 layers, 4 heads, full attention everywhere."""

from benchmarks.speed.harness import Bench
from benchmarks.speed.pieces.nets import LIFESTREAM, NO_DROPOUT, OURS, PLAIN, embed, precisions, train
from benchmarks.speed.results import Row, Run, compare, median_metric, median_rate, spread

CLIENTS = 5_000
PROBE_CLIENTS = 150
BATCHES = (4, 8, 16, 32)
AT_LEAST = 8.0


def measure(bench: Bench) -> list[Row]:
    """Rows of events a second, training an epoch and embedding once."""
    tried = {train(LIFESTREAM, bench, "transformer", PROBE_CLIENTS, 1, batch=batch): batch for batch in BATCHES}
    batch = tried[bench.best(list(tried))]
    contestants = [
        train(LIFESTREAM, bench, "transformer", CLIENTS, 1, batch=batch),
        # Dropout inside attention keeps it off the CPU's fused kernel: half of the peer's time. ANNA drops elsewhere.
        train(NO_DROPOUT, bench, "transformer", CLIENTS, 1, batch=batch, dropout=0.0),
        train(PLAIN, bench, "transformer", CLIENTS, 1),
        *(train(OURS[p], bench, "transformer", CLIENTS, 1, precision=p) for p in precisions(bench)),
    ]
    rows = _rows("training", bench, bench.race(contestants), batch)
    contestants = [
        embed(LIFESTREAM, bench, "transformer", CLIENTS, batch=batch),
        embed(PLAIN, bench, "transformer", CLIENTS),
        *(embed(OURS[p], bench, "transformer", CLIENTS, precision=p) for p in precisions(bench)),
    ]
    return rows + _rows("inference", bench, bench.race(contestants), batch)


def _rows(work: str, bench: Bench, runs: dict[str, list[Run]], batch: int) -> list[Row]:
    rows = []
    for precision in precisions(bench):
        ours = runs[OURS[precision]]
        for name in (LIFESTREAM, NO_DROPOUT, PLAIN):
            if name not in runs:
                continue
            setting = "" if name == PLAIN else f" at batch {batch}"
            told = f"Ours: {_told(ours)}. " if name == LIFESTREAM else ""
            note = f"{told}Peer{setting}: {_told(runs[name])}."
            asked = AT_LEAST if (name, precision, work) == (LIFESTREAM, "fp32", "training") else None
            stage = f"{work}, transformer 128×2, {precision}"
            rows.append(compare(stage, name, median_rate(ours), median_rate(runs[name]), at_least=asked, note=note))
    return rows


def _told(runs: list[Run]) -> str:
    quality = "" if runs[0].metric is None else f", ROC AUC {median_metric(runs):.4f}"
    return f"{spread(runs)} events/s{quality}"
