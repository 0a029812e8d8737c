"""Fingerprints of rows: what tells that a month of a source, or a mart, has other content than before."""

import datetime as dt
from collections.abc import Iterable
from functools import cache, reduce
from operator import add
from pathlib import Path

import polars as pl

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.marts.reading import reading
from anna_core.marts.source import scan_source

UNDATED = "undated"  # stands for the month of rows without a time


def months_of(domain: Domain, home: Path, bank_zone: str, files: list[Path] | None = None) -> dict[str, str]:
    """Fingerprint of every month that has rows: month key → `<rows>-<digest>`; that of rows without a time: `UNDATED`.

    The digest is a sum of row hashes, so neither the order of the rows nor their division into files counts, and
    fingerprints of parts add up (`combine_fingerprints`). Polars may change its hash in a new release (`hash_probe`
    tells); the months are then rebuilt once, and as marts keep their own content digest, nothing behind them is.
    """
    rows = scan_source(domain, home, bank_zone, files)
    with reading(domain):
        months = (
            rows.select(
                pl.col("event_time").dt.truncate("1mo").alias("month"),
                row_hash(rows.collect_schema()).alias("hash"),
            )
            .group_by("month")
            .agg(pl.len(), pl.col("hash").sum())
            .sort("month")
            .collect(engine="streaming")
        )
    if months["month"].to_list() == [None]:
        raise SourceError(
            f"domain {domain.name}: no value of '{domain.columns.event_time}' is a time stamp"
            f"{' in ' + ', '.join(file.name for file in files) if files else ''}; text must be ISO, as in "
            f"2024-03-31 12:00:00. Correct the column, or name another in `columns.event_time` of {domain.name}.yaml."
        )
    return {
        UNDATED if month is None else f"{month:%Y-%m-01}": write_fingerprint(count, digest)
        for month, count, digest in months.iter_rows()
    }


def combine_fingerprints(fingerprints: list[str]) -> str:
    """Fingerprint of the rows of several parts together."""
    parts = [fingerprint.split("-") for fingerprint in fingerprints]
    return write_fingerprint(sum(int(count) for count, _ in parts), sum(int(digest, 16) for _, digest in parts))


def fingerprint(frame: pl.LazyFrame) -> str:
    """Fingerprint of all rows of a frame, in any order: `<rows>-<digest>`."""
    hashes = row_hash(frame.collect_schema()).sum().alias("hash")
    count, digest = frame.select(pl.len(), hashes).collect(engine="streaming").row(0)
    return write_fingerprint(count, digest)


@cache
def hash_probe() -> str:
    """Fingerprint of a row that never changes: it does where Polars hashes otherwise, and older ones mean nothing."""
    day = dt.datetime(2024, 2, 29, 12)
    row = pl.LazyFrame({"text": ["anna"], "whole": [7], "number": [0.5], "flag": [True], "time": [day], "none": [None]})
    return fingerprint(row)


def row_hash(schema: pl.Schema) -> pl.Expr:
    """64-bit hash of a row over all columns; integers are widened, so that a code's storage type does not count."""
    return mixed(column_hash(name, kind, seed) for seed, (name, kind) in enumerate(schema.items()))


def column_hash(name: str, kind: pl.DataType, seed: int) -> pl.Expr:
    """One column's part in the row's hash; the seed tells columns apart."""
    wide = pl.col(name).cast(pl.UInt32) if kind in (pl.UInt8, pl.UInt16) else pl.col(name)
    return wide.hash(seed=seed)


def mixed(parts: Iterable[pl.Expr]) -> pl.Expr:
    """The row's hash out of its columns' parts, hashed once more: or values could change places between rows unseen."""
    return summed(parts).hash(seed=0)


def summed(parts: Iterable[pl.Expr]) -> pl.Expr:
    """The sum of columns' parts, modulo 2^64."""
    return reduce(add, parts)


def rows_in(fingerprint: str) -> int:
    """Number of the rows that a fingerprint is of."""
    return int(fingerprint.partition("-")[0])


def write_fingerprint(count: int, digest: int) -> str:
    """Fingerprint of rows by their number and the sum of their hashes."""
    return f"{count}-{digest % 2**64:016x}"
