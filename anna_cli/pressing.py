"""A press of production's buttons: a run of the job `promote`, followed to its end."""

import time
from collections.abc import Callable, Iterable

import click
from rich.console import Console
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.graphql import GraphQLClient, Json
from anna_cli.identity import connect
from anna_cli.launch import tags_of
from anna_cli.launch_reader import LaunchReader
from anna_cli.queries import LAUNCH_RUN
from anna_cli.run_state import read_run
from anna_cli.submission import selector
from anna_core.errors import AnnaError
from anna_core.keys import check_task
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.presses import why_ended
from anna_resources.names import PARTITION_TAG, PROMOTE_JOB, RETRY_TAG, TASK_TAG, WILL_RETRY_TAG
from anna_resources.settings import load_settings
from anna_resources.who import caller, person

_POLL_SECONDS = 1.0
_OVER = ("SUCCESS", "FAILURE", "CANCELED")

who_option = click.option("--who", help="Your name, which stays on record. [your name on this machine]")
why_option = click.option("--why", required=True, help="Why, in a sentence, which stays on record.")
override_option = click.option(
    "--override", "overrides", multiple=True, metavar="GATE=WHY", help="Pass over a gate, with a reason; repeatable."
)


class RefusedPressError(AnnaError):
    """A press was refused."""


def press(button: str, task: str, who: str | None, why: str, tag: str = "", overrides: Iterable[str] = ()) -> None:
    """Press, wait for what comes of it, and tell that.

    Raises:
        RefusedPressError: the press was refused, in the run's own words.
        ClientError: ANNA does not answer.
    """
    check_task(task)
    config = {
        "press": button,
        "who": person(who if who is not None else caller()),
        "why": why,
        "tag": tag,
        "override": dict(_override(text) for text in overrides),
    }
    settings = load_settings()
    client = connect(settings)
    launched = client.expect("LaunchRunSuccess", LAUNCH_RUN, params=parameters(task, config))
    champions, run_id = Champions.of(settings), launched["run"]["runId"]
    try:
        with CONSOLE.status(f"{button.lower()}: the gates are looked at …"):
            wait_for(client, run_id)
    except RefusedPressError:
        if champions.commit_of(task, run_id) is None:  # else the run was killed, but not before its work was done
            raise
    tell(champions, task, settings.request_days, CONSOLE)


def parameters(task: str, config: Json) -> Json:
    """The parameters of the run of a press."""
    return {
        "selector": selector(PROMOTE_JOB, "jobName"),
        "runConfigData": {"ops": {"champion": {"config": config}}},
        "executionMetadata": {
            "tags": [{"key": PARTITION_TAG, "value": task}, {"key": TASK_TAG, "value": task}],
        },
    }


def wait_for(client: GraphQLClient, run_id: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """Wait until a run, or the retry that follows it, is over; return the id of the one that succeeded.

    Raises:
        RefusedPressError: it failed.
    """
    while True:
        run = read_run(client, run_id, sleep)
        if run is None:
            raise RefusedPressError(f"The run {run_id[:8]} was deleted: look whether it did its work, and press again.")
        tags, status = tags_of(run), run["status"]
        if status == "SUCCESS":
            return run_id
        if status in _OVER and tags.get(WILL_RETRY_TAG) != "true":
            raise RefusedPressError(LaunchReader(client).problem(run_id) or f"The run {run_id[:8]} was canceled.")
        run_id = tags.get(RETRY_TAG, run_id)
        sleep(_POLL_SECONDS)


def tell(champions: Champions, task: str, days: int, console: Console) -> None:
    """Say who is champion of a task, who scores along, and what is asked for, which stays open for so many days."""
    champion, request, along = champions.current(task), champions.request(task), champions.challenger(task)
    if champion is None:
        console.print(Text.assemble((task, "bold"), ": no champion yet."), soft_wrap=True)
    else:
        names = f"{champion.turn.value} by {champion.asked_by}"
        names += f", approved by {champion.approved_by}" if champion.approved_by else ""
        since = f"since {champion.since:%Y-%m-%d %H:%M} UTC"
        told = f": {champion.tag} is champion {since}, {names}: {champion.why}"
        console.print(Text.assemble((task, "bold"), told), soft_wrap=True)
        for gate, reason in champion.overridden.items():
            console.print(Text(f"  {gate} was passed over: {reason}", style="yellow"), soft_wrap=True)
    if along is not None:
        told = f"  {along.tag} scores along since {along.since:%Y-%m-%d %H:%M} UTC, by {along.by}: {along.why}"
        console.print(Text(told), soft_wrap=True)
    if request is not None:
        asked = f"  {request.asked_by} asks for {request.tag} ({request.asked_at:%Y-%m-%d %H:%M} UTC): {request.why}"
        console.print(Text(asked, style="yellow"), soft_wrap=True)
        ended = why_ended(request, champions.newest_launch(task), days)
        answer = f"Another person answers: anna approve {task} --why …, or anna decline {task} --why …"
        console.print(Text(f"  That has ended{ended}: ask again." if ended else f"  {answer}"), soft_wrap=True)


def _override(text: str) -> tuple[str, str]:
    gate, sign, reason = text.partition("=")
    if not sign:
        raise click.BadParameter(f"'{text}': write GATE=WHY, as in --override \"not_worse=it knew these rows\".")
    return gate.strip(), reason.strip()
