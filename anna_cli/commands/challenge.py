"""`anna challenge`: let a launch score along with the champion."""

import click

from anna_cli.pressing import press, who_option, why_option
from anna_core.keys import key_of_tag, parse_sample_key


@click.command()
@click.argument("tag")
@why_option
@who_option
def challenge(tag: str, why: str, who: str | None) -> None:
    """Let the launch TAG score along with the champion of its task; its scores are compared, and given to nobody."""
    press("CHALLENGE", parse_sample_key(key_of_tag(tag)).task, who, why, tag)
