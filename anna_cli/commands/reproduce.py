"""`anna reproduce`: make a launch once more from what is on record of it."""

import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

from anna_cli.console import CONSOLE
from anna_core.errors import AnnaError
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.ledger.ledger import Launch, Ledger
from anna_resources.settings import Settings, load_settings

_NOBODY = "http://127.0.0.1:9"  # in place of MLflow, which is to hear nothing of it


@click.command()
@click.argument("tag")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="An empty folder to keep all that is made in."
)
def reproduce(tag: str, into: Path | None) -> None:
    """Make the launch TAG once more: its sample as it was kept, the same months of the sources, the same settings.

    Says whether all scores are the same bit for bit; if not, exit code 1, and what differs: months of the sources that
    hold other rows now, the version of the code or of packages, the kind of machine. The deployment is left as it is.
    """
    settings = load_settings()
    launch, kept = Ledger.of(settings).read(tag), CandidateFolder.below(settings.storage, tag)
    zone = kept.facts().time_zone
    if into is not None and into.exists() and any(into.iterdir()):
        raise click.BadParameter(f"{into} is not empty; name another folder.", param_hint="--into")
    _tell_code(launch)
    with tempfile.TemporaryDirectory(prefix="anna-reproduce-") if into is None else nullcontext(into) as storage:
        command = [sys.executable, "-m", "anna_assets.reproduce", str(settings.storage), tag]
        with CONSOLE.status(f"{tag} is made once more; that takes as long as its launch …"):
            done = subprocess.run(
                command,
                env=_environment(settings, launch, zone, Path(storage)),
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode:
        raise AnnaError(_words(done.stderr))
    CONSOLE.print(done.stdout.strip().splitlines()[-1], soft_wrap=True)


def _tell_code(launch: Launch) -> None:
    from anna_core.models.bundle import code_version

    if code_version() != launch.code:
        told = f"{launch.tag} was trained by the code {launch.code}, this is {code_version()}: the scores may differ."
        CONSOLE.print(told, style="yellow", soft_wrap=True)


def _environment(settings: Settings, launch: Launch, zone: str, storage: Path) -> dict[str, str]:
    """Of the process: the deployment's settings, with an empty storage, and the zone and months of the launch."""
    months = sorted({month for known in launch.marts.values() for month in known})
    changed = {"STORAGE": str(storage), "MLFLOW_URL": _NOBODY, "SOURCE_SETTLE_SECONDS": "0", "TIME_ZONE": zone}
    if months:
        changed |= {"START_MONTH": months[0][:7], "END_MONTH": months[-1][:7]}
    return {**os.environ, "ANNA_HOME": str(settings.home), **{f"ANNA_{name}": text for name, text in changed.items()}}


def _words(errors: str) -> str:
    """What the process died of: its last words, which are ANNA's own where it could explain it."""
    lines = [line for line in errors.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "the process was killed: is there enough memory?"
