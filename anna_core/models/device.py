"""Where nets compute: CUDA where there is a device, else the CPU with its threads pinned and its memory kept."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def choose_device() -> torch.device:
    """The first CUDA device, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


# glibc's malloc.h: parameters of mallopt and their defaults.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_TRIM_THRESHOLD, _MMAP_MAX = 128 * 1024, 65_536


@contextmanager
def computing(threads: int | None) -> Iterator[None]:
    """Let torch compute within the block with so many CPU threads (None leaves the number) and keep what it frees.

    Threads that compete for cores can be far slower than fewer that have one each (docs/speed.md), so steps that run
    side by side share the cores out.
    """
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        with _freed_memory_kept():
            yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _freed_memory_kept() -> Iterator[None]:
    """Let malloc keep freed memory within the block, where it is glibc's.

    By default it gives every large tensor back to the system when it is freed, so that each batch has its memory
    mapped and zeroed page by page anew (docs/speed.md says what that costs).
    """
    if not sys.platform.startswith("linux") or not hasattr(libc := ctypes.CDLL(None), "mallopt"):
        yield
        return
    libc.mallopt(_M_MMAP_MAX, 0)
    libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(_M_MMAP_MAX, _MMAP_MAX)
        libc.mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD)
        libc.malloc_trim(0)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch within the block and leave the caller's random state as it was."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
