"""Domains: what one YAML file in `domains/` says about one kind of event stream."""

import datetime as dt
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from anna_core.durations import Duration, format_duration
from anna_core.errors import DomainError, KeyNameError
from anna_core.keys import check_domain
from anna_core.paths import shown
from anna_core.strict import Strict, explain
from anna_core.yaml_files import YamlError, read_yaml


class FieldKind(StrEnum):
    """How a field enters the nets: as a code of the dictionary, a number, or a yes/no."""

    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"


SourceFormat = Literal["parquet", "csv", "delta", "iceberg"]

OWNER_PATTERN = r"^(team:\w+|[^@\s]+@[^@\s]+\.[^@\s]+)$"  # what Dagster takes as an owner

# What a mart calls its own two columns, beside which the fields stand under their own names.
RESERVED_FIELDS = frozenset({"client_id", "event_time"})
# Ten times the vectors that a net keeps of a field by default (`net.vocabulary`), so that no net goes without a value
# that it would look at; with their texts they take 10 MB of a step's memory.
MOST_CATEGORIES = 100_000


class SourceSpec(Strict):
    """Where a domain's raw table lies, and its format.

    Attributes:
        path: a folder or a file, relative to ANNA_HOME; `$NAME` is taken from the environment. Of a Delta or Iceberg
            table the table's folder, whose newest state is read; a metadata file of an Iceberg table names one state of
            it for ever.
        format: how the table is stored.
    """

    path: Annotated[str, Field(min_length=1)]
    format: SourceFormat = "parquet"


class ColumnNames(Strict):
    """What the source calls the client and the moment of the event."""

    client_id: Annotated[str, Field(min_length=1)] = "client_id"
    event_time: Annotated[str, Field(min_length=1)] = "event_time"


class Domain(Strict):
    """One kind of event stream.

    Attributes:
        name: the file's stem; names the domain's assets and folders.
        owner: who answers for the data: `team:cards` or a mail address.
        fields: source column → kind; these columns become the model's inputs, in this order.
        event_key: columns that identify an event of a client. Of all rows of the source that repeat them one is kept,
            in whichever months they lie. Rows without a key are kept, and so is everything where no key is named.
        version: column, a number or a time, whose greatest value wins among the deliveries of one event. Without it,
            and among equals, the file that was modified later wins (by its name where the times are equal). Within a
            file the order of rows means nothing: the later month wins, and in a month the smaller values. A Delta or
            Iceberg table counts as one file. Either way the mart holds one state of an event: rows of a sample see the
            delivery that stays at the event's time, even those as of before it was written (docs/data.md).
        time_zone: the zone of time stamps that carry none; None means the bank's.
        availability_lag: how long after it happened an event can be relied upon to be in the table.
        lookback: how far back of as_of a sequence reaches.
        max_length: a sequence keeps this many of its latest events.
        max_categories: values of a categorical field that get a code of their own, the most frequent first. Later ones
            share codes, by their hash. A field that has come so far stays so: raising this changes nothing for it, as a
            code, once given, never changes.
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
        if zone is not None and zone not in zoneinfo.available_timezones():
            raise ValueError(f"'{zone}' is not a time zone: use a name such as Europe/Moscow or UTC")
        return zone

    @model_validator(mode="after")
    def _fields_make_sense(self) -> Self:
        if not self.fields:
            raise ValueError("fields is empty: name at least one column, as in `amount: numeric`")
        if clash := sorted(RESERVED_FIELDS.intersection(self.fields)):
            raise ValueError(f"{clash} cannot be fields: marts call their own columns so; give a view another name")
        if self.version is not None and not self.event_key:
            raise ValueError("version decides between deliveries of one event: name the event's columns in event_key")
        if self.lookback <= self.availability_lag:
            raise ValueError("lookback must be longer than availability_lag, or no event is ever visible")
        return self

    @property
    def window_version(self) -> str:
        """The rules by which sequences are cut, as text: availability lag, lookback and greatest length."""
        return f"{format_duration(self.availability_lag)} {format_duration(self.lookback)} {self.max_length}"

    @property
    def owners(self) -> list[str]:
        """The owner as a list, empty where there is none."""
        return [self.owner] if self.owner else []

    @property
    def coded(self) -> tuple[str, ...]:
        """Fields kept as integer codes: categories and booleans, in the order of the file."""
        return tuple(name for name, kind in self.fields.items() if kind is not FieldKind.NUMERIC)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Fields whose codes come from the dictionary."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.CATEGORICAL)

    @property
    def boolean(self) -> tuple[str, ...]:
        """Fields with the fixed codes of `anna_core.marts.mart`: 0 missing, 1 false, 2 true."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.BOOLEAN)

    @property
    def numeric(self) -> tuple[str, ...]:
        """Fields kept as float32 numbers, NaN where missing."""
        return tuple(name for name, kind in self.fields.items() if kind is FieldKind.NUMERIC)

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Every source column that the domain reads, each once."""
        version = () if self.version is None else (self.version,)
        names = (self.columns.client_id, self.columns.event_time, *self.event_key, *version, *self.fields)
        return tuple(dict.fromkeys(names))


def read_domain(path: Path) -> Domain:
    """Read one domain file.

    Raises:
        DomainError: naming the file, the field and the cure.
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
        return Domain.model_validate({**content, "name": name})
    except ValidationError as error:
        raise DomainError(f"{file}: {explain(error, 'file')}") from error


@dataclass(frozen=True)
class DomainFiles:
    """What the files of a folder say.

    Attributes:
        domains: by name, in order; one whose file cannot be used is as it last was, where that is known.
        problems: name of a file that cannot be used → what is wrong with it.
    """

    domains: dict[str, Domain]
    problems: dict[str, str]

    @property
    def notes(self) -> list[str]:
        """A sentence or two a file that cannot be used: what is wrong, and what holds until it is corrected."""
        return [self._note(file, problem) for file, problem in self.problems.items()]

    def _note(self, file: str, problem: str) -> str:
        name = Path(file).stem
        holds = f"{name} is used as its file was before" if name in self.domains else f"{name} is left out"
        return f"{' '.join(problem.split())} Until that is corrected, {holds}."


def load_domains(folder: Path) -> dict[str, Domain]:
    """Read every `*.yaml` of a folder, by name.

    Raises:
        DomainError: the folder is missing or empty, or a file in it is wrong.
    """
    found = read_domains(folder)
    if found.problems:
        raise DomainError(" ".join(found.problems.values()))
    return found.domains


def read_domains(folder: Path, last_good: Mapping[str, Domain] = MappingProxyType({})) -> DomainFiles:
    """Read every `*.yaml` of a folder; a file that cannot be read, such as one that is half written, stops no other.

    Args:
        folder: the domains' folder.
        last_good: by name, each domain as its file last said; one whose file cannot be used stays as it was.

    Raises:
        DomainError: the folder is missing or empty, or no file in it can be used.
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
    """The domain files of a folder, by name; what an editor hides beside them (`.#cards.yaml`) is none."""
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: (path.stem, path.name))
