"""The door: a table's columns as the domain means them, and the reason for everything that cannot be used.

Behind the door, columns have names of their own, by position, so that no column of the bank's is taken for one of
ANNA's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import polars as pl

from anna_core.columns import booleans, clients, event_keys, numbers, times, versions
from anna_core.columns.booleans import boolean
from anna_core.columns.categories import category
from anna_core.columns.clients import client
from anna_core.columns.event_keys import TypedKey, event_key
from anna_core.columns.headers import bare_name
from anna_core.columns.moments import is_moment, moment_text
from anna_core.columns.numbers import TypedNumber, number
from anna_core.columns.times import time
from anna_core.columns.typed import Typed, UnfitColumnError, is_text
from anna_core.columns.value_keys import boolean_key, number_key, time_key
from anna_core.columns.versions import version
from anna_core.domains import Domain, FieldKind
from anna_core.errors import SourceError
from anna_core.sources.faults import Fault, as_header, with_lost_digits, without_key, without_time

CLIENT, TIME, VERSION, REST = "client", "time", "version", "version's rest"

_FEWEST_OTHERWISE = 10  # numbers that are written in another way; fewer among many may be slips of a hand

_Typed = TypeVar("_Typed", bound=Typed)

_STORED = {FieldKind.CATEGORICAL: pl.String(), FieldKind.NUMERIC: pl.Float64(), FieldKind.BOOLEAN: pl.Boolean()}
# What types a field, what is said of a value that is unusable, and its cure; anything can be a category.
_TYPING: dict[FieldKind, tuple[Callable[[str, pl.DataType], Typed], str, str | Callable[[str], str]]] = {
    FieldKind.CATEGORICAL: (category, "no category", str),
    FieldKind.NUMERIC: (number, "no number", numbers.cure_of),
    FieldKind.BOOLEAN: (boolean, "neither yes nor no", f"{booleans.CURE}, or make the field `categorical`"),
}


def key_names(domain: Domain) -> list[str]:
    """The names of the event key's columns behind the door."""
    return [f"key {place}" for place in range(len(domain.event_key))]


def version_names(domain: Domain) -> list[str]:
    """The names of the version's columns behind the door, which are compared in turn; none without a version."""
    return [VERSION, REST] if domain.version is not None else []


def field_names(domain: Domain) -> dict[str, str]:
    """Name of each field → its column's name behind the door."""
    return {name: f"field {place}" for place, name in enumerate(domain.fields)}


@dataclass(frozen=True)
class Door:
    """A table seen through the door.

    Attributes:
        table: the rows, with their columns as the files have them.
        values: name of each canonical column → an expression over `table`: client, time, key columns, the version's
            columns if the domain has one, fields.
        undated: the faults for which rows belong to no month.
        dated: the faults of rows that belong to one.
        names: name of each column in the source → its name in `table`.
    """

    table: pl.LazyFrame
    values: dict[str, pl.Expr]
    undated: list[Fault]
    dated: list[Fault]
    names: dict[str, str]


