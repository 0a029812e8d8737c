"""`anna promote`: make a launch the champion of its task."""

import click

from anna_cli.pressing import override_option, press, who_option, why_option
from anna_core.keys import key_of_tag, parse_sample_key


@click.command()
@click.argument("tag")
@why_option
@who_option
@override_option
def promote(tag: str, why: str, who: str | None, overrides: tuple[str, ...]) -> None:
    """Make the launch TAG the champion of its task, which scores in production; or ask for it where two must agree.

    TAG is the launch's name in the ledger: <task>.<sample>, or <task>.<sample>@2 for the sample's second launch.
    """
    press("PROMOTE", parse_sample_key(key_of_tag(tag)).task, who, why, tag, overrides)
