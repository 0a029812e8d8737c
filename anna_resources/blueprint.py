"""The blueprint: the domains and the months of which the graph is built.

A code server reads it once, as its definitions load. Dagster hands it on, with the definitions, to every run that is
asked for of them, and the run to its steps; so a file of a domain that is saved, broken or removed meanwhile changes
nothing for a launch that runs or waits. What is kept in the storage is what a later reading needs to know of the
earlier ones: each domain as its file last was good, and the first month of the data.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from anna_core.domains import Domain, DomainFiles, read_domains
from anna_core.errors import ArtifactError, DomainError
from anna_core.months import parse_month
from anna_core.storage import write_text
from anna_resources.settings import Settings

_DOMAINS_FILE, _FIRST_MONTH_FILE = "domains.json", "first_month"
_Domains = TypeAdapter(dict[str, Domain])


class Blueprint(BaseModel):
    """Of what the graph is built.

    Attributes:
        domains: each gets its own column of assets.
        notes: sentences about files in the domains' folder that cannot be used.
        follows_data: whether the first month is the data's own, as `anna.yaml` names none.
        first_month: the data's own, as far as it was observed; None where nothing was, or `anna.yaml` names one.
    """

    model_config = ConfigDict(frozen=True)

    domains: tuple[Domain, ...]
    notes: tuple[str, ...] = ()
    follows_data: bool = False
    first_month: dt.date | None = None

    @classmethod
    def read(cls, settings: Settings) -> "Blueprint":
        """Read it anew, and remember the domains that are good.

        Raises:
            DomainError: there is no domain at all.
        """
        found = read_deployment_domains(settings)
        _remember(settings.blueprint / _DOMAINS_FILE, _Domains.dump_json(found.domains, indent=1).decode())
        follows = settings.start_month is None
        return cls(
            domains=tuple(found.domains.values()),
            notes=tuple(found.notes),
            follows_data=follows,
            first_month=read_first_month(settings) if follows else None,
        )

    def settled(self, settings: Settings) -> Settings:
        """The settings with the first month of this blueprint."""
        return settings if self.first_month is None else settings.model_copy(update={"start_month": self.first_month})


def read_deployment_domains(settings: Settings) -> DomainFiles:
    """The domains of a deployment as their files say now, or as they last said where they cannot be used.

    Raises:
        DomainError: there is no domain at all.
    """
    return read_domains(settings.domains, _last_good(settings.blueprint / _DOMAINS_FILE))


def domain_notes(settings: Settings) -> list[str]:
    """What is wrong with the files in the domains' folder, a sentence or two each."""
    try:
        return read_deployment_domains(settings).notes
    except DomainError as error:
        return [" ".join(str(error).split())]


def changed_since(settings: Settings, domains: Iterable[Domain]) -> list[str]:
    """Names of the domains whose files say something else by now, are new or are gone; none where no file is good."""
    try:
        found = read_deployment_domains(settings).domains
    except DomainError:
        return []
    before = {domain.name: domain for domain in domains}
    return sorted(name for name in before.keys() | found.keys() if before.get(name) != found.get(name))


def read_first_month(settings: Settings) -> dt.date | None:
    """The first month of the data, as far as it was observed; None where nothing was.

    Raises:
        ArtifactError: the file that tells it holds no month.
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
    """Domains as their files last were good; none where another version of ANNA wrote them down in another form."""
    try:
        return _Domains.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def _remember(file: Path, text: str) -> None:
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
