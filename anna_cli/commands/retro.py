"""`anna retro`: score past months with a trained model."""

import click
from rich.text import Text

from anna_cli import retro_backfill
from anna_cli.backfills import follow_backfill
from anna_cli.console import CONSOLE
from anna_cli.graphql import GraphQLClient
from anna_cli.identity import connect
from anna_cli.report_reader import materializations
from anna_cli.stopped import told_of_a_stop
from anna_resources.doubts import joint_doubts
from anna_resources.names import DOUBTS
from anna_resources.places import place_meant
from anna_resources.settings import load_settings

ROWS = "dagster/row_count"


@click.command()
@click.argument("key")
@click.option("--from", "first", required=True, help="First month, as in 2023-01.")
@click.option("--to", "last", required=True, help="Last month, as in 2023-12.")
@click.option("--force", is_flag=True, help="Make the histories anew, even where they are fresh.")
@click.option(
    "--wait", is_flag=True, help="Show the progress until it ends; exit code 1 if it fails, 75 if ANNA is stopped."
)
def retro(key: str, first: str, last: str, force: bool, wait: bool) -> None:
    """Score every client as of past months with the models of the sample KEY (<task>.<sample>)."""
    settings = load_settings()
    client = connect(settings)
    selection = retro_backfill.select(client, key, retro_backfill.month_keys(first, last), force)
    backfill_id = retro_backfill.launch(client, selection)
    histories = sum(len(months) for months in selection.histories.values())
    said = (
        f": scoring {len(selection.months)} months; "
        f"{histories} of {len(selection.months) * len(selection.domains)} histories are made first."
    )
    CONSOLE.print(Text.assemble((key, "bold"), said), soft_wrap=True)
    page = f"{settings.webserver_url}/runs/b/{backfill_id}"
    CONSOLE.print(f"  In the UI  {page}", soft_wrap=True)
    if wait:
        with told_of_a_stop(f"the backfill {backfill_id}", f"its page is {page}."):
            follow_backfill(client, backfill_id, CONSOLE)
        print_scores(client, selection)


def print_scores(client: GraphQLClient, selection: retro_backfill.Selection) -> None:
    """Tell where the scores of a selection are, and what makes them doubtful."""
    doubts, home = {}, load_settings().home
    pairs = [f"{month}|{selection.key}" for month in selection.months]
    for event in materializations(client, retro_backfill.SCORES, pairs):
        metadata = event["metadata"]
        rows, path = metadata.get(ROWS, {}).get("intValue"), place_meant(metadata.get("path", {}).get("path", ""), home)
        count = "" if rows is None else f"{rows:,} clients"
        CONSOLE.print(f"  {event['partition'][:7]}  {count}  {path}", soft_wrap=True)
        if doubt := metadata.get(DOUBTS, {}).get("text"):
            doubts[event["partition"][:7]] = doubt
    for told in joint_doubts(doubts):
        CONSOLE.print(Text(f"  {told}", style="yellow"), soft_wrap=True)
