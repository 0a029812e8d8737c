"""Following launches until all have ended."""

import time
from collections.abc import Callable
from contextlib import nullcontext

from rich.console import Console
from rich.live import Live

from anna_cli.launch import Launch, State
from anna_cli.launch_reader import LaunchReader
from anna_cli.launch_view import clock, lines, render
from anna_core.errors import AnnaError

POLL_SECONDS = 1.0

Sleep = Callable[[float], None]


class LaunchFailedError(AnnaError):
    """A launch that was waited for did not finish."""


def follow(
    reader: LaunchReader, console: Console, key: str | None = None, begin: str = "", sleep: Sleep = time.sleep
) -> list[Launch]:
    """Show launches until all are over; return them as they ended.

    Args:
        reader: of the instance.
        console: live progress on a terminal, plain lines elsewhere: each once.
        key: of one sample; None means all.
        begin: run of the launch to begin with; earlier ones are left out.
        sleep: waits for so many seconds.
    """
    said: set[str] = set()
    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        while True:
            launches, now = current(reader.read(key, begin)), time.time()
            if live is not None:
                live.update(render(launches, now), refresh=True)
            else:
                _say_new(console, launches, now, said)
            if all(launch.is_over for launch in launches):
                return launches
            sleep(POLL_SECONDS)


def snapshot(launches: list[Launch], console: Console) -> None:
    """Show how launches are now."""
    latest, now = current(launches), time.time()
    if console.is_terminal:
        console.print(render(latest, now))
        return
    for line in lines(latest):
        console.print(line, soft_wrap=True)


def check_finished(launches: list[Launch]) -> None:
    """Make sure that every launch came to a good end.

    Raises:
        LaunchFailedError: telling why the first of the others did not.
    """
    for launch in launches:
        if launch.state is not State.FINISHED:
            reason = launch.problem or launch.reason
            raise LaunchFailedError(f"{launch.key} {launch.state}{f': {reason}' if reason else '.'}")


def current(launches: list[Launch]) -> list[Launch]:
    """Of each sample only the latest launch: an earlier attempt is history."""
    return list({launch.key: launch for launch in launches}.values())


def _say_new(console: Console, launches: list[Launch], now: float, said: set[str]) -> None:
    for line in lines(launches):
        if line not in said:
            said.add(line)
            console.print(f"{clock(now)} {line}", soft_wrap=True)
