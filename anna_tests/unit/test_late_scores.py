"""Scores that are late: since when they are is not forgotten where a look fails, and of many is told at once."""

import datetime as dt
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from anna_assets.notifications import late
from anna_core.durations import parse_duration
from anna_resources.notifications.state import DAY, State

NOW = 1_700_000_000.0
Look = Callable[[float, list[late._Due]], list[str]]


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, state: State) -> Look:
    """Looks, so many seconds after the first time, at what is due of churn; what is told of it."""
    writing = SimpleNamespace(
        settings=SimpleNamespace(notify=SimpleNamespace(late=parse_duration("1d"))),
        champions=SimpleNamespace(heads=lambda: {"churn": "head", "loss": "head"}),
        owner=lambda task: "risk",
        page=lambda path: path,
    )
    monkeypatch.setattr(late, "told_moment", lambda since: f"{since - NOW:g}")

    def told(seconds: float, due: list[late._Due]) -> list[str]:
        monkeypatch.setattr(late.time, "time", lambda: NOW + seconds)
        monkeypatch.setattr(late, "_due", lambda *asked: due if asked[1] == "churn" else [])
        return [f"{one.title}. {one.sentence}" for one in late.late_scores(writing, state, {}, [])]

    return told


def test_a_look_that_fails_does_not_begin_the_time_of_a_late_month_anew(look: Look, state: State) -> None:
    month, problem = late._Due("churn", "2024-03"), late._Due("churn", problem="the disk does not answer")
    assert look(0, [month]) == []
    assert look(DAY / 2, [problem]) == []
    told = "ANNA: churn 2024-03 is not scored. churn 2024-03 could have been scored since 0, and is not."
    assert look(DAY + 10, [month]) == [told]
    assert look(DAY + 1000, []) == []
    assert state.due == {}


def test_of_all_days_of_an_outage_one_message_is_told_a_day(look: Look) -> None:
    first, problem = dt.date(2024, 3, 1), late._Due("churn", problem="the disk does not answer")
    days = [late._Due("churn", f"{first + dt.timedelta(days=count)}") for count in range(30)]
    assert look(0, days[:2]) == []
    assert look(DAY, days[:3]) == [
        "ANNA: churn 2024-03-01 to 2024-03-02 (2 of them) are not scored. "
        "churn 2024-03-01 to 2024-03-02 (2 of them) could have been scored since 0, and are not."
    ]
    assert look(1.5 * DAY, days) == []
    [told] = look(2.5 * DAY, days)
    assert told.startswith("ANNA: churn 2024-03-01 to 2024-03-30 (30 of them) are not scored. ")
    assert look(3 * DAY, [problem]) == []
    [told] = look(4 * DAY, [problem])
    assert told == "ANNA: churn is not scored. churn cannot be scored since 259200: the disk does not answer"
