"""A press of production's buttons: a run of the job `promote`, followed to its end."""

from collections.abc import Iterable

import click
from rich.console import Console
from rich.text import Text

from anna_cli.console import CONSOLE
from anna_cli.identity import connect
from anna_cli.job_runs import RunFailedError, launch_run, run_parameters, wait_for
from anna_core.keys import check_task
from anna_resources.ledger.champions import Champions
from anna_resources.names import PARTITION_TAG, PROMOTE_JOB, TASK_TAG
from anna_resources.settings import load_settings
from anna_resources.who import caller, person

who_option = click.option("--who", help="Your name, which stays on record. [your name on this machine]")
why_option = click.option("--why", required=True, help="Why, in a sentence, which stays on record.")
override_option = click.option(
    "--override", "overrides", multiple=True, metavar="GATE=WHY", help="Pass over a gate, with a reason; repeatable."
)


def press(button: str, task: str, who: str | None, why: str, tag: str = "", overrides: Iterable[str] = ()) -> None:
    """Press, wait for what comes of it, and tell that.

    Raises:
        RunFailedError: the press was refused, in the run's own words.
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
    run = run_parameters(PROMOTE_JOB, "champion", config, {PARTITION_TAG: task, TASK_TAG: task})
    champions, run_id = Champions.of(settings), launch_run(client, run)
    try:
        with CONSOLE.status(f"{button.lower()}: the gates are looked at …"):
            wait_for(client, run_id)
    except RunFailedError:
        if champions.commit_of(task, run_id) is None:  # else the run was killed, but not before its work was done
            raise
    tell(champions, task, settings.request_days, CONSOLE)


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
        ended = request.why_ended(champions.newest_launch(task), days)
        answer = f"Another person answers: anna approve {task} --why …, or anna decline {task} --why …"
        console.print(Text(f"  That has ended{ended}: ask again." if ended else f"  {answer}"), soft_wrap=True)


def _override(text: str) -> tuple[str, str]:
    gate, sign, reason = text.partition("=")
    if not sign:
        raise click.BadParameter(f"'{text}': write GATE=WHY, as in --override \"not_worse=it knew these rows\".")
    return gate.strip(), reason.strip()
