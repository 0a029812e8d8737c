"""`anna demo`: the whole story on a simulated bank, from nothing to scores."""

import datetime as dt
import os
import time
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from anna_cli import retro_backfill
from anna_cli.backfills import POLL_SECONDS, follow_backfill
from anna_cli.commands.demo_bank import START, write_bank
from anna_cli.commands.retro import print_scores
from anna_cli.commands.up import print_addresses
from anna_cli.console import CONSOLE
from anna_cli.follow import check_finished, follow
from anna_cli.graphql import GraphQLClient
from anna_cli.launch_reader import LaunchReader
from anna_cli.pressing import press
from anna_cli.refresh_reader import read_refresh
from anna_cli.report_reader import print_report, read_report
from anna_cli.stop_signals import stop_signals
from anna_cli.submission import follow_intake, register
from anna_cli.supervisor.platform import Platform
from anna_core.errors import AnnaError
from anna_core.months import next_month, parse_month
from anna_core.tasks.presets import PRESETS
from anna_resources.artifacts.production import SCORES_FILE, ProductionScores
from anna_resources.settings import Settings, load_settings
from anna_simbank.bank import SimulatedBank
from anna_simbank.sample_book import sample_path

TASK, SAMPLE = "churn", "demo"
KEY = f"{TASK}.{SAMPLE}"
MONTHS = 24
RETRO_MONTHS = 6


class DemoError(AnnaError):
    """The story broke off."""


@click.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Folder of the demo. [.demo]")
@click.option("--clients", default=10_000, show_default=True, help="Clients of the bank.")
@click.option("--seed", default=0, show_default=True, help="Another seed is another bank.")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="fast", show_default=True, help="Of the training.")
@click.option("--exit", "leave", is_flag=True, help="Stop at the end of the story.")
@click.option("--verbose", "-v", is_flag=True, help="Show all that the servers say.")
@click.pass_context
def demo(
    ctx: click.Context, home: Path | None, clients: int, seed: int, preset: str, leave: bool, verbose: bool
) -> None:
    """Simulate a bank, run the platform, train on a churn sample, and score the last months."""
    assert ctx.parent is not None
    home = (home or ctx.parent.params["home"] or Path(".demo")).expanduser().resolve()
    os.environ["ANNA_HOME"] = str(home)
    began = time.monotonic()
    with stop_signals():
        _heading("1. A bank")
        write_bank(home, SimulatedBank(clients, MONTHS, START, seed))
        settings = load_settings()
        _heading("2. The platform")
        with Platform(settings, verbose=verbose) as platform:
            print_addresses(settings)
            try:
                _tell(platform.client, home, preset)
            except AnnaError as error:
                platform.check()  # a server that died explains more than the call that missed it
                raise DemoError(f"{error}\nLogs: {home / 'logs'}; runs: {settings.webserver_url}/runs") from error
            minutes = (time.monotonic() - began) / 60
            CONSOLE.print(Text.assemble("\n", ("Done", "bold green"), f" in {minutes:.1f} minutes."))
            if not leave:
                _stay(platform, settings)


def _tell(client: GraphQLClient, home: Path, preset: str) -> None:
    """The part of the story that the platform tells."""
    _heading("3. Marts")
    # The sample goes in at once: the inbox itself holds it until the marts are fresh.
    options = {"type": "binary", "owner": "demo", "training": {"preset": preset}}
    run_id = register(client, str(sample_path(home, TASK)), TASK, SAMPLE, options)
    launch = _watch_marts(client, run_id)
    _heading(f"4. Training on {KEY}")
    check_finished(follow(LaunchReader(client), CONSOLE, KEY, launch))
    print_report(read_report(client, KEY), CONSOLE)
    _heading(f"5. Scores of the last {RETRO_MONTHS} months")
    months = [f"{next_month(START, MONTHS - back):%Y-%m-%d}" for back in range(RETRO_MONTHS, 0, -1)]
    selection = retro_backfill.select(client, KEY, months)
    follow_backfill(client, retro_backfill.launch(client, selection), CONSOLE)
    print_scores(client, selection)
    _heading("6. Production")
    press("PROMOTE", TASK, "demo", "it is the demo's launch", KEY)
    _watch_scores(selection.months[-1])


def _watch_scores(month: str) -> None:
    """Wait until the champion has scored the newest month by itself, and tell where the scores are."""
    stored = ProductionScores.below(load_settings().storage, TASK)
    with CONSOLE.status("The champion scores the newest month by itself …"):
        while (done := stored.month(parse_month(month)).done()) is None:
            time.sleep(POLL_SECONDS)
    said = f"  as of {done.as_of}: {done.rows:,} clients scored by {done.model}  {stored.latest / SCORES_FILE}"
    CONSOLE.print(Text(said), soft_wrap=True)


def _watch_marts(client: GraphQLClient, run_id: str) -> str:
    """Show the marts being made until the launch exists; return its run."""
    columns = (TextColumn("Months of marts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=CONSOLE, disable=not CONSOLE.is_terminal) as progress:
        bar = progress.add_task("")
        said, launch = -1, ""
        for upload in follow_intake(client, run_id, KEY):
            launch = upload.run_id
            refresh = read_refresh(client)
            progress.update(bar, completed=refresh.made, total=refresh.months)
            if not CONSOLE.is_terminal and refresh.made != said:
                CONSOLE.print(f"{dt.datetime.now():%H:%M:%S} months of marts {refresh.made}/{refresh.months}")
                said = refresh.made
        return launch


def _stay(platform: Platform, settings: Settings) -> None:
    CONSOLE.print(f"The platform goes on: look around at {settings.webserver_url}. Ctrl-C stops it.")
    try:
        platform.wait()
    except KeyboardInterrupt:
        CONSOLE.print("Stopped.")


def _heading(text: str) -> None:
    CONSOLE.rule(Text(text, style="bold"), align="left")
