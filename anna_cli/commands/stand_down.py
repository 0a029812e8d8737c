"""`anna stand-down`: let nobody score along with the champion any more."""

import click

from anna_cli.pressing import press, who_option, why_option


@click.command()
@click.argument("task")
@why_option
@who_option
def stand_down(task: str, why: str, who: str | None) -> None:
    """Let nobody score along with the champion of TASK any more; what was compared stays."""
    press("STAND_DOWN", task, who, why)
