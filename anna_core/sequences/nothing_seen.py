"""Why rows see nothing of a domain: their dates, the deployment's months, or how their clients are written."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from anna_core.domains import Domain
from anna_core.durations import format_duration
from anna_core.marts.mart import mart_path
from anna_core.sequences.touched_months import months_needed

_SHOWN_CLIENTS = 3


def why_unseen(
    domain: Domain,
    rows: pl.DataFrame,
    observed: Mapping[dt.date, int],
    keeps: Callable[[dt.date], bool],
    mart_folder: Path,
) -> str:
    """The cause that no row of a sample sees an event of a domain, as a sentence.

    Args:
        domain: the domain.
        rows: columns client_id (text) and as_of (date); at least one row.
        observed: month → rows of the source.
        keeps: whether a month is one of the deployment's.
        mart_folder: the domain's marts.
    """
    source = sorted(month for month, count in observed.items() if count)
    if not source:
        return f"{domain.name} has no events at all."
    touched = months_needed(domain, rows["as_of"].to_numpy())
    there = [month for month in touched if month in source]
    dates = _span(rows["as_of"].min(), rows["as_of"].max())
    if not there:
        return f"{domain.name} {_out_of_time(domain, source, touched, dates)}"
    kept = [month for month in there if keeps(month)]
    if not kept:
        return (
            f"{domain.name} has events in {_months(there)}, which rows as of {dates} see, but these are no months of "
            "this deployment: set start_month or end_month in anna.yaml."
        )
    clients, theirs = rows["client_id"].unique(), [month for month in source if keeps(month)]
    if _any_of(clients, mart_folder, kept):
        lag, lookback = format_duration(domain.availability_lag), format_duration(domain.lookback)
        return (
            f"{domain.name} has events of these clients, but none from as_of - {lookback} until as_of - {lag}, and no "
            "others are seen."
        )
    if _any_of(clients, mart_folder, theirs):
        return f"{domain.name} has events of these clients, but none in {_months(kept)}, which rows as of {dates} see."
    return (
        f"{domain.name} knows none of these clients: the sample has {_examples(rows['client_id'])}, the source has "
        f"{_examples(_some_clients(mart_folder, kept))}. Write them as the source does."
    )


def _out_of_time(domain: Domain, source: list[dt.date], touched: list[dt.date], dates: str) -> str:
    if touched[-1] < source[0]:
        return f"has no events before {source[0]:%Y-%m}, and the rows are as of {dates}: their as_of is too early."
    if touched[0] > source[-1]:
        return (
            f"has no events after {source[-1]:%Y-%m}, and rows as of {dates} look back for "
            f"{format_duration(domain.lookback)} only: their as_of is too late, or the source is behind."
        )
    return f"has no events in {_months(touched)}, which rows as of {dates} see."


def _any_of(clients: pl.Series, mart_folder: Path, months: list[dt.date]) -> bool:
    known = _clients(mart_folder, months).join(clients.to_frame().lazy(), on="client_id", how="semi")
    return not known.head(1).collect(engine="streaming").is_empty()


def _some_clients(mart_folder: Path, months: list[dt.date]) -> pl.Series:
    return _clients(mart_folder, months).head(10_000).collect(engine="streaming")["client_id"]


def _clients(mart_folder: Path, months: list[dt.date]) -> pl.LazyFrame:
    paths = [path for path in (mart_path(mart_folder, month) for month in months) if path.exists()]
    if not paths:
        return pl.LazyFrame(schema={"client_id": pl.String})
    return pl.scan_parquet(paths, glob=False).select("client_id")


def _examples(clients: pl.Series) -> str:
    return ", ".join([*clients.unique(maintain_order=True).head(_SHOWN_CLIENTS), "…"])


def _months(months: list[dt.date]) -> str:
    return _span(months[0], months[-1], "%Y-%m")


def _span(first: object, last: object, form: str = "%Y-%m-%d") -> str:
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    return f"{first:{form}}" if first == last else f"{first:{form}} to {last:{form}}"
