"""The door: a table's columns as the domain means them, and for what no value can be made of, the reason.

What comes out has names of its own, by position, so that no column of the bank's can be taken for one of ANNA's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from anna_core.columns import booleans, clients, numbers, times, versions
from anna_core.columns.booleans import boolean
from anna_core.columns.categories import category
from anna_core.columns.clients import client
from anna_core.columns.event_keys import event_key
from anna_core.columns.moments import is_moment, moment_text
from anna_core.columns.numbers import TypedNumber, number
from anna_core.columns.times import time
from anna_core.columns.typed import Typed, UnfitColumnError
from anna_core.columns.versions import version
from anna_core.domains import Domain, FieldKind
from anna_core.errors import SourceError

CLIENT, TIME, VERSION, REST = "client", "time", "version", "version's rest"

_STORED = {FieldKind.CATEGORICAL: pl.String(), FieldKind.NUMERIC: pl.Float64(), FieldKind.BOOLEAN: pl.Boolean()}
# What types a field, and what is said of a value that is none; anything can be a category.
_TYPING: dict[FieldKind, tuple[Callable[[str, pl.DataType], Typed], str, Callable[[str], str]]] = {
    FieldKind.CATEGORICAL: (category, "no category", str),
    FieldKind.NUMERIC: (number, "no number", numbers.cure_of),
    FieldKind.BOOLEAN: (boolean, "neither yes nor no", lambda _: booleans.CURE),
}


def key_names(domain: Domain) -> list[str]:
    """What the columns of the event's key are called behind the door."""
    return [f"key {place}" for place in range(len(domain.event_key))]


def version_names(domain: Domain) -> list[str]:
    """What tells deliveries of one event apart behind the door, where the domain has versions: compared in turn."""
    return [VERSION, REST] if domain.version is not None else []


def field_names(domain: Domain) -> dict[str, str]:
    """What each field is called behind the door."""
    return {name: f"field {place}" for place, name in enumerate(domain.fields)}


@dataclass(frozen=True)
class Fault:
    """Something for which values, or whole rows, do not reach a mart.

    Attributes:
        reason: as people read it.
        column: the source's name of the column.
        values: what stands there, to be shown; over the table.
        own: the table's name of it.
        canonical: the canonical column, which has no value where a row has the fault.
        flag: bool, never null, whether a row has it; over the table.
        cure: what to do about a text that stands there.
        whole_row: whether the row is left aside; else the value alone is missing.
    """

    reason: str
    column: str
    values: pl.Expr
    own: str
    canonical: str
    flag: pl.Expr
    cure: Callable[[str], str]
    whole_row: bool = True


@dataclass(frozen=True)
class Door:
    """A table seen through the door.

    Attributes:
        table: its rows, with columns as their files have them.
        values: canonical columns, by name: client, time, key columns, version and its rest where the
            domain has one, fields.
        undated: why rows belong to no month.
        dated: what is wrong with rows that do.
        names: of the columns in `table`, by the source's.
    """

    table: pl.LazyFrame
    values: dict[str, pl.Expr]
    undated: list[Fault]
    dated: list[Fault]
    names: dict[str, str]


def open_door(domain: Domain, table: pl.LazyFrame, schema: pl.Schema, bank_zone: str, place: Path | str) -> Door:
    """See a table as the domain does; fields that it lacks are missing in all its rows.

    Args:
        domain: the domain.
        table: the source's rows, or some.
        schema: the table's columns and types; those of the client, the time and the key are among them.
        bank_zone: the bank's time zone.
        place: names the table in errors.

    Raises:
        SourceError: a column's type can hold nothing of the kind that it should.
    """
    order = tuple(schema)
    safe = {name: _safe_name(name, order) for name in domain.source_columns if name in schema}
    kinds = {own: schema[name] for name, own in safe.items()}
    if any(name != own for name, own in safe.items()):
        table = table.with_columns(pl.nth(order.index(name)).alias(own) for name, own in safe.items() if name != own)
    opening = _Opening(domain, safe, kinds, bank_zone, place)
    return Door(table, opening.values(), opening.undated, opening.dated, safe)


