"""Serving: one client by raw events over HTTP, and a thousand, beside a plain endpoint of the same nets."""

from benchmarks.speed.harness import Bench, Contestant, median_fact
from benchmarks.speed.results import Row, Run, compare

OURS, PLAIN = "mlflow models serve", "plain endpoint"
AGAINST = "FastAPI + PyTorch, the same nets on ready-made codes"


def measure(bench: Bench) -> list[Row]:
    """Rows of milliseconds of one client, and of clients a second."""
    from benchmarks.speed.ours.serving_bank import CLIENTS, EVENTS, MANY, ServingBank

    bank = ServingBank(bench.folder / f"serving-{CLIENTS}")
    bank.prepare(bench.threads)
    told = ("--data", str(bank.folder))
    programs = {OURS: "serve_launch", PLAIN: "serve_plain"}
    runs = bench.race([Contestant(name, f"benchmarks.speed.ours.{module}", told) for name, module in programs.items()])
    rates, events = "clients_a_second", f"{runs[OURS][0].events:,.0f} raw events in all"
    one, many = f"one client, 3 × {EVENTS} raw events", f"{MANY:,} clients a request"
    return [
        _latency(f"{one}: p50", "p50", runs, _parts(runs[OURS])),
        _latency(f"{one}: p95", "p95", runs, ""),
        compare(
            many,
            AGAINST,
            median_fact(runs[OURS], rates),
            median_fact(runs[PLAIN], rates),
            unit="clients/s",
            note=f"{events}; {_spread(runs, rates, '.0f')} clients/s.",
        ),
    ]


def _latency(stage: str, fact: str, runs: dict[str, list[Run]], more: str) -> Row:
    ours, plain = (median_fact(runs[name], fact) for name in (OURS, PLAIN))
    note = f"{_spread(runs, fact, '.0f')} ms.{more}"
    return compare(stage, AGAINST, ours, plain, unit="ms", less_is_better=True, note=note)


def _parts(runs: list[Run]) -> str:
    """How much of a request is whose."""
    read, nets, blend, server = (median_fact(runs, f"{part}_ms") for part in ("read", "nets", "blend", "server"))
    return (
        f" Of ours, from records to sequences {read:.1f} ms, nets {nets:.1f}, trees and metamodel {blend:.1f}; "
        f"MLflow's server and JSON {server:.1f}."
    )


def _spread(runs: dict[str, list[Run]], fact: str, form: str) -> str:
    found = {name: sorted(run.facts[fact] for run in runs[name]) for name in (OURS, PLAIN)}
    return "; ".join(f"{name}: {rates[0]:{form}} to {rates[-1]:{form}}" for name, rates in found.items())
