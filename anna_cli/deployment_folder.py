"""Making a deployment's folder; what is there already is never touched."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anna_cli.identity import ID_FILE, identity
from anna_cli.settings_file import render_settings
from anna_cli.templates import DAGSTER_FILE, EXAMPLE_FILE, bank_templates, dagster_template, example_template
from anna_core.errors import AnnaError
from anna_core.storage import write_text
from anna_resources.settings import SETTINGS_FILE

FOLDERS = ("dagster", "domains", "inbox", "storage", "mlflow", "logs")


class DeploymentError(AnnaError):
    """The deployment's folder cannot be made or used."""


@dataclass(frozen=True)
class Made:
    """One file or folder of the deployment, and whether it was made now or was there before."""

    path: Path
    new: bool


def make_deployment(home: Path, settings: str | None = None, *, simulated: bool = False) -> list[Made]:
    """Make whatever the deployment at `home` lacks.

    Args:
        home: ANNA_HOME.
        settings: text of a new `anna.yaml`; None means all defaults.
        simulated: whether its domains are those of the simulated bank; else there is an example, and no domain yet.

    Raises:
        DeploymentError: the folder cannot be written.
    """
    try:
        return list(_make(home, settings or render_settings(), simulated))
    except OSError as error:
        raise DeploymentError(
            f"{error.filename or home}: {error.strerror}. Choose a folder that you may write to: `anna init FOLDER`."
        ) from error


def _make(home: Path, settings: str, simulated: bool) -> Iterator[Made]:
    # A home that has domain files keeps exactly those: a domain that somebody removed does not come back.
    had_domains = any((home / "domains").glob("*.y*ml"))
    for folder in (home, *(home / name for name in FOLDERS)):
        yield Made(folder, not folder.exists())
        folder.mkdir(parents=True, exist_ok=True)
    yield Made(home / ID_FILE, not (home / ID_FILE).exists())
    identity(home)
    yield _write(home / SETTINGS_FILE, settings)
    yield _write(home / "dagster" / DAGSTER_FILE, dagster_template().read_text(encoding="utf-8"))
    if not had_domains:
        yield _write(home / "domains" / EXAMPLE_FILE, example_template().read_text(encoding="utf-8"))
    for template in bank_templates() if simulated else ():
        place = home / "domains" / template.name
        if not had_domains or place.exists():
            yield _write(place, template.read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> Made:
    if path.exists():
        return Made(path, new=False)
    write_text(path, text)
    return Made(path, new=True)
