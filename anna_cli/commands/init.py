"""`anna init`: make a deployment's folder."""

from pathlib import Path

import click
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.deployment_folder import make_deployment
from anna_resources.settings import anna_home


@click.command()
@click.argument("home", type=click.Path(path_type=Path, file_okay=False), required=False)
def init(home: Path | None) -> None:
    """Make a deployment in the folder HOME (or in ANNA_HOME): settings, inbox, storage, an example of a domain.

    What is there already is left as it is.
    """
    home = (home or anna_home()).expanduser().resolve()
    for made in make_deployment(home):
        mark, style, word = ("+", "green", "made") if made.new else ("=", "dim", "was there")
        CONSOLE.print(Text.assemble((mark, style), f" {word:<9} {made.path}"), soft_wrap=True)
    prefix = "anna" if home == anna_home() else f"anna --home {home}"
    CONSOLE.print(f"\nNext: look through {home / 'anna.yaml'}, describe your tables in {home / 'domains'}")
    CONSOLE.print("(example.yaml.txt shows how; `anna demo-bank` simulates a bank in place of yours), then")
    CONSOLE.print(f"  {prefix} doctor   tells what is missing")
    CONSOLE.print(f"  {prefix} up       starts the platform")
