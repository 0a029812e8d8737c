"""Sequences and histories: what each row may see, cut out of the marts.

A *sequence set* has the rows of a sample; a *history* has a row for every client that has a visible event as of a
month's end. Both are one format (`ragged.py`), built by one function.
"""

import datetime as dt
import hashlib
from pathlib import Path

import narwhals as nw
import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.marts.dictionary import Dictionary
from anna_core.marts.mart import scan_mart
from anna_core.months import month_of, months_between, next_month
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.sequences.visibility import visible_window


def months_needed(domain: Domain, as_of: np.ndarray) -> list[dt.date]:
    """Months that hold the windows of rows with these as_of dates (n,); n > 0."""
    first, end = visible_window(as_of, domain)
    return list(months_between(_moment(first.min()).date(), _moment(end.max() - 1).date()))


def history_months(domain: Domain, month: dt.date) -> list[dt.date]:
    """Months that the history of `month` reads: the windows as of its end."""
    return months_needed(domain, np.array([next_month(month)], dtype="datetime64[D]"))


def build_sequences(domain: Domain, dictionary: Dictionary, mart_folder: Path, rows: pl.DataFrame) -> Sequences:
    """Cut out what each row may see.

    Args:
        domain: the domain.
        dictionary: whose codes the marts hold.
        mart_folder: the domain's marts; months without a file have no events.
        rows: columns client_id (text) and as_of (date); n rows.

    Returns:
        Sequences with the same n rows in the same order.
    """
    as_of = rows["as_of"].to_numpy().astype("datetime64[D]")
    marts = scan_mart(mart_folder, months_needed(domain, as_of)) if len(rows) else None
    clients = rows.select("client_id").unique().lazy()
    events = _collect(domain, marts, as_of, clients)
    return _assemble(domain, dictionary, events, rows["client_id"], as_of)


def build_history(domain: Domain, dictionary: Dictionary, mart_folder: Path, month: dt.date) -> Sequences:
    """Every client's sequence as of the end of `month`; only clients that have a visible event."""
    as_of = np.array([next_month(month_of(month))], dtype="datetime64[D]")
    events = _collect(domain, scan_mart(mart_folder, months_needed(domain, as_of)), as_of, clients=None)
    clients = events["client_id"].unique(maintain_order=True)
    return _assemble(domain, dictionary, events, clients, np.repeat(as_of, len(clients)))


def _collect(
    domain: Domain, marts: nw.LazyFrame | None, as_of: np.ndarray, clients: pl.LazyFrame | None
) -> pl.DataFrame:
    """Events of these clients that any window could hold, by client and time."""
    if marts is None:
        fields = {name: pl.UInt32() if name in domain.coded else pl.Float32() for name in domain.fields}
        return pl.DataFrame(schema={"client_id": pl.String(), "event_time": pl.Datetime("us"), **fields})
    first, end = visible_window(as_of, domain)
    time = nw.col("event_time")
    events = marts.filter(time >= _moment(first.min()), time < _moment(end.max()))
    if clients is not None:
        events = events.join(nw.from_native(clients), on="client_id", how="semi")
    ordered = events.sort("client_id", "event_time", "position").drop("position")
    return ordered.to_native().collect(engine="streaming")


def _assemble(
    domain: Domain, dictionary: Dictionary, events: pl.DataFrame, client_id: pl.Series, as_of: np.ndarray
) -> Sequences:
    sizes = dictionary.cardinalities
    _check_codes(domain, events, sizes)
    time = events["event_time"].cast(pl.Int64).to_numpy()
    low, high = _client_spans(events["client_id"], client_id)
    first, end = visible_window(as_of, domain)
    start, stop = bisect(time, low, high, first), bisect(time, low, high, end)
    start = np.maximum(start, stop - domain.max_length)
    kept, start, length = _drop_unseen(len(events), start, stop)
    columns = {
        name: events[name].to_numpy()[kept].astype(_code_type(sizes[name]) if name in sizes else np.float32)
        for name in domain.fields
    }
    time = np.ascontiguousarray(time[kept])
    digest = _digest(domain, sizes, [start, length, as_of, time, *columns.values()], client_id)
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities=sizes, data_version=digest),
        client_id=client_id.to_arrow(compat_level=pl.CompatLevel.oldest()),
        as_of=as_of,
        start=start,
        length=length,
        event_time=time,
        columns=columns,
    )


def bisect(values: np.ndarray, low: np.ndarray, high: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """First position in values[low:high], ascending, whose value is not below the bound; `high` where there is none.

    Args:
        values: (E,) ascending within each span.
        low: (n,) where each span begins.
        high: (n,) where it ends.
        bound: (n,) what is looked for.

    Returns:
        (n,) int64 positions; all n searches run side by side, in log2 of the longest span steps.
    """
    low, high = low.copy(), high.copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = np.zeros_like(open_)
        below[open_] = values[middle[open_]] < bound[open_]
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    return low


def _client_spans(events_client: pl.Series, client_id: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Where each row's client begins and ends in the events; (0, 0) where it has none."""
    spans = (
        events_client.to_frame("client_id")
        .with_row_index("event")
        .group_by("client_id")
        .agg(low=pl.col("event").min().cast(pl.Int64), high=pl.col("event").max().cast(pl.Int64) + 1)
    )
    found = client_id.to_frame("client_id").join(spans, on="client_id", how="left", maintain_order="left")
    low, high = (found[name].fill_null(0).to_numpy().copy() for name in ("low", "high"))
    return low, high


def _drop_unseen(events: int, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leave out the events that no row sees: a mask (E,), and each row's new start and length."""
    seen = stop > start
    change = np.zeros(events + 1, dtype=np.int64)
    np.add.at(change, start[seen], 1)
    np.add.at(change, stop[seen], -1)
    kept = np.cumsum(change[:-1]) > 0
    position = np.concatenate([[0], np.cumsum(kept)])
    length = np.where(seen, stop - start, 0).astype(np.int32)
    return kept, np.where(seen, position[start], 0), length


def _check_codes(domain: Domain, events: pl.DataFrame, sizes: dict[str, int]) -> None:
    for name, size in sizes.items():
        highest = events.select(pl.col(name).max()).item()  # None where there are no events
        if highest is not None and highest >= size:
            raise ArtifactError(
                f"domain {domain.name}: the marts hold code {highest} of {name}, the dictionary ends at {size - 1}. "
                f"If a mart was built meanwhile, run this again; else materialize mart/{domain.name} again."
            )


def _code_type(cardinality: int) -> type[np.unsignedinteger]:
    return np.uint8 if cardinality <= 2**8 else np.uint16 if cardinality <= 2**16 else np.uint32


def _digest(domain: Domain, sizes: dict[str, int], arrays: list[np.ndarray], client_id: pl.Series) -> str:
    digest = hashlib.blake2b(
        domain.model_dump_json(exclude={"description", "owner", "source"}).encode(), digest_size=16
    )
    digest.update(repr(sorted(sizes.items())).encode())
    digest.update("\0".join(client_id).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _moment(microseconds: np.int64) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(microseconds))
