"""The suite's pieces: each measures one stage and gives rows of the table."""

import importlib
from collections.abc import Callable

from benchmarks.speed.harness import Bench
from benchmarks.speed.results import Row

# In the order of the table. A piece is a module with `measure(bench) -> list[Row]`, imported when it is its turn.
PIECES = {
    "training": "benchmarks.speed.pieces.training",
    "transformer": "benchmarks.speed.pieces.transformer",
    "inference": "benchmarks.speed.pieces.inference",
    "mart": "benchmarks.speed.pieces.mart",
    "sequences": "benchmarks.speed.pieces.sequences",
    "retro": "benchmarks.speed.pieces.retro",
    "scale": "benchmarks.speed.pieces.scale",
    "start_up": "benchmarks.speed.pieces.start_up",
    "gpu": "benchmarks.speed.pieces.gpu",
    "serving": "benchmarks.speed.pieces.serving",
}


def find(name: str) -> Callable[[Bench], list[Row]]:
    """The measuring function of a piece."""
    measure: Callable[[Bench], list[Row]] = importlib.import_module(PIECES[name]).measure
    return measure
