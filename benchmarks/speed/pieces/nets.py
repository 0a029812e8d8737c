"""The contestants that train and embed with nets."""

import functools
from pathlib import Path

from benchmarks.speed.dataset import CARDINALITIES, make_dataset, write_dataset
from benchmarks.speed.harness import Bench, Contestant
from benchmarks.speed.shapes import WIDEST_EMBEDDING

LIFESTREAM, PLAIN = "pytorch-lifestream", "plain PyTorch"
AUTOCAST, NO_DROPOUT = f"{LIFESTREAM}, autocast to bf16", f"{LIFESTREAM}, without dropout"
OURS, LIMIT = {p: f"ours {p}" for p in ("fp32", "bf16")}, {p: f"limit {p}" for p in ("fp32", "bf16")}
_PEERS, _OURS = "benchmarks.speed.peers", "benchmarks.speed.ours"


@functools.cache
def dataset_folder(folder: Path) -> Path:
    """Where the nets' data set lies, after it has been drawn; once a run, so that it is never an old one."""
    from anna_core.models.nets.code_embedding import embedding_width

    place = folder / "nets"
    place.mkdir(parents=True, exist_ok=True)
    widths = {name: embedding_width(size, WIDEST_EMBEDDING) for name, size in CARDINALITIES.items()}
    write_dataset(make_dataset(widths), place)
    return place


def precisions(bench: Bench) -> list[str]:
    """fp32, and bf16 where the processor has it."""
    return ["fp32", "bf16"] if bench.machine.has_bf16 else ["fp32"]


def train(name: str, bench: Bench, encoder: str, clients: int, epochs: int, **more: object) -> Contestant:
    """A contestant that trains a net; `more` are its own options."""
    modules = {
        LIFESTREAM: f"{_PEERS}.lifestream_train",
        AUTOCAST: f"{_PEERS}.lifestream_train",
        NO_DROPOUT: f"{_PEERS}.lifestream_train",
        PLAIN: f"{_PEERS}.plain_train",
    }
    return _contestant(name, modules.get(name, f"{_OURS}.train"), bench, encoder, clients, epochs=epochs, **more)


def embed(name: str, bench: Bench, encoder: str, clients: int, **more: object) -> Contestant:
    """A contestant that embeds clients with a net; `more` are its own options."""
    modules = {
        LIFESTREAM: f"{_PEERS}.lifestream_embed",
        AUTOCAST: f"{_PEERS}.lifestream_embed",
        PLAIN: f"{_PEERS}.plain_embed",
    }
    return _contestant(name, modules.get(name, f"{_OURS}.embed"), bench, encoder, clients, **more)


def gemm(precision: str) -> Contestant:
    """The machine's own rate of matrix products."""
    return Contestant(LIMIT[precision], f"{_OURS}.gemm", ("--precision", precision))


def _contestant(name: str, module: str, bench: Bench, encoder: str, clients: int, **options: object) -> Contestant:
    arguments = ["--data", str(dataset_folder(bench.folder)), "--encoder", encoder, "--clients", str(clients)]
    for option, value in options.items():
        arguments += [f"--{option}"] if value is True else [f"--{option}", str(value)]
    return Contestant(name, module, tuple(arguments), seeded=True)