def open_door(domain: Domain, table: pl.LazyFrame, schema: pl.Schema, bank_zone: str, place: Path | str) -> Door:
    """Open the door to a table; fields that the table lacks are missing in all its rows.

    Args:
        domain: the domain.
        table: the source's rows, or some of them.
        schema: the table's columns and types; those of the client, the time and the event key are among them.
        bank_zone: the bank's time zone.
        place: the table's name in error messages.

    Raises:
        SourceError: a column's type cannot hold what the domain says.
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
            found[own] = self._key(name, own)
        if domain.version is not None:
            found[VERSION], found[REST] = self._version(domain.version)
        found |= {fields[name]: self._field(name, kind) for name, kind in domain.fields.items()}
        return {own: value.alias(own) for own, value in found.items()}

    def _typed(self, name: str, setting: str, kind: Callable[..., _Typed], *more: str) -> _Typed:
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
        self._note(self.dated, f"{name} is missing", name, CLIENT, none, "write the client into each row")
        self._note(self.dated, f"{name} is a decimal number", name, CLIENT, typed.unreadable, clients.CURE)
        self._note(self.dated, f"{name} has lost its letters", name, CLIENT, typed.lost, clients.LETTERS)
        return typed.usable

    def _time(self) -> pl.Expr:
        name = self._domain.columns.event_time
        typed = self._typed(name, "columns.event_time", time, *self._zones)
        none = typed.value.is_null() & ~typed.unreadable & ~typed.outside
        first, end = times.ERA
        era = f"{name} is outside the years {first.year} to {end.year - 1}"
        self._note(self.undated, without_time(name), name, TIME, none, "write the time into each row")
        own, unreadable = self._names[name], typed.unreadable
        kind = self._kinds[own]
        if is_text(kind):  # of files that were glued together
            again = (bare_name(pl.col(own).cast(pl.String)) == name.lower()).fill_null(value=False)
            cure = "it is a header, and no row is lost"
            self._note(self.undated, as_header(name), name, TIME, again, cure, judged=False)
            unreadable = unreadable & ~again
        self._note(self.undated, f"{name} is no time", name, TIME, unreadable, times.CURE)
        self._note(self.undated, era, name, TIME, typed.outside, "leave empty what is not known")
        return typed.value

    def _key(self, name: str, canonical: str) -> pl.Expr:
        key = self._typed_key(name)
        if name not in (self._domain.columns.client_id, self._domain.columns.event_time):  # these are noted already
            cure = "write the key into each row"
            self._note(
                self.dated, without_key(name), name, canonical, key.missing, cure, whole_row=False,
                judged=False,
            )  # fmt: skip
            self._note(
                self.dated, with_lost_digits(name), name, canonical, key.unreadable, event_keys.CURE,
                whole_row=False,
            )  # fmt: skip
        return key.value

    def _typed_key(self, name: str) -> TypedKey:
        zone, kind = self._zones[0], self._domain.fields.get(name)
        if name == self._domain.columns.event_time:
            return self._typed(name, "event_key", time_key, *self._zones)
        if kind is FieldKind.NUMERIC:
            return self._typed(name, "event_key", number_key, zone)
        if kind is FieldKind.BOOLEAN:
            return self._typed(name, "event_key", boolean_key, zone)
        return self._typed(name, "event_key", event_key, zone)

    def _version(self, name: str) -> tuple[pl.Expr, pl.Expr]:
        if name not in self._names:
            return pl.lit(None, pl.Float64), pl.lit(0.0)
        typed = self._typed(name, "version", version, *self._zones)
        self._note(
            self.dated, f"{name} is no version", name, VERSION, typed.unreadable, versions.CURE,
            whole_row=False,
        )  # fmt: skip
        return typed.value, typed.rest

    def _field(self, name: str, kind: FieldKind) -> pl.Expr:
        if name not in self._names:
            return pl.lit(None, _STORED[kind])
        typing, problem, cure = _TYPING[kind]
        typed = self._typed(name, f"fields.{name}", typing)
        own = field_names(self._domain)[name]
        unreadable = typed.unreadable
        if isinstance(typed, TypedNumber):
            unreadable, separated, dotted = typed.in_no_form, typed.separated, typed.dotted
            self._note(self.dated, f"{name} is {numbers.DOTTED}", name, own, dotted, cure, whole_row=False, proof=1)
            if not dotted.meta.is_literal():
                separated = separated & ~dotted
            for form, flag in {numbers.SEPARATED: separated, numbers.NEGATIVE: typed.negative}.items():
                self._note(
                    self.dated, f"{name} is {form}", name, own, flag, cure, whole_row=False, proof=_FEWEST_OTHERWISE
                )
            self._note(
                self.dated, f"{name} is {numbers.TOO_LARGE}", name, own, typed.too_large, numbers.SMALLER,
                whole_row=False,
            )  # fmt: skip
        self._note(self.dated, f"{name} is {problem}", name, own, unreadable, cure, whole_row=False)
        return typed.value

    def _note(
        self, faults: list[Fault], reason: str, name: str, canonical: str, flag: pl.Expr,
        cure: str | Callable[[str], str], *, whole_row: bool = True, judged: bool = True, proof: int | None = None,
    ) -> None:  # fmt: skip
        """Note a fault, as of `Fault`, of the source's column `name`; text as a cure is that of all values."""
        if not flag.meta.is_literal():  # of most types nothing is unreadable
            cure_of = cure if callable(cure) else lambda _: cure
            own = self._names[name]
            kind, column = self._kinds[own], pl.col(own)
            shown = moment_text(column, kind) if is_moment(kind) else column.cast(pl.String)
            faults.append(Fault(reason, name, shown, own, canonical, flag, cure_of, whole_row, judged, proof))


def _safe_name(name: str, names: tuple[str, ...]) -> str:
    """A name that Polars does not take for a pattern, as it does `*` (all columns) and `^x$` (those that match `x`)."""
    own = name
    while own == "*" or (own.startswith("^") and own.endswith("$")) or (own != name and own in names):
        own = f" {own}"
    return own
