"""A source's columns in the one form that marts are made of, whatever types its files give them."""

import datetime as dt

import polars as pl

from anna_core.domains import Domain, FieldKind
from anna_core.errors import SourceError
from anna_core.marts.reading import reading

_TEXT = pl.String()
_ISO_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_ANY_CLOCK = dt.timedelta(hours=26)  # clocks of the world differ by no more than this
_BOOLEAN_TEXTS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}  # of CSV files


def canonical(domain: Domain, table: pl.LazyFrame, bank_zone: str, numbers: bool = False) -> pl.LazyFrame:
    """Lazy columns as `anna_core.marts.source.scan_source` tells them; raises `SourceError` where one does not fit."""
    schema = source_schema(domain, table)
    return table.select(
        _client(domain, schema[domain.columns.client_id], numbers),
        _bank_time(domain, schema, bank_zone).alias("event_time"),
        *(_key(name, schema[name]).alias(f"key.{name}") for name in domain.event_key),
        *(_field(domain, name, kind, schema[name]) for name, kind in domain.fields.items()),
    )


def near(domain: Domain, table: pl.LazyFrame, first: dt.datetime, following: dt.datetime) -> pl.LazyFrame:
    """Leave out what surely lies outside first <= event_time < following, on any clock.

    A bound on the source's own column lets the reader skip row groups and files by their statistics; one on a column
    that was made from it does not (measured: a month out of 24 took 12 times as long to find).
    """
    name = domain.columns.event_time
    kind = source_schema(domain, table)[name]
    if kind == pl.Date:
        return table.filter(pl.col(name).is_between(first.date(), following.date()))
    if not isinstance(kind, pl.Datetime):
        return table
    low, high = (pl.lit(moment, pl.Datetime("us")) for moment in (first - _ANY_CLOCK, following + _ANY_CLOCK))
    if kind.time_zone is not None:
        low, high = (bound.dt.replace_time_zone("UTC").dt.convert_time_zone(kind.time_zone) for bound in (low, high))
    low, high = (bound.dt.cast_time_unit(kind.time_unit) for bound in (low, high))
    return table.filter((pl.col(name) >= low) & (pl.col(name) < high))


def source_schema(domain: Domain, table: pl.LazyFrame) -> pl.Schema:
    """Columns and types of a source's table; raises `SourceError` where one that the domain names is missing."""
    with reading(domain):
        schema = table.collect_schema()
    missing = [name for name in domain.source_columns if name not in schema]
    if missing:
        raise SourceError(
            f"domain {domain.name}: the source has no column {missing}; it has {schema.names()}. "
            f"Correct `columns`, `event_key` or `fields` in {domain.name}.yaml."
        )
    return schema


def _client(domain: Domain, found: pl.DataType, numbers: bool) -> pl.Expr:
    name = domain.columns.client_id
    if found.is_float() or (isinstance(found, pl.Decimal) and found.scale):  # 17.0 would never meet a sample's 17
        raise SourceError(
            f"domain {domain.name}: client_id column '{name}' is {found}; clients are text or whole numbers. "
            f"Write it so, or name another in `columns.client_id` of {domain.name}.yaml."
        )
    if numbers:
        return pl.col(name).cast(pl.Int64).alias("client_id")
    text = pl.col(name).cast(_TEXT).alias("client_id")
    return text if found.is_integer() else text.str.strip_chars()


def _bank_time(domain: Domain, schema: pl.Schema, bank_zone: str) -> pl.Expr:
    name = domain.columns.event_time
    column, kind = pl.col(name), schema[name]
    zone = domain.time_zone or bank_zone
    if kind == pl.Date:
        return column.cast(pl.Datetime("us"))
    if kind == _TEXT:
        text = column.str.strip_chars().str.replace("T", " ", literal=True)
        offset = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
        plain = [text.str.to_datetime(iso, time_unit="us", strict=False) for iso in _ISO_FORMATS]
        return pl.coalesce(
            _wall_clock(offset, "UTC", zone, bank_zone), _wall_clock(pl.coalesce(plain), None, zone, bank_zone)
        )
    if not isinstance(kind, pl.Datetime):
        raise SourceError(
            f"domain {domain.name}: event_time column '{name}' is {kind}, not a date, a time stamp or ISO text. "
            f"Name another in `columns.event_time` of {domain.name}.yaml."
        )
    return _wall_clock(column, kind.time_zone, zone, bank_zone)


def _wall_clock(column: pl.Expr, own_zone: str | None, zone: str, bank_zone: str) -> pl.Expr:
    if own_zone is None and zone == bank_zone:
        return column.dt.cast_time_unit("us")
    if own_zone is None:  # the hour that a clock repeats in autumn is taken as the first, the one it skips is none
        column = column.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return column.dt.convert_time_zone(bank_zone).dt.replace_time_zone(None).dt.cast_time_unit("us")


def _key(name: str, found: pl.DataType) -> pl.Expr:
    if found.is_integer() and found != pl.UInt64:
        return pl.col(name).cast(pl.Int64)
    if isinstance(found, pl.Datetime):
        return pl.col(name).dt.cast_time_unit("us")
    if found in (pl.Binary, pl.Categorical, pl.Enum):  # files of one source may store text in several ways
        return pl.col(name).cast(_TEXT)
    return pl.col(name)


def _field(domain: Domain, name: str, kind: FieldKind, found: pl.DataType) -> pl.Expr:
    column, csv = pl.col(name), domain.source.format == "csv"
    if kind is FieldKind.CATEGORICAL and not found.is_nested():
        return column.cast(_TEXT)
    if kind is FieldKind.NUMERIC and (csv or found.is_numeric() or found in (pl.Boolean, pl.Null)):
        return (column.str.strip_chars() if csv else column).cast(pl.Float64)
    if kind is FieldKind.BOOLEAN and csv:
        return column.str.strip_chars().str.to_lowercase().replace_strict(_BOOLEAN_TEXTS, return_dtype=pl.Boolean)
    if kind is FieldKind.BOOLEAN and (found.is_integer() or found in (pl.Boolean, pl.Null)):
        return column.cast(pl.Boolean)
    raise SourceError(
        f"domain {domain.name}: field '{name}' is declared {kind.value}, but the source holds {found}. "
        f"Correct its kind in {domain.name}.yaml."
    )
