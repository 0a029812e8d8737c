"""Domains: each YAML file in `domains/` describes one kind of event stream."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from anna_core.durations import Duration, format_duration, known_zones
from anna_core.errors import DomainError, KeyNameError
from anna_core.file_names import shown
from anna_core.keys import check_domain
from anna_core.strict import Strict, explain
from anna_core.yaml_files import YamlError, read_yaml


class FieldKind(StrEnum):
    """How a field enters the nets: as a code from the dictionary, a number, or a yes/no."""

    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"


SourceFormat = Literal["parquet", "csv", "delta", "iceberg"]

OWNER_PATTERN = r"^(team:\w+|[^@\s]+@[^@\s]+\.[^@\s]+)$"  # what Dagster takes as an owner

# The names of a mart's own two columns; fields stand beside them under their own names.
RESERVED_FIELDS = frozenset({"client_id", "event_time"})
# Ten times as many as the values of a field that have a vector in a net by default (`net.vocabulary`), so that no net
# misses a value that it would look at; with their texts they take 10 MB of a step's memory.
MOST_CATEGORIES = 100_000


class SourceSpec(Strict):
    """Where a domain's raw table lies, and in which format.

    Attributes:
        path: a folder or a file, relative to ANNA_HOME; `$NAME` is replaced by the environment variable. For a Delta or
            Iceberg table it is the table's folder, and the newest state is read; if it is a metadata file of an Iceberg
            table, that one state is read for ever.
        format: how the table is stored.
        copies: how often rows count that two files hold alike, all of them or all of a month's, where events have no
            key: once, as of two deliveries of the same, or each time, as of two channels by which the same was sent.
    """

    path: Annotated[str, Field(min_length=1)]
    format: SourceFormat = "parquet"
    copies: Literal["once", "each"] = "once"

    @property
    def is_lake(self) -> bool:
        """Whether it is a table of a data lake, which has versions, and is never half written."""
        return self.format in ("delta", "iceberg")


class ColumnNames(Strict):
    """The source's names for the columns of the client and of the event's time."""

    client_id: Annotated[str, Field(min_length=1)] = "client_id"
    event_time: Annotated[str, Field(min_length=1)] = "event_time"


class Domain(Strict):
    """One kind of event stream.

    Attributes:
        name: the file's name without its ending; also in the names of the domain's assets and folders.
        description: what the domain is, for people.
        owner: who is responsible for the data: `team:cards` or an e-mail address.
        source: where the raw table lies.
        columns: what the source calls the client and the time.
        fields: source column → kind; these columns become the model's inputs, in this order.
        event_key: columns that identify an event of a client. Of all rows of the source that repeat them one is kept,
            whatever months they lie in. Rows in which one is empty are kept, and if no column is named, all rows are.
        version: column, a number or a time, whose greatest value wins among the deliveries of one event. Without it,
            and among equals, the file that was modified later wins (by its name where the times are equal). Within a
            file the order of rows means nothing: the later month wins, and in a month the smaller values. A Delta or
            Iceberg table counts as one file. Either way the mart holds one state of an event: rows of a sample see the
            delivery that stays at the event's time, even those as of before it was written (docs/data.md).
        time_zone: the zone of time stamps that carry none; None means the bank's.
        availability_lag: after this time an event can be relied upon to be in the table.
        lookback: how far back from as_of a sequence reaches.
        max_length: the most events in a sequence; the latest are kept.
        max_categories: how many values of a categorical field get a code of their own, the most frequent first. Later
            ones share codes, chosen by their hash. Once a field has reached this number, raising it changes nothing for
            the field, because a code, once given, never changes.
    """

    name: str
    description: str = ""
    owner: Annotated[str, Field(pattern=OWNER_PATTERN)] | None = None
    source: SourceSpec
    columns: ColumnNames = ColumnNames()
    event_key: tuple[str, ...] = ()
    version: Annotated[str, Field(min_length=1)] | None = None
    fields: dict[str, FieldKind]
    time_zone: str | None = None
    availability_lag: Duration = dt.timedelta(0)
    lookback: Duration = dt.timedelta(days=365)
    max_length: Annotated[int, Field(ge=1, le=100_000)] = 512
    max_categories: Annotated[int, Field(ge=1, le=2**30)] = MOST_CATEGORIES

    @field_validator("name")
    @classmethod
    def _name_is_usable(cls, name: str) -> str:
        try:
            return check_domain(name)
        except KeyNameError as error:
            raise ValueError(str(error)) from error

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in known_zones():
            raise ValueError(f"'{zone}' is not a time zone: use a name such as Europe/Moscow or UTC")
        return zone

    @field_validator("lookback")
    @classmethod
    def _months_are_not_minutes(cls, lookback: dt.timedelta) -> dt.timedelta:
        if lookback < dt.timedelta(hours=1):
            told = format_duration(lookback)
            raise ValueError(f"'{told}' is a number of minutes; write months as days, as in 365d")
        return lookback

    @model_validator(mode="after")
    def _fields_make_sense(self) -> Self:
        if not self.fields:
            raise ValueError("fields is empty: name at least one column, as in `amount: numeric`")
        if clash := sorted(RESERVED_FIELDS.intersection(self.fields)):
            raise ValueError(f"{clash} cannot be fields: marts call their own columns so; give a view another name")
        if set(self.event_key) == {self.columns.client_id}:
            raise ValueError("event_key is the client alone, so one event of each would stay: name the event's columns")
        if self.version is not None and not self.event_key:
            raise ValueError("version decides between deliveries of one event: name the event's columns in event_key")
        if self.lookback <= self.availability_lag:
            raise ValueError("lookback must be longer than availability_lag, or no event is ever visible")
        return self

    @property
    def window_version(self) -> str:
        """The rules that sequences are cut by, as text: availability lag, lookback and greatest length."""
        return f"{format_duration(self.availability_lag)} {format_duration(self.lookback)} {self.max_length}"

    @property
    def owners(self) -> list[str]:
        """The owner as a list, which is empty if there is none."""
        return [self.owner] if self.owner else []

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the fields kept as integer codes, categorical and boolean ones, in the order of the file."""
        return tuple(name for name, kind in self.fields.items() if kind is not FieldKind.NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the fields whose codes come from the dictionary."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.CATEGORICAL)

    @property
    def boolean(self) -> tuple[str, ...]:
        """Names of the fields with fixed codes: 0 missing, 1 false, 2 true."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.BOOLEAN)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the fields kept as float32 numbers, NaN where a value is missing."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.NUMERIC)

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Names of all source columns that the domain reads, without repetition."""
        version = () if self.version is None else (self.version,)
        names = (self.columns.client_id, self.columns.event_time, *self.event_key, *version, *self.fields)
        return tuple(dict.fromkeys(names))


def read_domain(path: Path) -> Domain:
    """Read one domain file.

    Raises:
        DomainError: the file cannot be read or a setting in it is wrong; the message names file, setting and cure.
    """
    try:
        content = read_yaml(path)
    except YamlError as error:
        raise DomainError(str(error)) from error
    file, name = shown(path), shown(path.stem)  # what is no UTF-8 cannot be told, nor name a domain
    if not isinstance(content, dict):
        raise DomainError(f"{file}: should hold `source:`, `columns:` and `fields:`; found {type(content).__name__}.")
    if content.get("name", name) != name:
        raise DomainError(f"{file}: name '{content['name']}' differs from the file's: drop `name` or rename the file.")
    try:
        check_domain(name)
    except KeyNameError as error:
        raise DomainError(f"{file}: {error} Rename the file.") from error
    try:
        return Domain.model_validate({**content, "name": name})
    except ValidationError as error:
        raise DomainError(f"{file}: {explain(error, 'file', Domain)}") from error


@dataclass(frozen=True)
class DomainFiles:
    """The content of a folder of domain files.

    Attributes:
        domains: name → domain, in the order of names; if a file cannot be used, its last usable version, if known.
        problems: name of a file that cannot be used → what is wrong with it.
    """

    domains: dict[str, Domain]
    problems: dict[str, str]

    @property
    def notes(self) -> list[str]:
        """For each file that cannot be used, what is wrong and what is used until it is corrected."""
        return [self._note(file, problem) for file, problem in self.problems.items()]

    def _note(self, file: str, problem: str) -> str:
        name = Path(file).stem
        holds = f"{name} is used as its file was before" if name in self.domains else f"{name} is left out"
        return f"{' '.join(problem.split()).rstrip('.')}. Until that is corrected, {holds}."


def read_domains(folder: Path, last_good: Mapping[str, Domain] = MappingProxyType({})) -> DomainFiles:
    """Read the domain files of a folder; one that cannot be used, such as a half-written one, does not stop the others.

    Args:
        folder: the domains' folder.
        last_good: name → the last usable version of a domain, which is used while its file cannot be.

    Raises:
        DomainError: the folder holds no domain file, or none of them can be used.
    """
    files = domain_files(folder)
    if not files:
        raise DomainError(
            f"{folder}: no domain file (*.yaml) here. Copy example.yaml.txt of a new deployment to <name>.yaml and say "
            "in it where your table lies, or simulate a bank (`anna demo-bank`); or set ANNA_DOMAINS to the folder "
            "that has the files."
        )
    domains, problems = {}, {}
    for name, group in groupby(files, key=lambda path: path.stem):
        first, *others = group
        try:
            if others:
                raise DomainError(
                    f"{shown(first)}: two files describe the same domain (.yaml and .yml); remove one of them."
                )
            domains[name] = read_domain(first)
        except DomainError as error:
            problems[shown(first.name)] = str(error)
            if name in last_good:
                domains[name] = last_good[name]
    if not domains:
        raise DomainError(" ".join(problems.values()))
    return DomainFiles(domains, problems)


def domain_files(folder: Path) -> list[Path]:
    """The domain files of a folder in the order of their names, without an editor's hidden ones (`.#cards.yaml`)."""
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: (path.stem, path.name))