class _Opening:
    """Collects a door's expressions and faults."""

    def __init__(
        self, domain: Domain, names: dict[str, str], kinds: dict[str, pl.DataType], bank_zone: str, place: Path | str
    ) -> None:
        self._domain, self._names, self._kinds, self._place = domain, names, kinds, place
        self._zones = domain.time_zone or bank_zone, bank_zone
        self.undated: list[Fault] = []
        self.dated: list[Fault] = []

    def values(self) -> dict[str, pl.Expr]:
        """The canonical columns."""
        domain, fields = self._domain, field_names(self._domain)
        found = {CLIENT: self._client(), TIME: self._time()}
        for name, own in zip(domain.event_key, key_names(domain), strict=True):
            found[own] = self._typed(name, "event_key", event_key).value
        if domain.version is not None:
            found[VERSION], found[REST] = self._version(domain.version)
        found |= {fields[name]: self._field(name, kind) for name, kind in domain.fields.items()}
        return {own: value.alias(own) for own, value in found.items()}

    def _typed(self, name: str, setting: str, kind: Callable[..., Typed], *more: str) -> Typed:
        own = self._names[name]
        try:
            return kind(own, self._kinds[own], *more)
        except UnfitColumnError as error:
            raise SourceError(
                f"domain {self._domain.name}: {self._place}: {error}; or correct `{setting}` in "
                f"{self._domain.name}.yaml."
            ) from error

    def _client(self) -> pl.Expr:
        name = self._domain.columns.client_id
        typed = self._typed(name, "columns.client_id", client)
        none = (typed.value.is_null() & ~typed.unreadable).fill_null(value=False)
        self._note(self.dated, f"{name} is missing", name, CLIENT, none, lambda _: "write the client into each row")
        self._note(self.dated, f"{name} is a decimal number", name, CLIENT, typed.unreadable, lambda _: clients.CURE)
        return typed.value if typed.unreadable.meta.is_literal() else pl.when(~typed.unreadable).then(typed.value)

    def _time(self) -> pl.Expr:
        name = self._domain.columns.event_time
        typed = self._typed(name, "columns.event_time", time, *self._zones)
        assert isinstance(typed, times.TypedTime)
        none = typed.value.is_null() & ~typed.unreadable & ~typed.outside
        first, end = times.ERA
        era = f"{name} is outside the years {first.year} to {end.year - 1}"
        self._note(self.undated, f"{name} is missing", name, TIME, none, lambda _: "write the time into each row")
        self._note(self.undated, f"{name} is no time", name, TIME, typed.unreadable, lambda _: times.CURE)
        self._note(self.undated, era, name, TIME, typed.outside, lambda _: "leave empty what is not known")
        return typed.value

    def _version(self, name: str) -> tuple[pl.Expr, pl.Expr]:
        if name not in self._names:
            return pl.lit(None, pl.Float64), pl.lit(0.0)
        typed = self._typed(name, "version", version, *self._zones)
        assert isinstance(typed, versions.TypedVersion)
        self._note(
            self.dated, f"{name} is no version", name, VERSION, typed.unreadable, lambda _: versions.CURE,
            whole_row=False,
        )  # fmt: skip
        return typed.value, typed.rest

    def _field(self, name: str, kind: FieldKind) -> pl.Expr:
        if name not in self._names:
            return pl.lit(None, _STORED[kind])
        typing, problem, cure = _TYPING[kind]
        typed = self._typed(name, f"fields.{name}", typing)
        own = field_names(self._domain)[name]
        self._note(self.dated, f"{name} is {problem}", name, own, typed.unreadable, cure, whole_row=False)
        if isinstance(typed, TypedNumber):
            self._note(
                self.dated, f"{name} is {numbers.TOO_LARGE}", name, own, typed.too_large, lambda _: numbers.SMALLER,
                whole_row=False,
            )  # fmt: skip
        return typed.value

    def _note(
        self, faults: list[Fault], reason: str, name: str, canonical: str, flag: pl.Expr, cure: Callable[[str], str],
        *, whole_row: bool = True,
    ) -> None:  # fmt: skip
        if not flag.meta.is_literal():  # of most types nothing is unreadable
            own = self._names[name]
            kind, column = self._kinds[own], pl.col(own)
            shown = moment_text(column, kind) if is_moment(kind) else column.cast(pl.String)
            faults.append(Fault(reason, name, shown, own, canonical, flag, cure, whole_row))


def _safe_name(name: str, names: tuple[str, ...]) -> str:
    """A name of which Polars makes no pattern: it takes `*` for all columns, and `^x$` for those that fit `x`."""
    own = name
    while own == "*" or (own.startswith("^") and own.endswith("$")) or (own != name and own in names):
        own = f" {own}"
    return own
