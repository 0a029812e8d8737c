"""`anna prune`: show what is older than it is to be kept, and remove it."""

import click
from pydantic import ByteSize
from rich.console import Console
from rich.table import Table
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.identity import connect
from anna_cli.job_runs import launch_run, run_parameters, wait_for
from anna_core.errors import AnnaError
from anna_resources.names import PRUNE_JOB, PRUNE_OP
from anna_resources.settings import load_settings
from anna_resources.upkeep.pruning import Pruning, last_pruning


@click.command()
@click.option("--yes", is_flag=True, help="Remove it; without, it is only shown.")
def prune(yes: bool) -> None:
    """Show what is older than `keep` in anna.yaml says: files, Dagster's runs, MLflow's runs. Remove it with --yes.

    What a champion, the one that it goes back to, an open request or a run under way stands on is left alone.
    """
    settings = load_settings()
    client = connect(settings)
    run_id = launch_run(client, run_parameters(PRUNE_JOB, PRUNE_OP, {"do": yes}))
    with CONSOLE.status("removing what is too old …" if yes else "looking what is too old …"):
        ended = wait_for(client, run_id)
    told = last_pruning(settings)
    if told is None or told.run != ended:
        raise AnnaError(f"The run {ended[:8]} left no word, as another one came after it: look at its page in the UI.")
    tell(told, CONSOLE)


def tell(told: Pruning, console: Console) -> None:
    """Say what goes, or went, by kind, and what is left alone."""
    table = Table("keep", "removed" if told.is_done else "would be removed", "bytes", box=None)
    for line in told.lines:
        table.add_row(line.what, f"{line.number:,}", ByteSize(line.size).human_readable())
    console.print(table)
    for note in told.notes:
        console.print(Text(note, style="yellow"), soft_wrap=True)
    if not told.is_done and any(line.number for line in told.lines):
        console.print("Nothing was removed; `anna prune --yes` does it.")
