"""Where nets compute: on CUDA if there is a device, else on the CPU with a fixed number of threads and memory kept."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch


def choose_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


# Parameters of mallopt and their defaults, from glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_TRIM_THRESHOLD, _MMAP_MAX = 128 * 1024, 65_536


@contextmanager
def computing(threads: int | None) -> Iterator[None]:
    """Within the block, let torch use this many CPU threads (None: as many as before) and keep freed memory.

    Threads that compete for cores can be far slower than fewer that have one each (docs/speed.md), so steps that run
    side by side share the cores out.
    """
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        with memory_kept():
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def memory_kept() -> Iterator[None]:
    """Within the block, let malloc keep freed memory, if it is glibc's; blocks may lie within each other.

    By default it returns every large tensor to the system when it is freed, so that the memory of each batch is mapped
    and zeroed page by page again (docs/speed.md says what that costs).
    """
    if not sys.platform.startswith("linux") or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        yield
        return
    with _keeping.lock:
        _keeping.blocks += 1
        if _keeping.blocks == 1:
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        with _keeping.lock:
            _keeping.blocks -= 1
            if _keeping.blocks == 0:
                libc.mallopt(_M_MMAP_MAX, _MMAP_MAX)
                libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD)
                libc.malloc_trim(0)


class _Keeping:
    """How many blocks of this process, in any thread, want freed memory kept."""

    def __init__(self) -> None:
        self.lock, self.blocks = Lock(), 0


_keeping = _Keeping()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block, leaving the caller's random state as it was."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
