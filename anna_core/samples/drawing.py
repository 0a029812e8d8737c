"""Draws some of many rows so that those with a rare outcome are among them."""

import numpy as np
import polars as pl

from anna_core.tasks.task import Task, TaskType


def strata(target: np.ndarray, task: Task) -> np.ndarray:
    """The stratum of each row, (n,) int64, from which `draw_evenly` draws.

    That is the row's class; of several labels, the rarest one that the row has. If the target is an amount, all rows
    are in one stratum.

    Args:
        target: (n, L), or (n,) class index for multiclass.
        task: whose type decides.
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
    """Draw rows as evenly from all strata as their sizes allow.

    Args:
        stratum: (n,) int64, the stratum of each row.
        most: the largest number of rows to draw.
        seed: the same seed draws the same rows.

    Returns:
        The positions of the drawn rows, int64, in the order of drawing.
    """
    shuffled = np.random.default_rng(seed).permutation(len(stratum))
    turn = pl.DataFrame({"stratum": stratum[shuffled]}).select(pl.int_range(pl.len()).over("stratum")).to_series()
    return shuffled[np.argsort(turn.to_numpy(), kind="stable")][:most]
