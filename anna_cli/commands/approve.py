"""`anna approve`: agree to what another person asked for."""

import click

from anna_cli.pressing import override_option, press, who_option, why_option


@click.command()
@click.argument("task")
@why_option
@who_option
@override_option
def approve(task: str, why: str, who: str | None, overrides: tuple[str, ...]) -> None:
    """Agree to the launch that another person asked for: it becomes the champion of TASK."""
    press("APPROVE", task, who, why, overrides=overrides)
