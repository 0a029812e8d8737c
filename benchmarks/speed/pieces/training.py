"""Training of a GRU of width 256, against pytorch-lifestream, plain PyTorch and the machine's matrix products."""

from benchmarks.speed.dataset import CLIENT_COUNT
from benchmarks.speed.harness import Bench, Contestant, median_fact
from benchmarks.speed.pieces.nets import AUTOCAST, LIFESTREAM, LIMIT, OURS, PLAIN, gemm, precisions, train
from benchmarks.speed.results import Row, Run, compare, median_metric, median_rate, spread

EPOCHS = 3
PROBE_CLIENTS = 600
BATCHES = (8, 16, 32, 64, 128)
AT_LEAST = {"fp32": 6.0, "bf16": 10.0}
AT_LEAST_OF_LIMIT = 0.5
# A speed that costs quality does not count: so far the metric may lie below the peer's. Of 1,000 validation clients an
# AUC near 0.8 has a standard error of 0.014.
METRIC_TOLERANCE = 0.01


def measure(bench: Bench) -> list[Row]:
    """Rows of events a second of training epochs; the note tells the validation ROC AUC after as many epochs."""
    best = _best_setting(bench)
    contestants = [
        _lifestream(LIFESTREAM, bench, CLIENT_COUNT, EPOCHS, best),
        train(PLAIN, bench, "gru", CLIENT_COUNT, EPOCHS),
    ]
    for precision in precisions(bench):
        contestants += [
            train(OURS[precision], bench, "gru", CLIENT_COUNT, EPOCHS, precision=precision),
            gemm(precision),
        ]
    if bench.machine.has_bf16:
        contestants.append(_lifestream(AUTOCAST, bench, CLIENT_COUNT, EPOCHS, best, autocast=True))
    runs = bench.race(contestants)
    rows = [row for precision in precisions(bench) for row in _rows(precision, runs, best)]
    return rows if bench.machine.has_bf16 else [*rows, no_bf16("training, GRU 256, bf16", AT_LEAST["bf16"])]


def no_bf16(stage: str, at_least: float) -> Row:
    """The row of a machine whose processor has no bf16."""
    note = "Skipped: the processor has neither AVX512-BF16 nor AMX."
    return Row(stage=stage, against=LIFESTREAM, at_least=at_least, note=note)


def unless_worse(row: Row, ours: float, peer: float) -> Row:
    """The row, not met if our metric is worse than the peer's."""
    if row.met and ours < peer - METRIC_TOLERANCE:
        return row.model_copy(update={"met": False, "note": f"{row.note} Fast enough, but of lower quality."})
    return row


def _best_setting(bench: Bench) -> dict[str, int]:
    """The peer's best batch size, then whether loading in workers makes it faster still."""
    settings = [{"batch": batch, "workers": 0} for batch in BATCHES]
    tried = {_lifestream(LIFESTREAM, bench, PROBE_CLIENTS, 1, setting): setting for setting in settings}
    best = tried[bench.best(list(tried))]
    pair = [best, {**best, "workers": bench.threads}]
    tried = {_lifestream(LIFESTREAM, bench, PROBE_CLIENTS, 1, setting): setting for setting in pair}
    return tried[bench.best(list(tried))]


def _lifestream(
    name: str, bench: Bench, clients: int, epochs: int, setting: dict[str, int], **more: object
) -> Contestant:
    return train(name, bench, "gru", clients, epochs, **setting, **more)


def _rows(precision: str, runs: dict[str, list[Run]], best: dict[str, int]) -> list[Row]:
    stage = f"training, GRU 256, {precision}"
    ours = runs[OURS[precision]]
    quality = f"ROC AUC after {EPOCHS} epochs {median_metric(ours):.4f}, {spread(ours)} events/s"
    rows = []
    for name in (LIFESTREAM, AUTOCAST, PLAIN):
        if name not in runs or (name == AUTOCAST and precision == "fp32"):
            continue
        peer = runs[name]
        setting = "" if name == PLAIN else f" at batch {best['batch']}, {best['workers']} workers"
        told = f"Ours: {quality}. " if name == LIFESTREAM else ""
        note = f"{told}Peer{setting}: {median_metric(peer):.4f}, {spread(peer)}."
        asked = AT_LEAST[precision] if name == LIFESTREAM else None
        row = compare(stage, name, median_rate(ours), median_rate(peer), at_least=asked, note=note)
        rows.append(unless_worse(row, median_metric(ours), median_metric(peer)))
    limit = runs[LIMIT[precision]]
    note = f"1.34 MFLOP an event at {median_fact(limit, 'gflop_a_second'):,.0f} GFLOP/s, measured in the same rounds."
    asked = AT_LEAST_OF_LIMIT if precision == "fp32" else None
    against = f"the machine's {precision} matrix products"
    rows.append(compare(stage, against, median_rate(ours), median_rate(limit), at_least=asked, note=note))
    return rows
