"""One more month of retro-scores for all clients of a simulated bank: how much of the time is the nets' arithmetic."""

import statistics

from benchmarks.speed.harness import Bench, Contestant, median_fact
from benchmarks.speed.results import Row, compare

AT_LEAST = 0.7
OURS = "ours"
_TOLD = {
    "history": "building histories",
    "open": "opening",
    "net": "nets",
    "gather": "gathering and aggregates",
    "vectors": "writing vectors",
    "scores": "trees, metamodel and scores",
}


def measure(bench: Bench) -> list[Row]:
    """One row: seconds of all against seconds inside the nets."""
    from benchmarks.speed.ours.retro_bank import RetroBank

    bank = RetroBank(bench.folder / f"retro-{bench.retro_clients}")
    bank.prepare(bench.retro_clients, bench.threads)
    runs = bench.race([Contestant(OURS, "benchmarks.speed.ours.score_month", ("--data", str(bank.folder)))])[OURS]
    parts = {told: median_fact(runs, f"{part}_seconds") for part, told in _TOLD.items()}
    whole = statistics.median(run.seconds for run in runs)
    spent = ", ".join(f"{told} {seconds:.1f} s" for told, seconds in parts.items())
    note = f"{runs[0].facts['clients']:,.0f} clients, {runs[0].events:,.0f} events: {spent}."
    against = "of which inside the nets' forward"
    return [
        compare(
            "a month of retro-scores, 3 domains",
            against,
            whole,
            parts["nets"],
            at_least=AT_LEAST,
            unit="s",
            less_is_better=True,
            note=note,
        )
    ]
