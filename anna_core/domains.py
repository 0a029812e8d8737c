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

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from anna_core.durations import Duration, format_duration
from anna_core.errors import DomainError, KeyNameError
from anna_core.keys import check_domain
from anna_core.strict import Strict, explain


class FieldKind(StrEnum):
    """How a field enters the nets: as a code of the dictionary, a number, or a yes/no."""

    CATEGORICAL = "categorical"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"


SourceFormat = Literal["parquet", "csv", "delta", "iceberg"]

OWNER_PATTERN = r"^(team:\w+|[^@\s]+@[^@\s]+\.[^@\s]+)$"  # what Dagster takes as an owner

# Names that marts and sequences use themselves.
RESERVED_FIELDS = frozenset({"client_id", "event_time", "as_of", "start", "length", "month", "position"})
_RESERVED_PREFIXES = ("key.", "code.")


class SourceSpec(Strict):
    """Where a domain's raw table lies: its path (relative to ANNA_HOME; `$NAME` is expanded) and its format."""

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
        event_key: columns that identify an event; of a client's rows in a month that repeat them one is kept. Rows
            without a key are kept, and so is everything where no key is named.
        time_zone: the zone of time stamps that carry none; None means the bank's.
        availability_lag: how long after it happened an event can be relied upon to be in the table.
        lookback: how far back of as_of a sequence reaches.
        max_length: a sequence keeps this many of its latest events.
    """

    name: str
    description: str = ""
    owner: Annotated[str, Field(pattern=OWNER_PATTERN)] | None = None
    source: SourceSpec
    columns: ColumnNames = ColumnNames()
    event_key: tuple[str, ...] = ()
    fields: dict[str, FieldKind]
    time_zone: str | None = None
    availability_lag: Duration = dt.timedelta(0)
    lookback: Duration = dt.timedelta(days=365)
    max_length: Annotated[int, Field(ge=1, le=100_000)] = 512

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
        if clash := {n for n in self.fields if n in RESERVED_FIELDS or n.startswith(_RESERVED_PREFIXES)}:
            raise ValueError(f"{sorted(clash)} cannot be fields: ANNA's marts use these names for their own columns")
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
        names = (self.columns.client_id, self.columns.event_time, *self.event_key, *self.fields)
        return tuple(dict.fromkeys(names))


def read_domain(path: Path) -> Domain:
    """Read one domain file.

    Raises:
        DomainError: naming the file, the field and the cure.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: another encoding, or no date (2024-13-01)
        raise DomainError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise DomainError(f"{path}: should hold `source:`, `columns:` and `fields:`; found {type(content).__name__}.")
    if content.get("name", path.stem) != path.stem:
        raise DomainError(f"{path}: name '{content['name']}' differs from the file's: drop `name` or rename the file.")
    try:
        return Domain.model_validate({**content, "name": path.stem})
    except ValidationError as error:
        raise DomainError(f"{path}: {explain(error, 'file')}") from error


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
        raise DomainError(f"{folder}: no domain file (*.yaml) here. Set ANNA_DOMAINS to the folder that has them.")
    domains, problems = {}, {}
    for name, group in groupby(files, key=lambda path: path.stem):
        first, *others = group
        try:
            if others:
                raise DomainError(f"{first}: two files describe the same domain (.yaml and .yml); remove one of them.")
            domains[name] = read_domain(first)
        except DomainError as error:
            problems[first.name] = str(error)
            if name in last_good:
                domains[name] = last_good[name]
    if not domains:
        raise DomainError(" ".join(problems.values()))
    return DomainFiles(domains, problems)


def domain_files(folder: Path) -> list[Path]:
    """The domain files of a folder, by name; what an editor hides beside them (`.#cards.yaml`) is none."""
    found = [*folder.glob("*.yaml"), *folder.glob("*.yml")]
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: (path.stem, path.name))
