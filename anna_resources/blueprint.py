"""The blueprint: the domains and the months that the graph is built from.

A code server reads it once, when its definitions load. Dagster hands it on to every run that those definitions start,
and the run hands it to its steps; so a domain file that is saved, broken or removed meanwhile changes nothing for a
launch that is running or waiting. The storage keeps what a later reading has to know of earlier ones: the last usable
version of each domain, and the first month of the data.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from anna_core.domains import Domain, DomainFiles, read_domains
from anna_core.errors import ArtifactError, DomainError
from anna_core.months import parse_month
from anna_core.periods import Cadence
from anna_core.storage import write_text
from anna_resources.settings import Settings

_DOMAINS_FILE, _FIRST_MONTH_FILE = "domains.json", "first_month"
_Domains = TypeAdapter(dict[str, Domain])


class DataSettings(BaseModel):
    """The settings that decide what models see, as of when a graph was built; `Settings` says what each is."""

    model_config = ConfigDict(frozen=True)

    start_month: dt.date | None
    end_month: dt.date | None
    time_zone: str
    left_aside: float
    cadence: Cadence

    @classmethod
    def of(cls, settings: Settings) -> "DataSettings":
        """Those of a deployment's settings."""
        found = settings.model_dump(include=set(cls.model_fields))
        return cls(**found, cadence=settings.production.cadence)


class Blueprint(BaseModel):
    """What the graph is built from.

    Attributes:
        domains: each gets its own column of assets.
        notes: sentences about files in the domains' folder that cannot be used.
        follows_data: whether the data decides which month is the first, because `anna.yaml` names none.
        first_month: the first month of the data observed so far; None if nothing was observed, or if `anna.yaml` names
            a first month.
        settings: those that decide what models see.
    """

    model_config = ConfigDict(frozen=True)

    domains: tuple[Domain, ...]
    notes: tuple[str, ...] = ()
    follows_data: bool = False
    first_month: dt.date | None = None
    settings: DataSettings

    @classmethod
    def read(cls, settings: Settings) -> "Blueprint":
        """Read the domains' folder, and remember the domains that can be used.

        Raises:
            DomainError: the folder holds no usable domain file.
            ArtifactError: the stored first month cannot be read.
        """
        found = read_deployment_domains(settings)
        _remember(settings.blueprint / _DOMAINS_FILE, _Domains.dump_json(found.domains, indent=1).decode())
        follows = settings.start_month is None
        return cls(
            domains=tuple(found.domains.values()),
            notes=tuple(found.notes),
            follows_data=follows,
            first_month=read_first_month(settings) if follows else None,
            settings=DataSettings.of(settings),
        )

    def settled(self, settings: Settings) -> Settings:
        """A deployment's settings by now, but those that decide what models see as this blueprint has them."""
        kept = dict(self.settings)
        kept["production"] = settings.production.model_copy(update={"cadence": kept.pop("cadence")})
        return settings.model_copy(update=kept | ({"start_month": self.first_month} if self.first_month else {}))


def read_deployment_domains(settings: Settings) -> DomainFiles:
    """Read a deployment's domains; one whose file cannot be used now is taken as its file last was.

    Raises:
        DomainError: the folder holds no usable domain file.
    """
    return read_domains(settings.domains, _last_good(settings.blueprint / _DOMAINS_FILE))


def domain_file_news(settings: Settings, loaded: Iterable[Domain]) -> list[str]:
    """What the domains' folder says by now that the graph does not: files that cannot be used, and other domains.

    Args:
        settings: of the deployment.
        loaded: the domains that the graph was built from.
    """
    try:
        news = list(read_deployment_domains(settings).notes)
    except DomainError as error:
        news = [" ".join(str(error).split())]
    if changed := changed_since(settings, loaded):
        news.append(
            f"In {settings.domains} {', '.join(changed)} changed, came or went since the definitions were loaded: "
            "press Reload on the Deployment page of the UI to take that in. Launches that run or wait keep the domains "
            "that they have."
        )
    return news


def loaded_domains(settings: Settings) -> list[Domain]:
    """The domains with which the definitions were loaded last; none where they never were, or by another version."""
    return list(_last_good(settings.blueprint / _DOMAINS_FILE).values())


def changed_since(settings: Settings, domains: Iterable[Domain]) -> list[str]:
    """Name the domains whose files have changed, appeared or gone since; empty if no file can be used now."""
    try:
        found = read_deployment_domains(settings).domains
    except DomainError:
        return []
    before = {domain.name: domain for domain in domains}
    return sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))


def read_first_month(settings: Settings) -> dt.date | None:
    """Return the first month of the data observed so far; None if nothing was.

    Raises:
        ArtifactError: the file that should hold it holds something else.
    """
    file = settings.blueprint / _FIRST_MONTH_FILE
    try:
        return parse_month(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtifactError(f"{file}: {error}. Remove the file; the sensor `sources` writes it anew.") from error


def write_first_month(settings: Settings, month: dt.date) -> None:
    """Remember the first month of the data."""
    _remember(settings.blueprint / _FIRST_MONTH_FILE, month.isoformat())


def _last_good(file: Path) -> dict[str, Domain]:
    """The last usable version of each domain; empty if there is none, or if another version of ANNA stored them."""
    try:
        return _Domains.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def _remember(file: Path, text: str) -> None:
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
