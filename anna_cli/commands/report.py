"""`anna report`: show a launch's leaderboard."""

import click

from anna_cli.console import CONSOLE
from anna_cli.identity import connect
from anna_cli.report_reader import ReportError, print_report, read_report
from anna_resources.settings import load_settings


@click.command()
@click.argument("key")
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
@click.option("--path", "path_only", is_flag=True, help="Print only the path of the report.")
def report(key: str, show: bool, path_only: bool) -> None:
    """Show the leaderboard of the sample KEY (<task>.<sample>) and where the whole report is."""
    found = read_report(connect(load_settings()), key)
    if path_only:
        if found.html is None:
            raise ReportError(f"The report of {key} names no HTML file.")
        click.echo(found.html)
        return
    print_report(found, CONSOLE)
    if show and found.html is not None:
        click.launch(found.html.as_uri())
