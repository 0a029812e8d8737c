"""Groups of clients that must stay together, such as households or the companies of one owner."""

import numpy as np
import polars as pl


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
    if "group_id" not in rows.columns:
        return rows, 0
    torn = rows.group_by("client_id").agg(pl.col("group_id").n_unique()).filter(pl.col("group_id") > 1).height
    if not torn:
        return rows, 0
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = rows.select("client_id", "group_id").drop_nulls().unique(maintain_order=True)
    client, group = (pairs[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in pairs.columns)
    clients, nodes = client.max() + 1, client.max() + group.max() + 2
    joined = coo_matrix((np.ones(len(pairs)), (client, clients + group)), shape=(nodes, nodes))
    _, part = connected_components(joined, directed=False)
    named = pairs.select("client_id", pl.col("group_id").min().over(pl.Series(part[client]))).unique()
    return rows.drop("group_id").join(named, on="client_id", how="left", maintain_order="left"), torn
