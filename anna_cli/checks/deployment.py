"""Whether a deployment's folder holds what ANNA needs."""

import os
from collections.abc import Iterator
from pathlib import Path

from anna_cli.checks.findings import Finding, bad, good, warning
from anna_cli.checks.kept_files import check_kept
from anna_cli.checks.sources import check_clients, check_source
from anna_cli.templates import DAGSTER_FILE
from anna_core.domains import Domain, domain_files
from anna_core.errors import DomainError, in_words
from anna_core.yaml_files import YamlError, read_yaml
from anna_resources.blueprint import read_deployment_domains
from anna_resources.settings import SETTINGS_FILE, Settings


def check_home(home: Path) -> Iterator[Finding]:
    """The deployment's folder, its settings file and Dagster's."""
    if not home.is_dir():
        yield bad(f"{home} does not exist", f"make the deployment: anna init {home}")
        return
    if os.access(home, os.W_OK | os.X_OK):
        yield good(f"{home} can be written")
    else:
        yield bad(f"{home} cannot be written", "give this user the right to write there, or choose another ANNA_HOME")
    if not (home / SETTINGS_FILE).is_file():
        yield warning(f"{home / SETTINGS_FILE} is missing; the defaults are used", f"write one: anna init {home}")
    yield from _check_dagster_file(home / "dagster" / DAGSTER_FILE, home)


def check_domains(settings: Settings) -> Iterator[Finding]:
    """Every domain file, the source table that it names, and what ANNA keeps of it."""
    if not domain_files(settings.domains):
        yield bad(
            f"no domain file (*.yaml) in {settings.domains}",
            "copy example.yaml.txt there to <name>.yaml and say in it where your table lies, or simulate a bank: anna "
            "demo-bank; or set `domains` in anna.yaml to the folder that has them",
        )
        return
    try:
        found = read_deployment_domains(settings)
    except DomainError as error:
        yield bad(f"no domain can be used. {' '.join(str(error).split())}", f"correct the files in {settings.domains}")
        return
    for file, note in zip(found.problems, found.notes, strict=True):
        yield bad(note, f"correct {settings.domains / file}")
    for domain in found.domains.values():
        yield from _check_source(domain, settings)
    yield from check_clients(found.domains.values(), settings)
    yield from check_kept(found.domains.values(), settings)


def _check_source(domain: Domain, settings: Settings) -> Iterator[Finding]:
    """What is found of a source; whatever is the matter with one, the others are looked at."""
    try:
        yield from check_source(domain, settings)
    except Exception as error:  # noqa: BLE001  # it is a finding
        yield bad(f"domain {domain.name}: its source cannot be read: {in_words(error)}", f"see {domain.source.path}")


def _check_dagster_file(file: Path, home: Path) -> Iterator[Finding]:
    if not file.exists():
        yield bad(f"{file} is missing", f"write it: anna init {home}")
        return
    try:
        read_yaml(file)
    except YamlError as error:
        yield bad(str(error), "correct it, or remove it and run anna init")
    else:
        yield good(f"{file} is there")
