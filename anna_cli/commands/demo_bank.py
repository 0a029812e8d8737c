"""`anna demo-bank`: simulate a bank in the deployment's folder."""

import datetime as dt
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from anna_cli.console import CONSOLE
from anna_cli.deployment_folder import make_deployment
from anna_cli.settings_file import render_settings
from anna_core.months import next_month
from anna_resources.settings import SETTINGS_FILE, Settings, anna_home, load_settings
from anna_simbank.bank import BankSummary, SimulatedBank

START = dt.date(2023, 1, 1)


@click.command("demo-bank")
@click.option("--clients", default=5_000, show_default=True, help="Clients of the bank.")
@click.option("--months", default=24, show_default=True, help="Months that it has been in business.")
@click.option("--seed", default=0, show_default=True, help="Another seed is another bank.")
def demo_bank(clients: int, months: int, seed: int) -> None:
    """Simulate a bank: its warehouse, samples of every task type, and the oracle that knows the truth.

    Makes the deployment first where there is none, with months that fit the bank.
    """
    summary = write_bank(anna_home(), SimulatedBank(clients, months, START, seed))
    home = anna_home()
    CONSOLE.print(f"{sum(summary.rows.values()):,} events of {summary.clients:,} clients in {home / 'warehouse'}")
    for task, rows in summary.samples.items():
        CONSOLE.print(f"  {rows:>9,} rows  {home / 'samples' / f'{task}.csv'}", soft_wrap=True)


def write_bank(home: Path, bank: SimulatedBank) -> BankSummary:
    """Make the deployment if it is missing, and write the bank with a bar.

    Raises:
        BankError: another bank is there already.
        DeploymentError: the folder cannot be written.
    """
    last = next_month(bank.start, bank.months - 1)
    make_deployment(home, render_settings(start_month=bank.start, end_month=last), simulated=True)
    _warn_about_months(load_settings(), bank.start, last, home)
    columns = (
        TextColumn("Simulating a bank"), BarColumn(), TextColumn("{task.completed}/{task.total} months"),
        TextColumn("{task.fields[events]:,} events"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=CONSOLE) as progress:
        bar = progress.add_task("", total=bank.months, events=0)
        return bank.write(home, lambda done, _, events: progress.update(bar, completed=done, events=events))


def _warn_about_months(settings: Settings, first: dt.date, last: dt.date, home: Path) -> None:
    late = settings.start_month is not None and settings.start_month > first
    if late or (settings.end_month is not None and settings.end_month < last):
        CONSOLE.print(
            f"The bank lives from {first:%Y-%m} to {last:%Y-%m}, but start_month and end_month in "
            f"{home / SETTINGS_FILE} leave some of that out.",
            style="yellow",
            soft_wrap=True,
        )
