"""Where nets compute: CUDA where there is a device, else the CPU with its threads pinned."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def choose_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def pinned_threads(threads: int | None) -> Iterator[None]:
    """Let torch use so many CPU threads within the block; None leaves the number as it is.

    With both cores busy elsewhere, two OpenMP threads can be ten times slower than one (shared/BENCHMARKS.md): steps
    that run side by side must share the cores out, not compete for them.
    """
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and leave the caller's random state as it was."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
