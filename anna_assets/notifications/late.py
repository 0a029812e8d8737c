"""Months that could have been scored for a while, and are not; or a champion of which nobody can say what is due."""

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from anna_assets.clock import told_moment
from anna_assets.notifications.writing import Writing
from anna_assets.production.due import domains_read, look_at
from anna_core.domains import Domain
from anna_core.errors import in_words
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.presses import heads
from anna_resources.notifications.message import Kind, Message
from anna_resources.notifications.state import DAY, State
from anna_resources.notify_settings import Event

_LOOK_SECONDS = 600.0  # between two looks: each reads what there is of all months of a champion's domains
_PAGE = "/automation"  # the sensor `production` says there what it waits for


def late_scores(
    champions: Champions, writing: Writing, state: State, there: Mapping[str, Domain], kept: Sequence[dt.date]
) -> list[Message]:
    """What there is to tell of scores that are late: once a day as long as they are.

    Args:
        champions: of the ledger.
        writing: writes it.
        state: says since when something is due.
        there: the deployment's domains by name.
        kept: its months, in order.
    """
    now, late = time.time(), writing.settings.notify.late.total_seconds()
    if 0 <= now - state.looked < _LOOK_SECONDS:
        return []
    state.looked = now
    due = {
        one.key: one
        for task, head in heads(champions).items()
        for one in _due(champions, writing, task, head, there, list(kept))
    }
    unknown = {one.task for one in due.values() if one.problem}  # what was due there is so, for all that anybody knows
    before = {key: since for key, since in state.due.items() if key.partition(" ")[0] in unknown}
    state.due = before | {key: min(state.due.get(key, now), now) for key in due}
    return [
        _message(writing, due[key], since, now)
        for key, since in state.due.items()
        if key in due and now - since >= late and state.is_news(f"late: {key}", DAY)
    ]


class _Due(NamedTuple):
    """A month that is to be scored; or why nobody can say which is."""

    task: str
    month: str = ""
    problem: str = ""

    @property
    def key(self) -> str:
        return f"{self.task} {self.month}".strip()


def _due(
    champions: Champions, writing: Writing, task: str, head: str, there: Mapping[str, Domain], kept: list[dt.date]
) -> list[_Due]:
    try:
        champion = champions.champion_at(task, head)
        if champion is None:
            return []
        read = domains_read(writing.warehouse, champion.tag, there)
        look = look_at(writing.warehouse, writing.settings, read, kept, time.time())
        stored = writing.warehouse.production(task)
        return [_Due(task, f"{at:%Y-%m}") for at in look.due(stored.all(), stored.latest_done(), champion.tag)]
    except Exception as error:  # noqa: BLE001  # whatever it is, nothing is scored until it is mended: that is told
        return [_Due(task, problem=in_words(error))]


def _message(writing: Writing, due: _Due, since: float, now: float) -> Message:
    moment = told_moment(since)
    return writing.message(
        Event.SCORED_LATE, Kind.FAILURE, due.task, f"{due.key} is not scored",
        f"{due.task} cannot be scored since {moment}: {due.problem}" if due.problem else
        f"{due.key} could have been scored since {moment}, and is not.",
        _PAGE, now, {"month": due.month, "since": moment},
        "Automation → production says what is waited for, and which run failed.",
    )  # fmt: skip
