"""`anna up`: run the platform until Ctrl-C."""

import click
from rich.text import Text

from anna_cli.checks.variables import misspelt_variables
from anna_cli.console import CONSOLE
from anna_cli.stop_signals import stop_signals
from anna_cli.supervisor.platform import Platform
from anna_resources.settings import Settings, load_settings


@click.command()
@click.option("--no-mlflow", is_flag=True, help="Do not start an MLflow server.")
@click.option("--verbose", "-v", is_flag=True, help="Show all that the servers say, not only warnings and errors.")
def up(no_mlflow: bool, verbose: bool) -> None:
    """Run the platform on this machine until Ctrl-C: Dagster's servers and MLflow, on the loopback only."""
    settings = load_settings()
    for name, meant in misspelt_variables(settings):
        CONSOLE.print(Text(f"The variable {name} sets nothing; is {meant} meant?", "yellow"))
    with stop_signals():
        try:
            with Platform(settings, mlflow=not no_mlflow, verbose=verbose) as platform:
                print_addresses(settings, mlflow=not no_mlflow)
                platform.wait()
        except KeyboardInterrupt:
            CONSOLE.print("Stopped.")


def print_addresses(settings: Settings, mlflow: bool = True) -> None:
    """Tell where the platform is reached and where its files are."""
    CONSOLE.print(Text.assemble(("ANNA is up.", "bold green"), " Ctrl-C stops it."))
    CONSOLE.print(f"  Dagster UI  {settings.webserver_url}")
    if mlflow or settings.mlflow_url:
        CONSOLE.print(f"  MLflow      {settings.tracking_url}")
    CONSOLE.print(f"  Inbox       {settings.inbox}/<task>/<sample>.csv", soft_wrap=True)
    CONSOLE.print(f"  Logs        {settings.home / 'logs'}", soft_wrap=True)
