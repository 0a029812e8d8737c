"""Periods that could have been scored for a while, and are not; or a champion of which nobody can say what is due."""

import time
from collections.abc import Mapping
from typing import NamedTuple

from anna_assets.notifications.writing import Writing, moment
from anna_assets.production.due import look_at
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_core.periods import Period
from anna_resources.clock import told_moment
from anna_resources.ledger.roles import Champion
from anna_resources.notifications.message import Message, Severity
from anna_resources.notifications.state import DAY, State
from anna_resources.notify_settings import Event

_LOOK_SECONDS = 600.0  # between two looks: each reads what there is of all periods of a champion's domains


def late_scores(writing: Writing, state: State, domains: Mapping[str, Domain], periods: list[Period]) -> list[Message]:
    """What there is to tell of scores that are late: once a day, of each task, as long as any of it are.

    Args:
        writing: writes it.
        state: says since when something is due.
        domains: the deployment's, by name.
        periods: the deployment's, in order.
    """
    now, patience = time.time(), writing.settings.notify.late.total_seconds()
    if 0 <= now - state.looked < _LOOK_SECONDS:
        return []
    state.looked = now
    due = {
        one.key: one
        for task, head in writing.champions.heads().items()
        for one in _due(writing, task, head, domains, periods)
    }
    unknown = {one.task for one in due.values() if one.problem}  # what was due there is so, for all that anybody knows
    before = {key: since for key, since in state.due.items() if key.partition(" ")[0] in unknown}
    state.due = before | {key: min(state.due.get(key, now), now) for key in due}
    late: dict[str, list[_Due]] = {}
    for key, one in due.items():
        if now - state.due[key] >= patience:
            late.setdefault(one.task, []).append(one)
    return [
        _message(writing, ones, min(state.due[one.key] for one in ones), now)
        for task, ones in late.items()
        if state.is_news(f"late: {task}", DAY)
    ]


class _Due(NamedTuple):
    """A period that is to be scored; or why nobody can say which is."""

    task: str
    period: str = ""
    problem: str = ""

    @property
    def key(self) -> str:
        return f"{self.task} {self.period}".strip()


def _due(writing: Writing, task: str, head: str, domains: Mapping[str, Domain], periods: list[Period]) -> list[_Due]:
    try:
        champion = writing.champions.read(Champion, task, head)
        if champion is None:
            return []
        look = look_at(writing.warehouse, writing.settings, champion.tag, domains, periods)
        stored = writing.warehouse.production(task)
        return [_Due(task, str(at)) for at in look.due(stored.readable(), stored.latest_done())]
    except Exception as error:  # noqa: BLE001  # whatever it is, nothing is scored until it is mended: that is told
        return [_Due(task, problem=in_words(error))]


def _message(writing: Writing, due: list[_Due], since: float, now: float) -> Message:
    """What is told of what is late of a task, in order of its periods."""
    began, first, last = told_moment(since), due[0], due[-1]
    period = first.period if len(due) == 1 else f"{first.period} to {last.period} ({len(due)} of them)"
    what, is_not = f"{first.task} {period}".strip(), "is not" if len(due) == 1 else "are not"
    told = f"{what} could have been scored since {began}, and {is_not}."
    if first.problem:
        told = f"{first.task} cannot be scored since {began}: {first.problem}"
    return Message(
        event=Event.SCORED_LATE,
        severity=Severity.FAILURE,
        task=first.task,
        owner=writing.owner(first.task),
        title=f"ANNA: {what} {is_not} scored",
        sentence=told,
        facts={"period": period, "since": began},
        page=writing.page("/automation"),  # the sensor `production` says there what it waits for
        advice="Automation → production says what is waited for, and which run failed.",
        at=moment(now),
    )
