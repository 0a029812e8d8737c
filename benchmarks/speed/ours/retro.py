"""ANNA, one more month of retro-scores: the steps of the assets, in one process, one domain after another.

history → embedding of each domain → scores. The nets' arithmetic is the time inside their `forward`, told by hooks;
all else is building histories, reading, gathering batches, and writing.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import torch

from anna_core.domains import Domain
from anna_core.months import next_month
from anna_core.scoring.domain_model import DomainModel
from anna_core.scoring.metamodel import Metamodel
from anna_core.scoring.scores_file import score_frame
from anna_core.scoring.vectors_file import StoredVectors
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
            clients = score(bank, folder)
    seconds = {f"{part}_seconds": clock.seconds for part, clock in clocks.items()}
    report(watch, events, clients=clients, **seconds)


def embed(bank: RetroBank, domain: Domain, folder: Path, threads: int, clocks: dict[str, Stopwatch]) -> int:
    """Build a domain's history, embed all its clients, write their vectors; the events that the net read."""
    place = folder / domain.name
    place.mkdir()
    with clocks["history"].running():
        write_history(domain, bank.dictionary(domain), bank.mart(domain), LAST_MONTH, place)
    with clocks["open"].running():
        history, model = Sequences.open(place), DomainModel.load(bank.model(domain))
    before = clocks["net"].seconds
    with clocks["gather"].running(), _inside_forward(model, clocks["net"]):
        vectors = model.predict(history, threads=threads)
    clocks["gather"].seconds -= clocks["net"].seconds - before
    with clocks["vectors"].running():
        stored = StoredVectors(history.client_id, history.as_of, vectors, model.absent_scores, model.data_version)
        stored.write(_vectors(folder, domain.name), model.spec.task.score_names)
    return int(history.length.sum())


def score(bank: RetroBank, folder: Path) -> int:
    """Score all clients from their vectors and write the scores; the number of clients."""
    model = Metamodel.load(bank.metamodel)
    stored = {name: StoredVectors.read(_vectors(folder, name)) for name in model.domains}
    clients = pl.concat([pl.Series("client_id", part.client_id) for part in stored.values()]).unique().sort()
    order = clients.to_arrow(compat_level=pl.CompatLevel.oldest())
    scores = model.predict({name: part.aligned(order) for name, part in stored.items()})
    as_of = pl.Series("as_of", [next_month(LAST_MONTH)], dtype=pl.Date).new_from_index(0, len(clients))
    frame = score_frame(clients, as_of, scores, model.spec.task.score_names, model.data_version)
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

    hooks = [model.net.register_forward_pre_hook(enter), model.net.register_forward_hook(leave)]
    yield
    for hook in hooks:
        hook.remove()


def _vectors(folder: Path, domain: str) -> Path:
    return folder / f"{domain}.vectors.parquet"


if __name__ == "__main__":
    main()
