"""`anna champions`: who scores in production, and who did."""

import click
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.pressing import tell
from anna_resources.ledger.champions import Champions
from anna_resources.settings import load_settings


@click.command()
@click.argument("task", required=False)
def champions(task: str | None) -> None:
    """Show the champion of TASK and all before it, or those of all tasks; read from the ledger."""
    settings = load_settings()
    known = Champions.of(settings)
    tasks = known.tasks() if task is None else [task]
    for name in tasks:
        tell(known, name, settings.request_days, CONSOLE)
    if task is None:
        if not tasks:
            CONSOLE.print("No task has a launch yet. `anna submit FILE --task TASK` makes one.")
        return
    for past in known.past(task)[1:]:
        CONSOLE.print(
            Text(f"  before: {past.tag}, {past.turn.value} {past.since:%Y-%m-%d %H:%M} UTC by {past.asked_by}")
        )
