"""Groups of clients that must stay together: households, companies of one owner."""

import numpy as np
import polars as pl

from anna_core.splits import client_key


def join_groups(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Give all rows of a client one `group_id`: groups that share a client become one.

    People move from one household to another, and files know a client's group at some dates only. Were each row taken
    by its own group, such a client would train and be tested on.

    Args:
        rows: client_id and, optionally, group_id, null where a row has none.

    Returns:
        The rows, and the number of clients who had rows in several groups; where there is none, the rows as they were.
    """
    if "group_id" not in rows.columns:
        return rows, 0
    pairs = rows.select("client_id", key=client_key(rows)).unique(maintain_order=True)
    torn = pairs.select(pl.col("client_id").filter(pl.col("client_id").is_duplicated()).n_unique()).item()
    if not torn:
        return rows, 0
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    client, group = (pairs[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in ("client_id", "key"))
    clients, nodes = client.max() + 1, client.max() + group.max() + 2
    joined = coo_matrix((np.ones(len(pairs)), (client, clients + group)), shape=(nodes, nodes))
    _, part = connected_components(joined, directed=False)
    named = pairs.select("client_id", group_id=pl.col("key").min().over(pl.Series(part[client])))
    return rows.drop("group_id").join(named.unique(), on="client_id", how="left", maintain_order="left"), torn
