"""Which rows go into a batch together: rows of similar length, within a budget of padded events.

Padding is what makes sequence models slow on a CPU: where lengths differ as much as those of a bank's clients do,
batches of random rows have several padded events for each real one (docs/speed.md).
"""

import numpy as np

# Lengths are rounded up to a grid with this ratio between steps. Rows of one step are mixed at random, so that padding
# stays below a tenth while batches differ from epoch to epoch.
GRID_RATIO = 1.1


def length_batches(
    lengths: np.ndarray, batch_rows: int, batch_events: int, rng: np.random.Generator | None = None
) -> list[np.ndarray]:
    """Divide rows into batches of similar length.

    Args:
        lengths: (n,) number of events of each row; rows of length 0 are in no batch.
        batch_rows: maximum number of rows in a batch.
        batch_events: maximum of rows x longest in a batch; a single row longer than this is a batch of its own.
        rng: shuffles rows of similar length and the order of the batches; None keeps both fixed, longest first.

    Returns:
        Positions of the rows, one int64 array per batch, longest row first; every row with an event is in exactly one.
    """
    rows = np.flatnonzero(lengths > 0)
    if rng is not None:
        rng.shuffle(rows)
    grid = _grid(lengths[rows])
    order = np.argsort(-grid, kind="stable")
    rows, grid = rows[order], grid[order]
    batches = []
    begin = 0
    while begin < len(rows):
        # No later row has a longer grid step than this one, so the budget holds for the whole batch.
        size = max(1, min(batch_rows, batch_events // int(grid[begin])))
        batch = rows[begin : begin + size]
        batches.append(batch[np.argsort(-lengths[batch], kind="stable")])
        begin += size
    return batches if rng is None else [batches[place] for place in rng.permutation(len(batches))]


def _grid(lengths: np.ndarray) -> np.ndarray:
    """Round lengths up to the steps of the grid; short ones stay as they are."""
    step = np.ceil(np.log(np.maximum(lengths, 1)) / np.log(GRID_RATIO) - 1e-9)
    return np.maximum(np.floor(GRID_RATIO**step + 1e-9), lengths).astype(np.int64)
