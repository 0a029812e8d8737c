"""ANNA, one more month of retro-scores: the steps of the assets, in one process, one domain after another.

history → embedding of each domain → scores, by trees and metamodel. The nets' arithmetic is the time inside their
`forward`, told by hooks; all else is building histories, reading, gathering batches, aggregates and trees, and writing.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from anna_core.domains import Domain
from anna_core.memory import DEFAULT_MEMORY
from anna_core.models.blend.metamodel import Metamodel
from anna_core.models.nets.domain_model import DomainModel
from anna_core.models.trees.model import BoostingModel
from anna_core.models.vectors_file import StoredVectors
from anna_core.months import next_month
from anna_core.scoring.clients import ClientScorer
from anna_core.sequences.build import write_history
from anna_core.sequences.ragged import Sequences
from benchmarks.speed.contest import Stopwatch, orders, report
from benchmarks.speed.ours.retro_bank import LAST_MONTH, RetroBank

PARTS = ("history", "open", "net", "gather", "vectors", "scores")


def main() -> None:
    """Score the last month of the bank, in which nothing has been warmed up but the file cache."""
    given = orders(__doc__).parse_args()
    torch.set_num_threads(given.threads)
    bank, clocks, watch = RetroBank(given.data), {part: Stopwatch() for part in PARTS}, Stopwatch()
    events = 0
    with tempfile.TemporaryDirectory(dir=given.data) as name, watch.running():
        folder = Path(name)
        for domain in bank.domains.values():
            events += embed(bank, domain, folder, given.threads, clocks)
        with clocks["scores"].running():
            clients = score(bank, folder, given.threads)
    seconds = {f"{part}_seconds": clock.seconds for part, clock in clocks.items()}
    report(watch, events, clients=clients, **seconds)


def embed(bank: RetroBank, domain: Domain, folder: Path, threads: int, clocks: dict[str, Stopwatch]) -> int:
    """Build a domain's history, embed all its clients, write their vectors; the events that the net read."""
    place = folder / domain.name
    place.mkdir()
    with clocks["history"].running():
        write_history(domain, bank.dictionary(domain), bank.mart(domain), next_month(LAST_MONTH), place, DEFAULT_MEMORY)
    with clocks["open"].running():
        history, model = Sequences.open(place), DomainModel.load(bank.model(domain))
    before = clocks["net"].seconds
    with clocks["gather"].running(), _inside_forward(model, clocks["net"]):
        vectors = model.predict(history, threads=threads)
    clocks["gather"].seconds -= clocks["net"].seconds - before
    with clocks["vectors"].running():
        stored = StoredVectors(
            history.client_id,
            history.as_of,
            vectors,
            model.absent_scores,
            model.data_version,
            model.spec.folds,
            history.meta.data_version,
        )
        stored.write(_vectors(folder, domain.name), model.spec.task.score_names)
    return int(history.length.sum())


def score(bank: RetroBank, folder: Path, threads: int) -> int:
    """Score all clients from their vectors and histories and write the scores; the number of clients."""
    scorer = ClientScorer(
        Metamodel.load(bank.metamodel), {name: BoostingModel.load(bank.trees(name)) for name in bank.boosters}
    )
    stored = {name: StoredVectors.read(_vectors(folder, name)) for name in bank.domains}
    histories = {name: Sequences.open(folder / name) for name in bank.domains}
    frame = scorer.score(stored, histories, next_month(LAST_MONTH), threads)
    frame.write_parquet(folder / "scores.parquet")
    return len(frame)


@contextmanager
def _inside_forward(model: DomainModel, clock: Stopwatch) -> Iterator[None]:
    """Count the time that a model's net spends in `forward` within the block."""
    assert model.net is not None, "the bank's domains all have something to learn"
    began = 0.0

    def enter(*_: object) -> None:
        nonlocal began
        began = time.perf_counter()

    def leave(*_: object) -> None:
        clock.seconds += time.perf_counter() - began

    hooks = [
        hook
        for net in model.net.nets
        for hook in (net.register_forward_pre_hook(enter), net.register_forward_hook(leave))
    ]
    yield
    for hook in hooks:
        hook.remove()


def _vectors(folder: Path, domain: str) -> Path:
    return folder / f"{domain}.vectors.parquet"


if __name__ == "__main__":
    main()
