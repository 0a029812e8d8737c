"""Which rows a guard looks at: few enough to take seconds, and divided so that no client stands on both sides."""

import numpy as np
import polars as pl

from anna_core.samples.drawing import draw_evenly
from anna_core.samples.splits import client_buckets, client_key

FOLDS = 3
_FOLD_SEED = -1  # no split of ours has it, so folds do not fall together with the clients that a split took away


def pick_rows(
    candidates: np.ndarray, stratum: np.ndarray, length: np.ndarray, most_rows: int, most_events: int
) -> np.ndarray:
    """Draw rows, as evenly from all strata as they allow; the same ones each time.

    Who is drawn depends on the stratum, so figures that hang on the strata's shares are not to be taken from these
    rows; ROC AUC does not.

    Args:
        candidates: (c,) positions of the rows to draw from.
        stratum: (c,) what each belongs to: see `anna_core.samples.drawing.strata`, or a part of the sample.
        length: (c,) events of each.
        most_rows: rows to draw at most.
        most_events: events that these rows may have together.

    Returns:
        Positions, ascending, out of `candidates`.
    """
    drawn = draw_evenly(stratum, most_rows)
    within = np.cumsum(length[drawn], dtype=np.int64) <= most_events
    return np.sort(candidates[drawn[within]])


def client_folds(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Client of each row (n,) int64 and its fold (n,) 0 to `FOLDS` - 1; clients of one `group_id` count as one."""
    key = client_key(rows)
    client = key.cast(pl.Enum(key.unique())).to_physical().to_numpy().astype(np.int64)
    return client, client_buckets(key, _FOLD_SEED).astype(np.int64) * FOLDS // 100
