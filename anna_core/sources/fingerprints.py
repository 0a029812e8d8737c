"""Fingerprints of rows: what tells that a month of a source, or a mart, has other content than before.

A fingerprint is `<rows>-<digest>`. The digest is a sum of row hashes, so neither the order of the rows nor their
division into files counts, and fingerprints of parts add up. Polars may change its hash in a new release (`hash_probe`
tells); the months are then rebuilt once, and as marts keep their own content digest, nothing behind them is.
"""

import datetime as dt
from collections.abc import Iterable
from functools import cache, reduce
from operator import add

import polars as pl


def combine_fingerprints(fingerprints: list[str]) -> str:
    """Fingerprint of the rows of several parts together."""
    parts = [fingerprint.split("-") for fingerprint in fingerprints]
    return write_fingerprint(sum(int(count) for count, _ in parts), sum(int(digest, 16) for _, digest in parts))


def shifted_fingerprint(fingerprint: str, digest: int) -> str:
    """A fingerprint with something else than rows in its digest."""
    count, _, own = fingerprint.partition("-")
    return write_fingerprint(int(count), int(own, 16) + digest)


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
