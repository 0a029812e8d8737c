"""Fingerprints of rows, by which a changed month of a source or a mart is recognised.

A fingerprint is `<rows>-<digest>`. The digest is the sum of the rows' hashes, so neither the rows' order nor their
division into files matters, and the fingerprints of parts can be added. A new release of Polars may hash otherwise,
which `hash_probe` notices: the marts' months are then rebuilt once, but nothing that is made from them, as marts have a
content digest of their own.
"""

import datetime as dt
from collections.abc import Iterable
from functools import cache, reduce
from operator import add

import polars as pl


def combine_fingerprints(fingerprints: list[str]) -> str:
    """The fingerprint of the rows of several parts together, from those of the parts."""
    parts = [fingerprint.split("-") for fingerprint in fingerprints]
    return write_fingerprint(sum(int(count) for count, _ in parts), sum(int(digest, 16) for _, digest in parts))


def shifted_fingerprint(fingerprint: str, digest: int) -> str:
    """A fingerprint whose digest takes in something beside the rows: `digest`, any integer."""
    count, _, own = fingerprint.partition("-")
    return write_fingerprint(int(count), int(own, 16) + digest)


def fingerprint(frame: pl.LazyFrame) -> str:
    """The fingerprint of all rows of a frame, whatever their order."""
    hashes = row_hash(frame.collect_schema()).sum().alias("hash")
    count, digest = frame.select(pl.len(), hashes).collect(engine="streaming").row(0)
    return write_fingerprint(count, digest)


@cache
def hash_probe() -> str:
    """The fingerprint of a fixed row; once it changes, Polars hashes otherwise, and older fingerprints mean nothing."""
    day = dt.datetime(2024, 2, 29, 12)
    row = pl.LazyFrame({"text": ["anna"], "whole": [7], "number": [0.5], "flag": [True], "time": [day], "none": [None]})
    return fingerprint(row)


def row_hash(schema: pl.Schema) -> pl.Expr:
    """The 64-bit hash of a row over all columns; small integers are widened, so that their type does not matter."""
    return mixed(column_hash(name, kind, seed) for seed, (name, kind) in enumerate(schema.items()))


def column_hash(name: str, kind: pl.DataType, seed: int) -> pl.Expr:
    """A column's part of the row's hash, uint64; each column of a row needs a seed of its own."""
    wide = pl.col(name).cast(pl.UInt32) if kind in (pl.UInt8, pl.UInt16) else pl.col(name)
    return wide.hash(seed=seed)


def mixed(parts: Iterable[pl.Expr]) -> pl.Expr:
    """The row's hash from its columns' parts; it is hashed once more, or rows could swap values without a trace."""
    return summed(parts).hash(seed=0)


def summed(parts: Iterable[pl.Expr]) -> pl.Expr:
    """The sum of the columns' parts, modulo 2^64."""
    return reduce(add, parts)


def rows_in(fingerprint: str) -> int:
    """The number of rows behind a fingerprint."""
    return int(fingerprint.partition("-")[0])


def write_fingerprint(count: int, digest: int) -> str:
    """The fingerprint of `count` rows whose hashes have the sum `digest`, any integer."""
    return f"{count}-{digest % 2**64:016x}"


NO_ROWS = combine_fingerprints([])  # the fingerprint of a month that lost all its rows
