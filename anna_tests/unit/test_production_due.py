"""Which periods are complete, and which are to be scored."""

import datetime as dt
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anna_assets.layers.fresh_marts import made_of
from anna_assets.production.agenda import Agenda
from anna_assets.production.due import WATCHED, Look
from anna_core.marts.footer import Footer
from anna_core.periods import Cadence, Period
from anna_core.sources.fingerprints import write_fingerprint
from anna_resources.artifacts.production import Done
from anna_resources.production_settings import Production

FEBRUARY, MARCH, APRIL = dt.date(2024, 2, 1), dt.date(2024, 3, 1), dt.date(2024, 4, 1)
IN_MARCH = Period(MARCH)
WEEK, DAY = Period(dt.date(2024, 3, 11), Cadence.WEEK), Period(dt.date(2024, 3, 17), Cadence.DAY)


def looked(
    now: dt.datetime,
    rows: Mapping[dt.date, int],
    periods: list[Period],
    footers: Mapping[dt.date, Footer] | None = None,
    lag: int = 1,
) -> Look:
    settings = SimpleNamespace(time_zone="Asia/Tokyo", production=Production(cadence=periods[0].cadence))
    domain = SimpleNamespace(
        name="cards",
        availability_lag=dt.timedelta(days=lag),
        lookback=dt.timedelta(days=60),
        window_version="60 days",
    )
    domains = cast(Any, [domain])
    return Look(
        "churn.q1", cast(Any, settings), domains, periods, {"cards": rows}, {"cards": footers or {}}, now.timestamp()
    )


def is_complete(now: dt.datetime, rows: dict[dt.date, int], period: Period = IN_MARCH, lag: int = 1) -> bool:
    return looked(now, rows, [period.before, period], lag=lag).is_complete(period)


@pytest.mark.parametrize("later", [APRIL, dt.date(2099, 1, 1)])
def test_an_event_of_a_month_that_has_not_begun_ends_none(later: dt.date) -> None:
    assert not is_complete(dt.datetime(2024, 3, 20, tzinfo=dt.UTC), {MARCH: 400, later: 1})
    assert not is_complete(dt.datetime(2024, 4, 1, tzinfo=dt.UTC), {MARCH: 400, dt.date(2099, 1, 1): 1})


def test_a_month_is_complete_by_events_of_the_next_or_once_it_is_over_for_long_on_the_banks_clock() -> None:
    begun = dt.datetime(2024, 3, 31, 15, tzinfo=dt.UTC)  # April in Tokyo
    assert is_complete(begun, {MARCH: 400, APRIL: 1})
    assert not is_complete(begun - dt.timedelta(seconds=1), {MARCH: 400, APRIL: 1})
    assert not is_complete(begun, {MARCH: 400})
    assert not is_complete(begun, {MARCH: 400, APRIL: 0})
    assert is_complete(begun + dt.timedelta(days=3), {MARCH: 400})
    assert not is_complete(begun + dt.timedelta(days=3, seconds=-1), {MARCH: 400})
    assert not is_complete(begun + dt.timedelta(days=40), {FEBRUARY: 400})


@pytest.mark.parametrize(("period", "grace"), [(WEEK, dt.timedelta(days=1)), (DAY, dt.timedelta(hours=6))])
@pytest.mark.parametrize("lag", [0, 1, 5])
def test_so_is_a_week_or_a_day_by_the_events_that_its_scores_may_see(
    period: Period, grace: dt.timedelta, lag: int
) -> None:
    over = dt.datetime(2024, 3, 17, 15, tzinfo=dt.UTC)  # the 18th in Tokyo
    later = period.as_of - dt.timedelta(days=lag)
    seen, earlier = later - dt.timedelta(days=1), period.start - dt.timedelta(days=lag + 1)
    assert is_complete(over, {seen: 4, later: 1}, period, lag)
    assert not is_complete(over - dt.timedelta(seconds=1), {seen: 4, later: 1}, period, lag)
    assert not is_complete(over, {seen: 4}, period, lag)
    assert not is_complete(over + grace - dt.timedelta(seconds=1), {seen: 4}, period, lag)
    assert is_complete(over + grace, {seen: 4}, period, lag)
    assert not is_complete(over + grace, {earlier: 4}, period, lag)  # nothing of it came


def test_a_lag_of_more_than_a_month_holds_up_no_scores() -> None:
    begun = dt.datetime(2024, 3, 31, 15, tzinfo=dt.UTC)
    assert is_complete(begun, {FEBRUARY: 4, MARCH: 1}, lag=40)
    assert not is_complete(begun, {FEBRUARY: 4}, lag=40)
    assert is_complete(begun + dt.timedelta(days=3), {FEBRUARY: 4}, lag=40)


