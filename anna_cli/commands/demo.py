"""`anna demo`: the whole story on a simulated bank, from nothing to scores that come by themselves and are watched."""

import datetime as dt
import os
import shutil
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
from anna_core.months import next_month
from anna_core.periods import Period
from anna_core.tasks.presets import PRESETS
from anna_resources.artifacts.monitoring import PeriodMonitoring
from anna_resources.artifacts.production import SCORES_FILE, ProductionScores
from anna_resources.ledger.champions import Champions
from anna_resources.settings import Settings, load_settings
from anna_simbank.bank import SimulatedBank
from anna_simbank.sample_book import sample_path

TASK, SAMPLE = "churn", "demo"
KEY = f"{TASK}.{SAMPLE}"
MONTHS = 24  # of which the newest comes once somebody is champion
RETRO_MONTHS = 3
_LATER = "later"  # the folder in which that month waits


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
    """Simulate a bank, train on a churn sample, score past months, promote, and see a new month scored by itself."""
    assert ctx.parent is not None
    home = (home or ctx.parent.params["home"] or Path(".demo")).expanduser().resolve()
    os.environ["ANNA_HOME"] = str(home)
    began = time.monotonic()
    with stop_signals():
        _heading("1. A bank")
        write_bank(home, SimulatedBank(clients, MONTHS, START, seed))
        settings = load_settings()
        if Champions.of(settings).current(TASK) is None:
            _hold_back(home)
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
    *past, before, newest = (next_month(START, MONTHS - back) for back in range(RETRO_MONTHS + 1, 0, -1))
    months = [f"{month:%Y-%m-%d}" for month in (*past, before)]
    selection = retro_backfill.select(client, KEY, months)
    follow_backfill(client, retro_backfill.launch(client, selection), CONSOLE)
    print_scores(client, selection)
    _heading("6. Production")
    now = Champions.of(load_settings()).current(TASK)
    if now is None or now.tag != KEY:
        press("PROMOTE", TASK, "demo", "it is the demo's launch", KEY)
    _watch_scores(before)
    _heading(f"7. The events of {newest:%B} arrive")
    _deliver(home)
    _watch_scores(newest)


def _hold_back(home: Path) -> None:
    """Take the newest month out of the warehouse, as if it had not come yet."""
    for folder in (home / "warehouse").glob(f"*/load_month={next_month(START, MONTHS - 1):%Y-%m}"):
        waiting = home / _LATER / folder.parent.name / folder.name
        shutil.rmtree(waiting, ignore_errors=True)
        waiting.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(waiting)


def _deliver(home: Path) -> None:
    """Let what was held back arrive."""
    for waiting in (home / _LATER).glob("*/*"):
        waiting.rename(home / "warehouse" / waiting.parent.name / waiting.name)


def _watch_scores(month: dt.date) -> None:
    """Wait until the champion has scored a month by itself; tell where the scores are, and how they look."""
    storage, period = load_settings().storage, Period(month)
    stored = ProductionScores.below(storage, TASK, period.cadence)
    with CONSOLE.status(f"The champion scores {month:%B} by itself …"):
        while (done := stored.of(period).done()) is None:
            time.sleep(POLL_SECONDS)
        while (seen := PeriodMonitoring.below(storage, TASK, period).read()) is None:
            time.sleep(POLL_SECONDS)
    said = f"  as of {done.as_of}: {done.rows:,} clients scored by {done.model}  {stored.latest / SCORES_FILE}"
    CONSOLE.print(Text(said), soft_wrap=True)
    drift = ", ".join(f"{name} {value:.3f}" for name, value in seen.score_drift.items())
    field, moved = next(iter(seen.field_drift.items()), ("no field", 0.0))
    CONSOLE.print(Text(f"  stability index of {drift}; of the fields {field} moved most ({moved:.3f})"), soft_wrap=True)


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
