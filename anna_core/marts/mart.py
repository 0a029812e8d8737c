"""Marts: a month of a domain's events, typed, de-duplicated, encoded and sorted.

The transformations are Narwhals expressions on a lazy frame, so that they run on Polars or Spark; reading the source
(`source.py`) and writing the result are the engine's.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import polars as pl

from anna_core.domains import Domain
from anna_core.errors import SourceError
from anna_core.marts.dictionary import MISSING_VALUE, UNKNOWN, Dictionary, extend_dictionary
from anna_core.marts.fingerprints import fingerprint
from anna_core.marts.reading import reading
from anna_core.marts.source import scan_source
from anna_core.months import month_bounds
from anna_core.storage import write_file

MART_FILE = "events.parquet"
SOURCE_FINGERPRINT = "anna.source"  # key of a mart file's Parquet metadata
MOST_ANONYMOUS = 0.1  # share of rows without a client above which a month is surely broken
_KEY_PREFIX = "key."


@dataclass(frozen=True)
class MartMonth:
    """What one build of a mart's month found.

    Attributes:
        rows: events written.
        clients: different clients among them.
        source_rows: rows that the source has for the month.
        repeated: rows dropped because their event key was there already.
        anonymous: rows dropped for having no client.
        missing: numeric field → share of events without a value.
        dictionary: the dictionary that encoded it.
        data_version: digest of the content.
        source_version: fingerprint of the source rows that it was built from.
    """

    rows: int
    clients: int
    source_rows: int
    repeated: int
    anonymous: int
    missing: dict[str, float]
    dictionary: Dictionary
    data_version: str
    source_version: str


def mart_path(folder: Path, month: dt.date) -> Path:
    """File of a mart's month under the domain's folder, `month=2024-03/events.parquet`."""
    return folder / f"month={month:%Y-%m}" / MART_FILE


def build_mart(
    domain: Domain, month: dt.date, home: Path, bank_zone: str, mart_folder: Path, dictionary_folder: Path
) -> MartMonth:
    """Build one month of a mart from the source, extending the dictionary by what is new.

    Raises:
        SourceError: the source cannot be read as the domain says, or too many rows have no client; the mart is then
            left as it was.
    """
    first, following = month_bounds(month)
    source = scan_source(domain, home, bank_zone).filter(
        (pl.col("event_time") >= first) & (pl.col("event_time") < following)
    )
    events = nw.from_native(source)
    with reading(domain):
        counts = count_values(events, domain).collect(backend="polars").to_native()
        source_version = fingerprint(source)
    dictionary = extend_dictionary(domain, dictionary_folder, [counts])
    encoded = encode(events, domain, dictionary).to_native()
    path = mart_path(mart_folder, month)
    with reading(domain), write_file(path) as temporary:
        encoded.sink_parquet(temporary, engine="streaming", metadata={SOURCE_FINGERPRINT: source_version})
        written = pl.scan_parquet(temporary)
        facts = _facts(written, source, domain)
        _refuse_anonymous(domain, month, facts)
        version = fingerprint(written)
    return MartMonth(dictionary=dictionary, data_version=version, source_version=source_version, **facts)


def scan_mart(folder: Path, months: Iterable[dt.date]) -> nw.LazyFrame | None:
    """Events of those months of a mart that exist, all codes as uint32, with `position` to order equal moments by.

    Returns:
        Lazy columns position, client_id, event_time and the fields; None where none of the months exists.
    """
    parts = []
    for path in (mart_path(folder, month) for month in months):
        if path.exists():
            part = pl.scan_parquet(path, row_index_name="position")
            parts.append(part.with_columns(pl.col(pl.UInt8, pl.UInt16).cast(pl.UInt32)))
    return nw.from_native(pl.concat(parts)) if parts else None


def count_values(events: nw.LazyFrame, domain: Domain) -> nw.LazyFrame:
    """Values of the categorical fields: lazy columns field, value, count."""
    if not domain.categorical:
        return nw.from_native(pl.LazyFrame(schema={"field": pl.String, "value": pl.String, "count": pl.UInt32}))
    parts = [
        events.group_by(nw.col(name).fill_null(MISSING_VALUE).alias("value"))
        .agg(count=nw.len())
        .select(nw.lit(name).alias("field"), "value", nw.col("count").cast(nw.UInt32))
        for name in domain.categorical
    ]
    return nw.concat(parts)


def encode(events: nw.LazyFrame, domain: Domain, dictionary: Dictionary) -> nw.LazyFrame:
    """Encode canonical source rows.

    Returns:
        Lazy columns client_id, event_time, and the fields in the domain's order: codes as small as they fit, float32
        numbers with null for anything that is not finite. Sorted by client_id, event_time, event key, fields; a total
        order, so that the same rows give the same mart.
    """
    events = events.filter(~nw.col("client_id").is_null(), nw.col("client_id") != "")
    keys = [f"{_KEY_PREFIX}{name}" for name in domain.event_key]
    for name in domain.categorical:
        codes = nw.from_native(dictionary.codes(name))
        events = events.with_columns(nw.col(name).fill_null(MISSING_VALUE)).join(codes, on=name, how="left")
    sizes = dictionary.cardinalities
    coded = [
        *(_code(nw.col(f"code.{name}").fill_null(UNKNOWN), sizes[name]).alias(name) for name in domain.categorical),
        *(
            nw.when(nw.col(name).is_null())
            .then(UNKNOWN)
            .otherwise(nw.col(name).cast(nw.UInt8) + 1)
            .cast(nw.UInt8)
            .alias(name)
            for name in domain.boolean
        ),
        *(_number(nw.col(name)).alias(name) for name in domain.numeric),
    ]
    order = ["client_id", "event_time", *keys, *domain.fields]
    encoded = events.with_columns(coded).select(order)
    if keys:
        keyed = ~nw.any_horizontal(*(nw.col(key).is_null() for key in keys), ignore_nulls=False)
        once = encoded.filter(keyed).unique(keys, keep="first", order_by=order)
        encoded = nw.concat([once, encoded.filter(~keyed)])  # a row without a key is an event of its own
    return encoded.sort(order).select("client_id", "event_time", *domain.fields)


def _code(codes: nw.Expr, cardinality: int) -> nw.Expr:
    kind = nw.UInt8 if cardinality <= 2**8 else nw.UInt16 if cardinality <= 2**16 else nw.UInt32
    return codes.cast(kind)


def _number(values: nw.Expr) -> nw.Expr:
    narrow = values.cast(nw.Float32)
    return nw.when(narrow.is_finite()).then(narrow)  # what is too large for float32 is infinite in it


def _refuse_anonymous(domain: Domain, month: dt.date, facts: dict) -> None:
    if facts["anonymous"] > MOST_ANONYMOUS * facts["source_rows"]:
        raise SourceError(
            f"domain {domain.name}, {month:%Y-%m}: {facts['anonymous']:,} of {facts['source_rows']:,} rows have no "
            f"'{domain.columns.client_id}'; at most {MOST_ANONYMOUS:.0%} may. The mart is left as it was; mend the "
            "source."
        )


def _facts(written: pl.LazyFrame, source: pl.LazyFrame, domain: Domain) -> dict:
    out = written.select(
        pl.len().alias("rows"),
        pl.col("client_id").n_unique().alias("clients"),
        *(pl.col(name).is_null().mean().fill_null(0.0).alias(f"missing.{name}") for name in domain.numeric),
    ).collect(engine="streaming")
    anonymous = pl.col("client_id").is_null() | (pl.col("client_id") == "")
    found = source.select(pl.len().alias("rows"), anonymous.sum().alias("anonymous")).collect(engine="streaming")
    rows, source_rows, dropped = out["rows"].item(), found["rows"].item(), found["anonymous"].item()
    return {
        "rows": rows,
        "clients": out["clients"].item(),
        "source_rows": source_rows,
        "anonymous": dropped,
        "repeated": source_rows - dropped - rows,
        "missing": {name: out[f"missing.{name}"].item() for name in domain.numeric},
    }