def footer(*days: int, content: int = 1) -> dict[dt.date, Footer]:
    """March with an event on each of these days."""
    by_day = {f"2024-03-{day:02}": write_fingerprint(1, content) for day in days}
    return {MARCH: Footer(source=f"{len(days)}-{content}", days=by_day)}


def done(look: Look, period: Period, model: str = "churn.q1") -> Done:
    return Done(
        task="churn", period=str(period), as_of=period.as_of, model=model, model_version="1", rows=1,
        histories={name: one.digest for name, one in look.made_of(period).items()},
        scored_at=dt.datetime(2024, 3, 20, tzinfo=dt.UTC),
    )  # fmt: skip


def test_events_after_a_day_leave_its_scores_and_those_before_its_end_do_not() -> None:
    days = [Period(dt.date(2024, 3, day), Cadence.DAY) for day in range(1, 32)]
    eleventh, twelfth = days[10], days[11]
    now = dt.datetime(2024, 3, 13, tzinfo=dt.UTC)

    def look(marts: Mapping[dt.date, Footer], lag: int = 0) -> Look:
        rows = {dt.date.fromisoformat(day): 1 for day in marts[MARCH].days or ()}
        return looked(now, rows, days, marts, lag)

    before = look(footer(1, 5, 11))
    scored = {eleventh: done(before, eleventh)}
    assert before.due(scored, scored[eleventh]) == []
    later = look(footer(1, 5, 11, 12, 13))
    assert later.due(scored, scored[eleventh]) == [twelfth]
    late = look(footer(1, 5, 10, 11, 12, 13))
    assert late.due(scored, scored[eleventh]) == [eleventh, twelfth]
    assert look(footer(1, 5, 11, content=2)).is_late(eleventh, scored[eleventh])
    # With a lag of two days the scores of the 11th see what was before the 10th.
    scored = {eleventh: done(look(footer(1, 5), lag=2), eleventh)}
    assert not look(footer(1, 5, 10, 11, 12), lag=2).is_late(eleventh, scored[eleventh])
    assert look(footer(1, 5, 9), lag=2).is_late(eleventh, scored[eleventh])


def test_a_month_that_is_seen_whole_is_known_by_the_rows_it_was_built_from() -> None:
    look = looked(dt.datetime(2024, 5, 1, tzinfo=dt.UTC), {}, [Period(MARCH)], footer(1), lag=1)

    def is_known_by_its_rows(as_of: dt.date) -> bool:
        return made_of(look.domains[0], as_of, look.footers["cards"]).marts == {"2024-03-01": "1-1"}

    assert not is_known_by_its_rows(APRIL)  # of the 31st nothing is known by then
    assert is_known_by_its_rows(APRIL + dt.timedelta(days=1))
    assert is_known_by_its_rows(APRIL + dt.timedelta(days=9))


def test_what_is_older_than_the_newest_periods_stays_as_it_was_scored() -> None:
    days = [Period(dt.date(2024, 3, day), Cadence.DAY) for day in range(1, 32)]
    look = looked(dt.datetime(2024, 4, 20, tzinfo=dt.UTC), {dt.date(2024, 3, 31): 1}, days, footer(*range(1, 32)))
    scored = {day: done(look, day) for day in days}
    changed = looked(dt.datetime(2024, 4, 20, tzinfo=dt.UTC), {}, days, footer(*range(1, 32), content=2))
    assert changed.due(scored, scored[days[-1]]) == days[-WATCHED:]


def test_the_latest_of_another_cadence_are_not_made_older() -> None:
    weeks = [WEEK.before, WEEK]
    look = looked(dt.datetime(2024, 4, 20, tzinfo=dt.UTC), {dt.date(2024, 3, 16): 1}, weeks, footer(1))
    assert look.due({}, done(look, Period(MARCH))) == [WEEK]
    scored = {WEEK: done(look, WEEK)}
    assert look.due(scored, done(look, Period(MARCH))) == []
    assert look.due(scored, done(look, Period(FEBRUARY))) == [WEEK]
    assert look.due(scored, None) == [WEEK]


def test_a_challenger_scores_again_what_the_champion_does() -> None:
    days = [Period(dt.date(2024, 3, day), Cadence.DAY) for day in range(1, 32)]
    look = looked(dt.datetime(2024, 4, 20, tzinfo=dt.UTC), {dt.date(2024, 3, 31): 1}, days, footer(*range(1, 32)))
    scored = {day: done(look, day) for day in days}
    changed = looked(dt.datetime(2024, 4, 20, tzinfo=dt.UTC), {}, days, footer(*range(1, 32), content=2))
    stored = SimpleNamespace(readable=lambda: scored)
    warehouse: Any = SimpleNamespace(production=lambda task: stored, challenger=lambda task: stored)
    agenda = Agenda(cast(Any, None), warehouse, changed.settings, {}, days, 0.0)
    assert agenda._due_along(changed, "churn") == changed.due(scored, scored[days[-1]]) == days[-WATCHED:]
