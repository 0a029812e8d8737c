"""How steps are run, and how much of the machine each may use."""

import os

import dagster as dg

from anna_resources.settings import load_settings

PRELOADED = ("anna_assets.preload.steps",)
PRELOADED_FOR_LAUNCHES = (*PRELOADED, "anna_assets.preload.training")


def step_executor(steps: int, preloaded: tuple[str, ...] = PRELOADED) -> dg.ExecutorDefinition:
    """Steps as processes forked from one that has imported `preloaded`; at most `steps` of a run at once."""
    return dg.multiprocess_executor.configured(
        {"max_concurrent": steps, "start_method": {"forkserver": {"preload_modules": list(preloaded)}}}
    )


def training_threads() -> int:
    """Threads of one training step: the cores are divided among the steps that may train at once.

    Threads that compete for cores can be far slower than fewer that have one each (docs/speed.md).
    """
    return max(1, _cores() // load_settings().limits.training)


def scoring_threads() -> int:
    """Threads of one scoring step."""
    return max(1, _cores() // load_settings().limits.scoring)


def mart_memory() -> int:
    """Bytes that one mart, sequence or history step works with."""
    return int(load_settings().limits.memory)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
