"""Production by week and by day: the same scores, of periods that end within a month."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from anna_assets.partitions import task_key
from anna_core import storage
from anna_core.periods import Cadence, Period
from anna_core.serving.__main__ import serving
from anna_tests.graph.conftest import TRAINED, Deployment, events
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_outcomes import bring
from anna_tests.graph.test_production import MARCH, asked, follow, scores

pytestmark = pytest.mark.xdist_group("trained")
WEEKS = Period(dt.date(2024, 3, 18), Cadence.WEEK), Period(dt.date(2024, 3, 25), Cadence.WEEK)
# The last day that has events is the 27th: of them, scores as of the 29th are the first to know.
DAYS = Period(dt.date(2024, 3, 27), Cadence.DAY), Period(dt.date(2024, 3, 28), Cadence.DAY)
LAG = dt.timedelta(days=1)  # of the domains


def add(deployment: Deployment, moment: dt.datetime) -> None:
    """Have an event of cards come at a moment of March, in a file of its own, and its mart be built anew."""
    columns = {"event_time": pl.lit(moment), "event_id": pl.lit(int(moment.timestamp()))}
    row = events(1, "2024-03-01").head(1).with_columns(**columns)
    row.write_parquet(deployment.home / "warehouse" / "cards" / f"late {moment:%d}.parquet")
    deployment.refresh()


@pytest.mark.parametrize("periods", [WEEKS, DAYS], ids=["week", "day"])
def test_the_champion_scores_as_often_as_it_is_told_to(trained: Deployment, periods: tuple[Period, Period]) -> None:
    first = TRAINED[0]
    press(trained, tag=first)
    follow(trained)
    by_month = scores(trained).of(Period(MARCH)).read()
    before, newest = periods
    trained.set(f"production: {{cadence: {newest.cadence}}}")
    histories = [f"production/history/{domain} {newest}" for domain in trained.domains]
    assert follow(trained) == [*histories, f"{first} {newest}"]
    found = scores(trained).of(newest)
    assert (found.done().period, found.done().as_of) == (newest.key, newest.as_of)
    if newest.as_of == Period(MARCH).as_of:  # as of the same day, the same bits
        assert_frame_equal(found.read(), by_month)
        assert scores(trained).latest_done() == found.done()
    else:
        assert scores(trained).latest_done().as_of == Period(MARCH).as_of  # the newest there are, of whatever period
        for domain in trained.domains:
            history = trained.warehouse.history(trained.domain(domain), newest).read()
            assert history.event_time.max() < np.datetime64(newest.as_of - LAG, "us").astype(int)

    model, out = trained.warehouse.candidate(first).model_folder(), trained.home / "scores.parquet"
    said = ["--model", str(model), "score", "--histories", str(trained.settings.storage / "production/history")]
    done = CliRunner().invoke(serving, [*said, "--period", str(newest), "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert_frame_equal(pl.read_parquet(out), found.read())  # so scores an image

    # The period before, by hand: it is looked at; an event later than it leaves it, an earlier one does not.
    for domain in trained.domains:
        trained.materialize(f"production/history/{domain}", partition=before.key)
    trained.materialize("production/scores", partition=task_key("churn", before))
    [looked_at] = follow(trained)
    assert looked_at.startswith(f"monitoring churn {before} of ")
    add(trained, dt.datetime.combine(newest.start, dt.time(1)))
    if newest.start < newest.as_of - LAG:
        assert follow(trained) == [f"production/history/cards {newest}", f"{first} {newest}"]
    else:  # scores of the day after are the first to know of it
        after = Period(newest.as_of, newest.cadence)
        assert set(follow(trained)) == {
            *(f"production/history/{name} {after}" for name in trained.domains),
            f"{first} {after}",
        }
    add(trained, dt.datetime.combine(before.start, dt.time(1)) - dt.timedelta(days=2))
    scored = scores(trained).all()
    assert set(follow(trained)) == {
        *(f"production/history/cards {period}" for period in scored),
        *(f"{first} {period}" for period in scored),
    }
    assert trained.warehouse.monitoring("churn", newest).read().clients_before == 60


def test_outcomes_of_a_week_are_looked_at_though_its_history_is_too_old_to_be_kept(trained: Deployment) -> None:
    trained.set("production: {cadence: week}")
    press(trained, tag=TRAINED[0])
    follow(trained)
    calm = trained.warehouse.monitoring("churn", WEEKS[1]).read()
    for domain in trained.domains:
        storage.remove_directory(trained.warehouse.history(trained.domain(domain), WEEKS[1]).path, "it was too old")
    bring(trained, "april.csv", [client % 2 for client in range(60)], as_of=f"{WEEKS[1].as_of}")
    read, looked_at = follow(trained)
    assert read.startswith("outcomes of churn, ")
    assert looked_at.startswith(f"monitoring churn {WEEKS[1]} of ")
    found = trained.warehouse.monitoring("churn", WEEKS[1]).read()
    assert found.performance.clients == 60
    assert found.model_dump(exclude={"performance", "outcomes"}) == calm.model_dump(exclude={"performance", "outcomes"})
    # An event that comes late asks for the history once more.
    add(trained, dt.datetime(2024, 3, 20))
    assert follow(trained) == [
        *(f"production/history/{domain} {WEEKS[1]}" for domain in trained.domains), f"{TRAINED[0]} {WEEKS[1]}",
    ]  # fmt: skip


def test_days_that_are_due_together_are_scored_in_order_so_none_is_passed_over(trained: Deployment) -> None:
    first, last = TRAINED[0], DAYS[1].start
    days = [f"{last - dt.timedelta(days=ago)}" for ago in (3, 2, 1, 0)]
    trained.set("production: {cadence: day}")
    press(trained, tag=first)
    for domain in trained.domains:
        trained.materialize(f"production/history/{domain}", partition=days[0])
    trained.materialize("production/scores", "production/monitoring", partition=f"{days[0]}|churn")
    for domain in trained.domains:  # those of the newest day come first
        trained.materialize(f"production/history/{domain}", partition=days[3])
    assert set(asked(trained)) == {
        f"production/history/{domain} {day}" for domain in trained.domains for day in days[1:3]
    }
    done = follow(trained)
    assert [name for name in done if name.startswith(first)] == [f"{first} {day}" for day in days[1:]]
    assert [str(period) for period in scores(trained).all()] == days


def test_a_day_that_fails_holds_up_none_after_it(trained: Deployment) -> None:
    first, days = TRAINED[0], [str(DAYS[1].start - dt.timedelta(days=ago)) for ago in (2, 1, 0)]
    trained.set("production: {cadence: day}")
    press(trained, tag=first)
    for day in days:
        for domain in trained.domains:
            trained.materialize(f"production/history/{domain}", partition=day)
    trained.materialize("production/scores", "production/monitoring", partition=f"{days[0]}|churn")
    [(name, request)] = asked(trained).items()
    assert name == f"{first} {days[1]}"
    storage.remove_directory(trained.warehouse.history(trained.domain("cards"), DAYS[0]).path, "as a disk loses it")
    failed = trained.defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=trained.instance, asset_selection=list(request.asset_selection),
        partition_key=request.partition_key, tags=request.tags, raise_on_error=False,
    )  # fmt: skip
    assert not failed.success
    assert f"{first} {days[2]}" not in asked(trained)  # its history is made again first
    trained.materialize("production/history/cards", partition=days[1])
    assert list(asked(trained)) == [f"{first} {days[2]}"]  # the other is tried again after a pause
