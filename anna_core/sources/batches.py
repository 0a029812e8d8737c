"""The rows of a query, batch by batch, with whatever goes wrong in it."""

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Event, Semaphore, Thread

import polars as pl


def batches(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """A query's rows in any order; the next batch is made while one is worked on.

    `LazyFrame.collect_batches` of Polars (2.1) would do this, but where the query panics it leaves out the batches that
    were to come and ends as if they were all (the tests show it); `sink_batches` raises.

    Raises:
        polars.exceptions.PolarsError, polars.exceptions.PanicException: the query fails; the latter is no `Exception`.
    """
    found: SimpleQueue[pl.DataFrame | BaseException | None] = SimpleQueue()
    free, ended = Semaphore(1), Event()

    def give(batch: pl.DataFrame) -> bool:
        free.acquire()
        if ended.is_set():
            free.release()
            return True  # no more are wanted
        found.put(batch)
        return False

    def run() -> None:
        try:
            rows.sink_batches(give, maintain_order=False, engine="streaming")
        except BaseException as error:  # noqa: BLE001 - is raised where the batches are read
            found.put(error)
        else:
            found.put(None)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        while (batch := found.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            free.release()
            yield batch
    finally:
        ended.set()
        free.release()
        thread.join()
