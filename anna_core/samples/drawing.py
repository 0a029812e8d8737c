"""Draws rows where there are more than are needed, so that those of a rare outcome are among them."""

import numpy as np
import polars as pl

from anna_core.tasks.task import Task, TaskType


def strata(target: np.ndarray, task: Task) -> np.ndarray:
    """What rows are drawn evenly from, (n,) int64: their class, of labels the rarest that they have, amounts all alike.

    Args:
        target: (n, L), or (n,) class index for multiclass.
        task: its type.
    """
    match task.type:
        case TaskType.MULTICLASS:
            return np.asarray(target, dtype=np.int64)
        case TaskType.REGRESSION:
            return np.zeros(len(target), dtype=np.int64)
        case _:
            rarest_first = (target > 0)[:, np.argsort((target > 0).sum(axis=0), kind="stable")]
            return np.where(rarest_first.any(axis=1), 1 + rarest_first.argmax(axis=1), 0)


def draw_evenly(stratum: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """Positions of at most so many of the rows, in the order of drawing: as evenly from all strata as these allow.

    Args:
        stratum: (n,) int64.
        most: how many.
        seed: the same one draws the same rows.
    """
    shuffled = np.random.default_rng(seed).permutation(len(stratum))
    turn = pl.DataFrame({"stratum": stratum[shuffled]}).select(pl.int_range(pl.len()).over("stratum")).to_series()
    return shuffled[np.argsort(turn.to_numpy(), kind="stable")][:most]
