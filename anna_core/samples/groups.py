"""Groups of clients that must stay together, such as households or the companies of one owner."""

import numpy as np
import polars as pl

from anna_core.samples.column_names import CLIENT, GROUP


def join_groups(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Give all rows of a client the same `group_id`, by joining groups that share a client.

    People move from one household to another, and a file may know a client's group at some dates only. If each row
    were divided by its own group, such a client could be both trained and tested on.

    Args:
        rows: client_id and, optionally, group_id, which is null in rows without a group.

    Returns:
        The rows in the same order, and the number of clients with rows in several groups, or in and outside of one. If
        there are none, the rows are returned unchanged.
    """
    if GROUP not in rows.columns:
        return rows, 0
    torn = rows.group_by(CLIENT).agg(pl.col(GROUP).n_unique()).filter(pl.col(GROUP) > 1).height
    if not torn:
        return rows, 0
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = rows.select(CLIENT, GROUP).drop_nulls().unique(maintain_order=True)
    client, group = (pairs[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in pairs.columns)
    clients, nodes = client.max() + 1, client.max() + group.max() + 2
    joined = coo_matrix((np.ones(len(pairs)), (client, clients + group)), shape=(nodes, nodes))
    _, part = connected_components(joined, directed=False)
    named = pairs.select(CLIENT, pl.col(GROUP).min().over(pl.Series(part[client]))).unique()
    return rows.drop(GROUP).join(named, on=CLIENT, how="left", maintain_order="left"), torn
