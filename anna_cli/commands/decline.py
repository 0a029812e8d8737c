"""`anna decline`: refuse what somebody asked for."""

import click

from anna_cli.pressing import press, who_option, why_option


@click.command()
@click.argument("task")
@why_option
@who_option
def decline(task: str, why: str, who: str | None) -> None:
    """Refuse the launch that was asked for as champion of TASK, or take back what you asked for yourself."""
    press("DECLINE", task, who, why)
