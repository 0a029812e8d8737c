"""A month of a source read once, in pieces that fit into memory; a piece's events are sorted by client and time."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.marts.dictionary import MISSING_VALUE
from anna_core.marts.fingerprints import column_hash, mixed, summed
from anna_core.marts.runs import KEY_PREFIX, Run, sorting_key
from anna_core.marts.source import scan_month
from anna_core.months import month_bounds

_HASH = "source hash"
_OTHERS = 1  # seed of the first column behind the client's, whose is 0


@dataclass(frozen=True)
class Piece:
    """Some rows of a month.

    Attributes:
        run: their events, in order.
        counts: values of the categorical fields: columns field, value, count.
        rows: rows read.
        anonymous: rows among them that have no client; they are not in the run.
        hash: sum of the rows' hashes, as in a fingerprint.
    """

    run: Run
    counts: pl.DataFrame
    rows: int
    anonymous: int
    hash: int


def read_pieces(domain: Domain, month: dt.date, home: Path, bank_zone: str, most: int) -> Iterator[Piece]:
    """Read the rows of a month, at most `most` at a time; one piece of no rows where there are none."""
    source = scan_month(domain, month, home, bank_zone)
    schema = source.collect_schema()
    others = [column_hash(name, kind, seed) for seed, (name, kind) in enumerate(schema.items()) if seed >= _OTHERS]
    hashed = source.with_columns(summed(others).alias(_HASH))
    rows = typed(nw.from_native(hashed), domain).to_native()
    first, _ = month_bounds(month)
    held: list[pl.DataFrame] = []
    for batch in rows.collect_batches(maintain_order=False, engine="streaming"):
        for part in batch.iter_slices(most):
            if held and sum(map(len, held)) + len(part) > most:
                yield _piece(pl.concat(held), domain, first)
                held = []
            held.append(part)
    yield _piece(pl.concat(held) if held else pl.DataFrame(schema=rows.collect_schema()), domain, first)


def typed(events: nw.LazyFrame, domain: Domain) -> nw.LazyFrame:
    """Row by row: a missing category is one of its own, booleans are codes, numbers finite float32 or null."""
    return events.with_columns(
        *(nw.col(name).fill_null(MISSING_VALUE) for name in domain.categorical),
        *((nw.col(name).cast(nw.UInt8) + 1).fill_null(0).cast(nw.UInt8).alias(name) for name in domain.boolean),
        *(_number(nw.col(name)).alias(name) for name in domain.numeric),
    )


def _number(values: nw.Expr) -> nw.Expr:
    narrow = values.cast(nw.Float32)
    return nw.when(narrow.is_finite()).then(narrow)  # what is too large for float32 is infinite in it


def _piece(rows: pl.DataFrame, domain: Domain, first: dt.datetime) -> Piece:
    place, clients, client_hash, known = _rank(rows["client_id"])
    hashes = rows.select(mixed([pl.lit(client_hash), pl.col(_HASH)]).sum()).item() if len(rows) else 0
    count, anonymous = len(rows), 0
    counts, values, codes = [], {}, {}
    for name in domain.categorical:
        codes[name], values[name] = _factorize(rows[name])
        seen = np.bincount(codes[name].to_numpy(), minlength=len(values[name])).astype(np.uint32)
        counts.append(pl.DataFrame({"field": [name] * len(seen), "value": values[name], "count": seen}))
    keys = [column for column in rows.columns if column.startswith(KEY_PREFIX)]
    events = rows.select("event_time", *keys, *domain.fields).with_columns(**codes)
    if not known.all():
        events, place = events.filter(pl.Series(known)), place[known]
        anonymous = count - len(events)
    key = sorting_key(place, events["event_time"], first)
    lengths = np.bincount(place, minlength=len(clients)).astype(np.int64)
    if (key[1:] < key[:-1]).any():
        events = events[pl.Series(key).arg_sort()]
    run = Run(clients, np.concatenate([[0], np.cumsum(lengths)]), events, values)
    return Piece(run, _joined(counts), count, anonymous, int(hashes))


def _rank(clients: pl.Series) -> tuple[np.ndarray, pl.Series, pl.Series, np.ndarray]:
    """Clients of rows (n,) as places among the different ones in order of their texts.

    Returns:
        place (n,) int64, -1 for rows without a client; the clients' texts; the texts' hashes, of every row; and
        which rows have a client.
    """
    codes, values = _factorize(clients)
    texts = values.cast(pl.String)
    named = (texts.is_not_null() & (texts != "")).fill_null(False).to_numpy()
    order = texts.arg_sort().to_numpy()
    order = order[named[order]]
    places = np.full(len(texts), -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    found = codes.to_numpy()
    hashes = texts.to_frame("client_id").select(column_hash("client_id", pl.String(), 0)).to_series()
    return places[found], texts[order], hashes[codes], named[found]


def _factorize(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Codes (n,) uint32 of values, and the different values in the order of their codes; null is one of them."""
    encoded = values.to_arrow().dictionary_encode(null_encoding="encode")
    codes = pl.Series(encoded.indices.to_numpy().view(np.uint32))
    return codes, pl.Series(encoded.dictionary, dtype=values.dtype)


def _joined(counts: list[pl.DataFrame]) -> pl.DataFrame:
    empty = pl.DataFrame(schema={"field": pl.String, "value": pl.String, "count": pl.UInt32})
    return pl.concat([empty, *counts])
