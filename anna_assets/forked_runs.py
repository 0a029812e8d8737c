"""Runs as processes forked from one that has imported the graph, so that none imports it again.

Dagster's code server starts each run as a fresh Python, which takes a second and a half of processor time to import
Dagster and the graph: more than many a run takes for its work.
"""

import multiprocessing

from anna_assets.compute import PRELOADED


def fork_runs() -> None:
    """Have the code server of this process fork its runs; called as it loads the graph."""
    # Dagster has no setting for it. What it keeps in an attribute of the server, a property of the class goes before.
    from dagster._grpc.server import DagsterApiServer

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    DagsterApiServer._mp_ctx = property(lambda _: context, lambda _, given: None)  # type: ignore[assignment]
