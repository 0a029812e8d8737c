"""One step of a production scoring run, in a process of its own: prints time and peak memory as a line of JSON."""

import argparse
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import torch

from anna_core import storage
from anna_core.marts.dictionary import read_dictionary
from anna_core.memory import DEFAULT_MEMORY
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.trees.model import BoostingModel
from anna_core.months import months_between, next_month
from anna_core.scoring.clients import ClientScorer
from anna_core.scoring.launch_facts import LaunchFacts
from anna_core.scoring.launch_model import LaunchModel
from anna_core.scoring.published import published
from anna_core.sequences.build import write_history
from anna_core.sequences.ragged import Sequences
from anna_core.sources.source import MOST_LEFT_ASIDE, Source
from benchmarks.speed.ours.bank_domain import built_months
from benchmarks.speed.ours.retro_bank import ZONE, RetroBank
from benchmarks.speed.scale_step import measured

FIRST, LAST = dt.date(2024, 9, 1), dt.date(2024, 12, 1)  # events that are delivered in October may be of September


def _marts(home: Path, bank: RetroBank, _: int) -> int:
    rows = 0
    for name, domain in bank.domains.items():
        source = Source(domain, home, ZONE, 0.0, MOST_LEFT_ASIDE)
        months = months_between(FIRST, LAST)
        rows += sum(one.rows for one in built_months(source, months, home / "mart" / name, home / "dictionary" / name))
    return rows


def _histories(home: Path, bank: RetroBank, _: int) -> int:
    events = 0
    for name, domain in bank.domains.items():
        dictionary = read_dictionary(domain, home / "dictionary" / name)
        with storage.write_directory(home / "history" / name) as folder:
            made = write_history(domain, dictionary, home / "mart" / name, next_month(LAST), folder, DEFAULT_MEMORY)
        events += len(made.event_time)
    return events


def _scores(home: Path, bank: RetroBank, threads: int) -> int:
    torch.set_num_threads(threads)
    metamodel = Metamodel.load(bank.metamodel)
    task, domains = bank.sample().task, tuple(bank.domains.values())
    facts = LaunchFacts(tag="churn.bench", task=task, domains=domains, time_zone=ZONE, marts={}, code="bench")
    nets = {name: DomainModel.load(bank.model(domain)) for name, domain in bank.domains.items()}
    scorer = ClientScorer(metamodel, {name: BoostingModel.load(bank.trees(name)) for name in bank.boosters})
    histories = {name: Sequences.open(storage.read_directory(home / "history" / name)) for name in bank.domains}
    scores = LaunchModel(facts, nets, scorer).score(histories, next_month(LAST), threads)
    with storage.write_file(home / "scores.parquet") as temporary:
        published(scores, histories, facts.tag).write_parquet(temporary)
    return sum(int(history.length.sum()) for history in histories.values())


STEPS: dict[str, Callable[[Path, RetroBank, int], int]] = {
    "marts": _marts,
    "histories": _histories,
    "scores": _scores,
}


def main() -> None:
    """Run one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STEPS)
    parser.add_argument("home", type=Path)
    parser.add_argument("trained", type=Path, help="the bank whose models score")
    parser.add_argument("threads", type=int)
    given = parser.parse_args()
    measured(lambda: STEPS[given.stage](given.home, RetroBank(given.trained), given.threads))


if __name__ == "__main__":
    main()
