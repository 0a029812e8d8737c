"""`anna status`: follow launches as they go."""

import sys

import click

from anna_cli.backfills import going_on
from anna_cli.console import CONSOLE
from anna_cli.follow import check_finished, follow, snapshot
from anna_cli.identity import connect
from anna_cli.launch_reader import LaunchReader
from anna_cli.observation_reader import failed_observations
from anna_cli.sensor_reader import Sensor, read_sensors
from anna_cli.stopped import told_of_a_stop
from anna_resources.blueprint import domain_file_news, loaded_domains
from anna_resources.ledger.remote import Remote
from anna_resources.settings import load_settings


@click.command()
@click.argument("key", required=False)
@click.option("--once", is_flag=True, help="Print how things are now, and end.")
def status(key: str | None, once: bool) -> None:
    """Follow uploads and launches until all have ended: those of the sample KEY (<task>.<sample>), or all."""
    settings = load_settings()
    client = connect(settings)
    for note in domain_file_news(settings, loaded_domains(settings)):
        CONSOLE.print(note, style="yellow", soft_wrap=True)
    for domain, reason in failed_observations(client).items():
        CONSOLE.print(f"The source of {domain} could not be observed: {reason}", style="yellow", soft_wrap=True)
    for sensor in read_sensors(client):
        if told := _told(sensor):
            CONSOLE.print(told, style="yellow", soft_wrap=True)
    if (remote := Remote.of(settings)) is not None and remote.known().problem:
        CONSOLE.print(remote.standing(), style="yellow", soft_wrap=True)
    for backfill in going_on(client):
        CONSOLE.print(backfill, soft_wrap=True)
    reader = LaunchReader(client)
    launches = reader.read(key)
    if not launches:
        of = f" of {key}" if key else ""
        CONSOLE.print(f"No upload or launch{of} yet. `anna submit FILE --task TASK` makes one.")
        return
    if once:
        snapshot(launches, CONSOLE)
        return
    try:
        with told_of_a_stop("whatever was under way", f"`anna status{f' {key}' if key else ''}`."):
            launches = follow(reader, CONSOLE, key)
    except KeyboardInterrupt:
        CONSOLE.print("No longer watching; the launches go on.")
        sys.exit(130)
    if key is not None:
        check_finished(launches)


def _told(sensor: Sensor) -> str:
    """What is the matter with a sensor; empty where nothing is."""
    if not sensor.is_on:
        return f"The sensor '{sensor.name}' is off: switch it on in the UI under Automation."
    if not sensor.problem:
        return ""
    return f"The sensor '{sensor.name}' fails, so what is told below may be out of date: {sensor.problem}"
