"""The shipped files of a deployment: in the root of a source checkout, or inside the installed wheel."""

from pathlib import Path

import anna_cli
from anna_core.errors import AnnaError

DAGSTER_FILE = "dagster.yaml"
DOMAINS_FOLDER = "domains"
EXAMPLE_FILE = "example.yaml.txt"

_ROOT = Path(anna_cli.__file__).resolve().parents[1]
# The wheel's force-include in pyproject.toml puts them here.
_INSTALLED = _ROOT / "anna_resources" / "deployment"


class TemplateError(AnnaError):
    """The shipped files are not where they should be."""


def dagster_template() -> Path:
    """Return the shipped `dagster.yaml`; raises `TemplateError`."""
    return _find(DAGSTER_FILE)


def example_template() -> Path:
    """Return the example of a domain file, which is none itself; raises `TemplateError`."""
    return _find(DOMAINS_FOLDER) / EXAMPLE_FILE


def bank_templates() -> list[Path]:
    """Return the domain files of the simulated bank, sorted; raises `TemplateError`."""
    return sorted(_find(DOMAINS_FOLDER).glob("*.yaml"))


def _find(name: str) -> Path:
    for folder in (_INSTALLED, _ROOT):
        if (folder / name).exists():
            return folder / name
    raise TemplateError(f"'{name}' is missing from {_ROOT}: install ANNA again (`pip install --force-reinstall`).")
