"""Launches on the screen: a live table on a terminal, plain lines anywhere else."""

import time
from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from anna_cli.launch import Launch, State, Step, Training

BAR_WIDTH = 16
COLUMNS = 5

_MARKS = {
    State.SETTLING: ("·", "dim"), State.REFUSED: ("✗", "red"), State.LAUNCHED: ("…", "yellow"),
    State.WAITING: ("·", "dim"), State.QUEUED: ("…", "yellow"), State.STARTING: ("…", "yellow"),
    State.RUNNING: ("▶", "cyan"), State.FINISHED: ("✓", "green"), State.FAILED: ("✗", "red"),
    State.INTERRUPTED: ("■", "yellow"), State.CANCELED: ("■", "yellow"), State.SKIPPED: ("–", "dim"),
}  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds as people say them: `42 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def render(launches: Iterable[Launch], now: float) -> RenderableType:
    """The launches as a table for a terminal."""
    return Group(*(part for launch in launches for part in (_title(launch, now), _steps(launch, now), Text())))


def lines(launches: Iterable[Launch]) -> Iterator[str]:
    """The launches as plain lines, one for each launch and each step that has begun; an end comes last."""
    for launch in launches:
        title = f"{launch.key} {standing(launch)}{_because(launch.reason or launch.problem)}"
        if not launch.state.ended:
            yield title
        for step in launch.steps:
            if step.state not in (State.WAITING, State.SKIPPED):
                yield f"{launch.key} {step.title} {step.state}{_detail(step)}"
        if launch.state.ended:
            yield title
        yield from (f"{launch.key} note: {note}" for note in launch.notes)


def standing(launch: Launch) -> str:
    """Where a launch is: its state, its place where it is queued, and whether it goes on where it was interrupted."""
    if launch.state is State.INTERRUPTED:
        return f"{launch.state}, and goes on by itself from its last finished step"
    if launch.place is None:
        return str(launch.state)
    place, length = launch.place
    return f"{launch.state} at place {place} of {length}"


def clock(now: float) -> str:
    """The time of the day."""
    return time.strftime("%H:%M:%S", time.localtime(now))


def _title(launch: Launch, now: float) -> Text:
    mark, style = _MARKS[launch.state]
    text = Text.assemble((f"{mark} ", style), (launch.key or launch.run_id, "bold"), " ", (standing(launch), style))
    if launch.began:
        text.append(f"  {duration((launch.ended or now) - launch.began)}", "dim")
    if launch.will_retry and launch.state is not State.INTERRUPTED:
        text.append("  another attempt follows", "yellow")
    if launch.problem:
        text.append(f"\n  {launch.problem}", "red")
    if launch.reason:
        text.append(f"\n  {launch.reason}", style)
    for note in launch.notes:
        text.append(f"\n  {note}", "yellow")
    return text


def _steps(launch: Launch, now: float) -> Table:
    table = Table.grid(padding=(0, 1))
    for _ in range(COLUMNS - 1):
        table.add_column(no_wrap=True)
    table.add_column()  # the only one that gives way on a narrow terminal, so that names are whole
    if launch.state is State.FINISHED:
        return table  # nothing to add to its title
    for step in launch.steps:
        mark, style = _MARKS[step.state]
        table.add_row("  ", Text(mark, style), Text(step.title, "" if step.began else "dim"), *_progress(step, now))
    return table


def _progress(step: Step, now: float) -> tuple[RenderableType, RenderableType]:
    said = Text(no_wrap=True, overflow="ellipsis")
    if step.began:
        said.append(duration((step.ended or now) - step.began), "dim")
    training = step.training
    if training is None:
        return Text(), said
    # A model that stopped early is done, however few of its epochs it took.
    done = 1.0 if step.state is State.FINISHED else training.done
    said.append(f" {_training(training, step.state)}")
    return ProgressBar(total=1.0, completed=done, width=BAR_WIDTH), said


def _detail(step: Step) -> str:
    training = f" {_training(step.training, step.state)}" if step.training else ""
    return f"{training}{_because(step.problem)}"


def _training(training: Training, state: State) -> str:
    net = f"net {training.net}/{training.nets} " if training.nets > 1 else ""
    if state is not State.RUNNING:
        kept = f"kept is epoch {training.best_epoch}, {training.metric} {training.best_value:.4f}"
        # Often another epoch has a slightly better value: which of them is taken, settings.md tells.
        return f"{net}{training.epoch} of {training.epochs} epochs; {kept} (none is better by more than chance)"
    epoch = f"{net}epoch {training.epoch}/{training.epochs} {training.metric}"
    speed = f", {training.events_per_second:,.0f} events/s" if training.events_per_second else ""
    return f"{epoch} {training.value:.4f}, {duration(training.seconds_left)} left{speed}"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""
