"""`anna doctor`: find what is wrong with a deployment."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from rich.text import Text

from anna_cli.checks.deployment import check_domains, check_home
from anna_cli.checks.findings import Finding, Verdict, bad, good, warning
from anna_cli.checks.instance import check_instance
from anna_cli.checks.ledger import check_ledger
from anna_cli.checks.machine import check_disk, check_memory, check_packages, check_python
from anna_cli.checks.notify import check_notify
from anna_cli.checks.upkeep import check_upkeep
from anna_cli.checks.variables import misspelt_variables
from anna_cli.console import CONSOLE
from anna_core.storage import on_one_disk
from anna_resources.settings import SettingsError, anna_home, load_settings

_STYLES = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "bold red"}


@click.command()
def doctor() -> None:
    """Look over this machine and the deployment, and say what to do about what is wrong."""
    findings = []
    for finding in examine(anna_home()):
        findings.append(finding)
        text = Text.assemble((finding.verdict, _STYLES[finding.verdict]), " ", finding.text)
        if finding.cure:
            text.append(f"\n  → {finding.cure}", "dim" if finding.verdict is Verdict.GOOD else "")
        CONSOLE.print(text, soft_wrap=True)
    wrong = sum(finding.verdict is Verdict.BAD for finding in findings)
    doubtful = sum(finding.verdict is Verdict.WARNING for finding in findings)
    CONSOLE.print(f"\n{_summary(len(findings), wrong, doubtful)}")
    sys.exit(1 if wrong else 0)


def _summary(checks: int, wrong: int, doubtful: int) -> str:
    if not wrong and not doubtful:
        return "All is well."
    warnings = f"{doubtful} warning{'s' * (doubtful != 1)}" if doubtful else ""
    return f"{wrong} of {checks} checks failed{f'; {warnings}' if warnings else ''}." if wrong else f"{warnings}."


def examine(home: Path) -> Iterator[Finding]:
    """Everything that the doctor looks at, in the order in which problems hide each other."""
    yield from check_python()
    yield from check_packages()
    yield from check_memory()
    yield from check_disk(home)
    yield from check_home(home)
    if not home.is_dir():
        return
    try:
        settings = load_settings()
    except SettingsError as error:
        yield bad(str(error), "correct it there")
        return
    yield good("the settings make sense")
    for name, meant in misspelt_variables(settings):
        yield warning(f"the variable {name} sets nothing", f"is {meant} meant? Rename it, or unset it")
    if not on_one_disk(settings.storage, home):
        yield from check_disk(settings.storage)
    yield from check_upkeep(settings)
    yield from check_ledger(settings)
    yield from check_notify(settings)
    yield from check_domains(settings)
    yield from check_instance(settings)
