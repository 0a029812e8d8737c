"""`anna rollback`: back to the champion before."""

import click

from anna_cli.pressing import override_option, press, who_option, why_option


@click.command()
@click.argument("task")
@why_option
@who_option
@override_option
def rollback(task: str, why: str, who: str | None, overrides: tuple[str, ...]) -> None:
    """Go back to the champion that TASK had before; it scores the newest period again."""
    press("ROLLBACK", task, who, why, overrides=overrides)
