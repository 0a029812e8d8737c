"""A query batch by batch: all its rows, or the error."""

import polars as pl
import pytest

from anna_core.sources.batches import batches

ROWS = 600_000
MANY = pl.LazyFrame({"row": range(ROWS)})
LATE = pl.col("row") == 550_000


def test_the_batches_are_all_rows_once():
    found = list(batches(MANY.filter(pl.col("row") % 2 == 0)))
    assert len(found) > 1
    assert pl.concat(found)["row"].sort().to_list() == list(range(0, ROWS, 2))


def test_a_query_may_run_while_the_next_batch_is_made():
    sums = [batch.lazy().select(pl.col("row").sum()).collect(engine="streaming").item() for batch in batches(MANY)]
    assert sum(sums) == ROWS * (ROWS - 1) // 2


@pytest.mark.parametrize(
    ("late", "error"),
    [
        (pl.lit(2**31 - 1, pl.Int32).cast(pl.Date).cast(pl.Datetime("us")), pl.exceptions.PanicException),
        (pl.lit("x").cast(pl.Int64), pl.exceptions.InvalidOperationError),
        (pl.col("row").map_batches(lambda _: 1 / 0, return_dtype=pl.Int64), ZeroDivisionError),
    ],
    ids=["panic", "error of Polars", "error of Python"],
)
def test_what_goes_wrong_late_is_raised(late, error):
    with pytest.raises(error):
        list(batches(MANY.filter(LATE).select(late)))


def test_of_batches_that_polars_panics_in_none_is_left_out():
    """What `collect_batches` does, so that whoever thinks of going back to it sees why not."""
    days = pl.when(LATE).then(pl.lit(2**31 - 1)).otherwise(5).cast(pl.Int32).cast(pl.Date)
    with pytest.raises(pl.exceptions.PanicException):
        sum(map(len, batches(MANY.select(days.cast(pl.Datetime("us"))))))


def test_who_wants_no_more_ends_the_query():
    made = []
    counted = pl.col("row").map_batches(
        lambda part: made.append(len(part)) or part, return_dtype=pl.Int64, is_elementwise=True
    )
    reading = batches(pl.concat([MANY] * 20).select(counted))
    next(reading)
    reading.close()
    assert sum(made) < 20 * ROWS
