"""Clients' raw events as somebody hands them over: in memory, named as in the domain's source table."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl

from anna_core.columns.near_names import near_names, what_differs
from anna_core.columns.times import ERA
from anna_core.domains import Domain
from anna_core.errors import AnnaError
from anna_core.scoring.given_columns import UnfitValueError, given_column

CLIENT_ID, AS_OF, EVENTS = "client_id", "as_of", "events"
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ]00:00(?::00(?:\.0+)?)?)?")

Events = Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]  # a record an event, or a list a column


class RequestError(AnnaError):
    """Clients or events that are to be scored cannot be used as they are."""


@dataclass(frozen=True)
class ClientEvents:
    """One client to be scored.

    Attributes:
        client_id: text or a whole number, as in the source tables.
        as_of: the day at whose start the client is looked at.
        events: domain → the client's events, in any order, those that lie outside of the window as well; each has the
            columns of the domain's source table. The client's own column may be left out.
    """

    client_id: object
    as_of: dt.date
    events: Mapping[str, Events]


@dataclass(frozen=True)
class DomainEvents:
    """The events that several clients have in a domain.

    Attributes:
        domain: the domain.
        frame: (e) rows, columns as in the domain's source table.
        row: (e,) int64, which of the clients each event belongs to; ascending.
        clients: (n,) ids, as they were given.
    """

    domain: Domain
    frame: pl.DataFrame
    row: np.ndarray
    clients: Sequence[object]

    def place(self, event: int) -> str:
        """An event as a person finds it."""
        return _place(self.clients, self.row, event)


def read_records(
    records: Iterable[Mapping[str, Any]], domains: Iterable[str], as_of: object = None
) -> list[ClientEvents]:
    """Clients of plain records, such as JSON gives them.

    Args:
        records: of each client `client_id`, `as_of`, and `events`: domain → its events, as of `ClientEvents`.
        domains: names of those that the model reads.
        as_of: of clients that name none; text YYYY-MM-DD or a date.

    Raises:
        RequestError: a record has no client, no date or one that is none, no events, or anything else.
    """
    known = frozenset(domains)
    return [_client(record, number, known, as_of) for number, record in enumerate(records, 1)]


def _client(record: Mapping[str, Any], number: int, domains: frozenset[str], as_of: object) -> ClientEvents:
    if not isinstance(record, Mapping):
        raise RequestError(f"record {number}: is {_shown(record)}, but should be an object with {CLIENT_ID}.")
    client_id = record.get(CLIENT_ID)
    if _is_nothing(client_id):
        raise RequestError(f"record {number}: has no {CLIENT_ID}.")
    if others := sorted(str(name) for name in record if name not in (CLIENT_ID, AS_OF, EVENTS)):
        raise RequestError(
            f"client {client_id!r}: names {', '.join(others)}, of which the model knows nothing: a client has "
            f"{CLIENT_ID}, {AS_OF} and {EVENTS}, and in the last one each domain its own."
        )
    events = record.get(EVENTS)
    if not isinstance(events, Mapping):
        raise RequestError(
            f"client {client_id!r}: {EVENTS} is {_shown(events)}, but should be an object: domain → list of events; "
            "of a client without any it is empty."
        )
    if strange := sorted(str(name) for name in events if name not in domains):
        near = near_names(domains, strange)
        meant = f" Is {next(iter(near))} meant?" if near else ""
        raise RequestError(
            f"client {client_id!r}: the model reads no domain '{strange[0]}'; it reads {', '.join(sorted(domains))}."
            f"{meant}"
        )
    own = record.get(AS_OF)
    day = _day(as_of if _is_nothing(own) or own == "" else own, client_id)
    return ClientEvents(client_id, day, {name: given for name, given in events.items() if not _is_nothing(given)})


def _day(given: object, client_id: object) -> dt.date:
    if _is_nothing(given) or given == "":
        raise RequestError(f"client {client_id!r}: has no {AS_OF}, and none is given for all: write it as 2024-03-31.")
    day: dt.date | None = None
    if isinstance(given, dt.datetime):
        day = given.date() if given.time() == dt.time() else None
    elif isinstance(given, dt.date):
        day = given
    elif isinstance(given, str) and (found := _DAY.fullmatch(given.strip())):
        try:
            day = dt.date.fromisoformat(found[1])
        except ValueError:  # the 31st of February
            day = None
    first, end = ERA
    if day is None or not first.date() <= day < end.date():
        raise RequestError(
            f"client {client_id!r}: {AS_OF} is {_shown(given)}, which is no day: write it as 2024-03-31."
        )
    return day


def gather(domain: Domain, clients: Sequence[ClientEvents]) -> DomainEvents:
    """Put the events that clients have in a domain into one table.

    Raises:
        RequestError: they are no records or columns, one belongs to another client, a column that the domain names is
            in none of them, or a value cannot stand in a column.
    """
    own = domain.columns.client_id
    names = [name for name in domain.source_columns if name != own]
    ids = [client.client_id for client in clients]
    tables = [_Table.of(client, domain) for client in clients]
    row = np.repeat(np.arange(len(clients)), [table.length for table in tables])
    if len(row):
        _require_columns(domain, names, tables)
    frame: dict[str, pl.Series] = {own: pl.Series(own, [str(one) for one in ids], dtype=pl.String)[row]}
    parts = [table.columns(names) for table in tables]
    for place, name in enumerate(names):
        columns = [part[place] for part in parts if len(part[place])]
        values = columns[0] if len(columns) == 1 else [value for column in columns for value in column]
        try:
            frame[name] = given_column(name, values)
        except UnfitValueError as error:
            raise RequestError(
                f"domain {domain.name}, column {name}, {_place(ids, row, error.place)}: {_shown(values[error.place])} "
                f"{error.told}."
            ) from error
    return DomainEvents(domain, pl.DataFrame(frame), row, ids)


@dataclass(frozen=True)
class _Table:
    """A client's events in a domain, of either form."""

    events: Events
    length: int
    names: frozenset[str] | None  # of columns; None where each event names its own

    @classmethod
    def of(cls, client: ClientEvents, domain: Domain) -> "_Table":
        events = client.events.get(domain.name, ())
        where = f"domain {domain.name}, client {client.client_id!r}"
        if isinstance(events, Mapping):
            lengths = {str(name): _length(values, f"{where}, column {name}") for name, values in events.items()}
            if len(set(lengths.values())) > 1:
                raise RequestError(f"{where}: its columns are not of one length: {lengths}.")
            table = cls(events, next(iter(lengths.values()), 0), frozenset(lengths))
        else:
            count = _length(events, where)
            for place, event in enumerate(events, 1):
                if type(event) is not dict and not isinstance(event, Mapping):
                    raise RequestError(f"{where}, event {place}: is {_shown(event)}, but should be an object.")
            table = cls(events, count, None)
        table._require_client(client.client_id, domain.columns.client_id, where)
        return table

    def columns(self, names: Sequence[str]) -> list[Sequence[Any]]:
        """(length,) what stands in each column; None where nothing does."""
        events = self.events
        if isinstance(events, Mapping):
            return [events[name] if name in events else [None] * self.length for name in names]
        if len(names) > 1 and self.length:
            with suppress(KeyError):  # most events name all columns; it takes a tenth of the time of asking for each
                return list(zip(*map(itemgetter(*names), events), strict=True))
        return [[event.get(name) for event in events] for name in names]

    def has(self, name: str) -> bool:
        """Whether any of its events names a column."""
        if self.names is not None:
            return name in self.names
        return any(name in event for event in self.events)

    def all_names(self) -> set[str]:
        """The columns that its events name."""
        return set(self.names) if self.names is not None else {name for event in self.events for name in event}

    def _require_client(self, client_id: object, column: str, where: str) -> None:
        if not self.has(column):
            return
        expected = str(client_id).strip()
        for place, value in enumerate(self.columns([column])[0], 1):
            if value is not None and str(value).strip() != expected:
                raise RequestError(f"{where}, column {column}, event {place}: is another client's, {_shown(value)}.")


def _require_columns(domain: Domain, names: Sequence[str], tables: Sequence[_Table]) -> None:
    """As of a source's files: a column that no event names is rather misspelt than empty everywhere."""
    missing = [name for name in names if not any(table.has(name) for table in tables)]
    if not missing:
        return
    there = sorted(set().union(*(table.all_names() for table in tables)))
    near = near_names(missing, there)
    cure = "where nothing is known of it, write null in one event at least"
    if near:
        wanted, found = next(iter(near.items()))
        cure = f"{found!r} is there instead of {wanted!r}, and {what_differs(near)}"
    raise RequestError(f"domain {domain.name}: no event names {', '.join(missing)}; they name {there}: {cure}.")


def _length(values: object, where: str) -> int:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray, pl.Series)):
        raise RequestError(f"{where}: is {_shown(values)}, but should be a list.")
    return len(values)


def _place(clients: Sequence[object], row: np.ndarray, event: int) -> str:
    client = int(row[event])
    return f"client {clients[client]!r}, event {event - int(np.searchsorted(row, client)) + 1}"


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value)  # NaN: a frame's gap


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
