"""Scores that are late: since when they are is not forgotten where a look fails."""

from types import SimpleNamespace

import pytest

from anna_assets.notifications import late
from anna_core.durations import parse_duration
from anna_resources.notifications.state import DAY, State


def test_a_look_that_fails_does_not_begin_the_time_of_a_late_month_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    state, now = State(), 1_700_000_000.0
    writing = SimpleNamespace(settings=SimpleNamespace(notify=SimpleNamespace(late=parse_duration("1d"))))
    monkeypatch.setattr(late, "heads", lambda champions: {"churn": "head", "loss": "head"})
    monkeypatch.setattr(late, "_message", lambda writing, due, since, now: f"{due.key} since {since - 1_700_000_000:g}")

    def look(seconds: float, due: list[late._Due]) -> list[str]:
        monkeypatch.setattr(late.time, "time", lambda: now + seconds)
        monkeypatch.setattr(late, "_due", lambda *asked: due if asked[2] == "churn" else [])
        return late.late_scores(None, writing, state, {}, [])

    month, problem = late._Due("churn", "2024-03"), late._Due("churn", problem="the disk does not answer")
    assert look(0, [month]) == []
    assert look(DAY / 2, [problem]) == []
    assert look(DAY + 10, [month]) == ["churn 2024-03 since 0"]
    assert look(DAY + 1000, []) == []
    assert state.due == {}
