"""`anna scores`: where production's scores are."""

import datetime as dt

import click
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_core.errors import AnnaError
from anna_core.keys import check_task
from anna_resources.artifacts.production import SCORES_FILE, ProductionScores
from anna_resources.settings import load_settings


class NoScoresError(AnnaError):
    """There are no scores yet."""


@click.command()
@click.argument("task")
@click.option(
    "--as-of",
    help="Only those of this day, the first after a month, a week or a day that was scored, as in 2024-04-01.",
)
def scores(task: str, as_of: str | None) -> None:
    """List the periods that the champion of TASK has scored, with the path of each; the newest is also in latest/."""
    settings = load_settings()
    cadence = settings.production.cadence
    stored = ProductionScores.below(settings.storage, check_task(task), cadence)
    damaged = list[str]()
    found = [(one.of(at), done) for one in stored.of_all_cadences() for at, done in one.readable(damaged).items()]
    for problem in damaged:
        CONSOLE.print(Text(problem, "red"), soft_wrap=True)
    if as_of is not None:
        try:
            day = dt.date.fromisoformat(as_of)
        except ValueError as error:
            raise NoScoresError(f"--as-of {as_of}: {error}; write the first day after a {cadence}.") from error
        found = [(kept, done) for kept, done in found if done.as_of == day]
    if not found:
        raise NoScoresError(
            f"{task} has no scores{f' as of {as_of}' if as_of else ''} yet: see `anna champions {task}`; the champion "
            f"scores a {cadence} by itself once it is complete."
        )
    for kept, done in sorted(found, key=lambda one: one[1].as_of):
        told = f"  as of {done.as_of}  {done.rows:,} clients by {done.model}, {done.scored_at:%Y-%m-%d %H:%M} UTC"
        CONSOLE.print(Text(f"{told}  {kept.current() / SCORES_FILE}"), soft_wrap=True)
    CONSOLE.print(Text(f"  The newest, under a path that stays: {stored.latest / SCORES_FILE}"), soft_wrap=True)
