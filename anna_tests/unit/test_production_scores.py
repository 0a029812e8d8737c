"""Production's scores on the disk."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from anna_core.analytics.monitoring import Monitoring
from anna_core.periods import Cadence, Period
from anna_resources.artifacts import monitoring as monitored
from anna_resources.artifacts import production
from anna_resources.artifacts.monitoring import PeriodMonitoring, Seen
from anna_resources.artifacts.production import DONE_FILE, Done, ProductionScores

START = dt.date(2024, 2, 28)


def test_a_mark_that_is_taken_away_while_it_is_asked_for_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, read = ProductionScores(tmp_path, Cadence.MONTH), Path.read_bytes
    mark = stored.latest / DONE_FILE
    assert stored.latest_done() is None
    stored.latest.mkdir()
    mark.write_text("{}")

    def as_the_scores_are_replaced(file: Path) -> bytes:
        mark.unlink()
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", as_the_scores_are_replaced)
    assert stored.latest_done() is None


def test_marks_of_three_years_of_days_are_read_once_however_often_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days, tasks = [Period(START + dt.timedelta(days=count), Cadence.DAY) for count in range(3)], 20
    stored, read = ProductionScores(tmp_path / "scores", Cadence.DAY), Path.read_bytes
    watched = {day: PeriodMonitoring.below(tmp_path, "churn", day) for day in days}
    for day in days:
        done = Done(
            task="churn", period=str(day), as_of=day.as_of, model="churn.q1", model_version="1", rows=1, histories={},
            scored_at=dt.datetime(2024, 3, 20, tzinfo=dt.UTC),
        )  # fmt: skip
        stored.write(day, pl.DataFrame({"client_id": ["1"]}), done)
        watched[day].write(monitoring(str(day), done))
    read_files: list[Path] = []
    monkeypatch.setattr(Path, "read_bytes", lambda file: read_files.append(file) or read(file))
    for _ in range(3):
        assert [*stored.all()] == days
        assert stored.newest() == days[-1]
        assert {watched[day].seen() for day in days} == {Seen(done.scored_at, "v1", None)}
    assert len(read_files) == len(set(read_files)) == 2 * len(days)
    for kept in (production._read_done_once, monitored._read_seen_once):
        assert kept.cache_parameters()["maxsize"] >= 2 * tasks * 3 * 366  # of champions and challengers


def monitoring(period: str, done: Done) -> Monitoring:
    return Monitoring(
        period=period, clients=1, clients_before=None, means={}, score_drift={}, score_drift_before={}, by_chance=0.0,
        moved={}, covered={}, covered_then={}, field_drift={}, fields_by_chance={}, model=done.model,
        scored_at=done.scored_at, metric="roc_auc", expected=None, performance=None, outcomes="v1", along=None,
    )  # fmt: skip
