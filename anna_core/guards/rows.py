"""The rows that a guard examines: few enough to take seconds, and divided so that no client is on both sides."""

import numpy as np
import polars as pl

from anna_core.samples.drawing import draw_evenly
from anna_core.samples.splits import client_buckets, client_key

FOLDS = 3
_FOLD_SEED = -1  # used by no split, so that folds are independent of the clients that a split took away


def pick_rows(
    candidates: np.ndarray, stratum: np.ndarray, length: np.ndarray, most_rows: int, most_events: int
) -> np.ndarray:
    """Draw rows as evenly from all strata as possible; the same ones each time.

    The chance of being drawn depends on the stratum, so these rows cannot be used for figures that depend on the shares
    of the strata; ROC AUC does not.

    Args:
        candidates: (c,) positions of the rows to draw from.
        stratum: (c,) the stratum of each: see `anna_core.samples.drawing.strata`, or a part of the sample.
        length: (c,) number of events of each.
        most_rows: number of rows to draw at most.
        most_events: number of events that these rows may have in total.

    Returns:
        Positions, ascending, out of `candidates`.
    """
    drawn = draw_evenly(stratum, most_rows)
    within = np.cumsum(length[drawn], dtype=np.int64) <= most_events
    return np.sort(candidates[drawn[within]])


def client_folds(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The client of each row, as a number (n,), and its fold (n,), from 0; clients of one `group_id` count as one."""
    key = client_key(rows)
    client = key.cast(pl.Enum(key.unique())).to_physical().to_numpy().astype(np.int64)
    return client, client_buckets(key, _FOLD_SEED).astype(np.int64) * FOLDS // 100
