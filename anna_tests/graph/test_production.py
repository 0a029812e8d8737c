"""Production: the champion scores complete months by itself, and what is published is whole."""

import datetime as dt
import json
import shutil
from typing import Any

import dagster as dg
import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

from anna_assets.partitions import calendar, monthly, task_key
from anna_assets.production import champion_asset, pressing, scoring
from anna_cli.commands.scores import scores as cli_scores
from anna_core import storage
from anna_core.analytics import trend_plot
from anna_core.analytics.gates import Gate
from anna_core.errors import ArtifactError
from anna_core.memory import DEFAULT_MEMORY
from anna_core.periods import Period
from anna_resources.artifacts import production
from anna_resources.artifacts.production import ProductionScores
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.roles import Ask, Champion
from anna_resources.names import PRODUCTION_TAG
from anna_tests.graph.conftest import TRAINED, Deployment, events
from anna_tests.graph.results import problem
from anna_tests.graph.test_champion import press

pytestmark = pytest.mark.xdist_group("trained")
FEBRUARY, MARCH = dt.date(2024, 2, 1), dt.date(2024, 3, 1)
IN_MARCH = task_key("churn", Period(MARCH))


def look(deployment: Deployment) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=deployment.instance, resources=deployment.defs.resources, definitions=deployment.defs
    )
    with context:
        result = deployment.defs.resolve_sensor_def("production")(context)
    assert isinstance(result, dg.SensorResult)
    return result


def asked(deployment: Deployment) -> dict[str, dg.RunRequest]:
    """What the sensor asks for at a look: what it is to make → the request."""
    return {request.tags[PRODUCTION_TAG]: request for request in look(deployment).run_requests or ()}


def follow(deployment: Deployment) -> list[str]:
    """Do what the sensor asks for, until it asks for nothing; what that was."""
    done: list[str] = []
    while requests := asked(deployment):
        assert len(done) < 20, f"it asks without end: {done}"
        for name, request in requests.items():
            keys = [key.to_user_string() for key in request.asset_selection]
            assert deployment.materialize(*keys, partition=request.partition_key).success
            done.append(name)
    return done


def score_by_hand(deployment: Deployment, month: dt.date) -> None:
    """Have the champion score a month, as a backfill does."""
    for domain in deployment.domains:
        deployment.materialize(f"history/{domain}", partition=month.isoformat())
    assert deployment.materialize("production/scores", partition=task_key("churn", Period(month))).success


def scores(deployment: Deployment) -> ProductionScores:
    return deployment.warehouse.production("churn")


def test_the_champion_scores_complete_months_by_itself(trained: Deployment) -> None:
    first, second = TRAINED
    assert asked(trained) == {}  # nobody is champion
    press(trained, tag=first)
    assert follow(trained) == ["history/accounts 2024-03", "history/cards 2024-03", f"{first} 2024-03"]
    done = scores(trained).of(Period(MARCH)).done()
    assert done is not None
    assert (done.task, done.period, done.as_of, done.model, done.rows) == (
        "churn",
        "2024-03",
        dt.date(2024, 4, 1),
        first,
        60,
    )
    frame = scores(trained).of(Period(MARCH)).read()
    assert frame.columns == [
        "client_id", "as_of", "score", "decile", "model", "model_version", "events_accounts", "events_cards",
    ]  # fmt: skip
    assert frame.group_by("decile").len().sort("decile")["len"].to_list() == [6] * 10
    assert frame.sort("score", descending=True)["decile"].is_sorted()
    assert frame.filter(pl.col("events_accounts") == 0)["client_id"].cast(pl.Int64).sort().to_list() == list(
        range(40, 60)
    )
    latest = scores(trained).latest
    assert_frame_equal(pl.read_parquet(latest / "scores.parquet"), frame)
    assert json.loads((latest / "done.json").read_text())["period"] == "2024-03"

    pair = dg.MultiPartitionKey({"month": "2024-03-01", "sample": first})
    for domain in trained.domains:
        trained.materialize(f"retro/embedding/{domain}", partition=pair)
    trained.materialize("retro/scores", partition=pair)
    retro = trained.warehouse.retro_scores(first, MARCH).read()
    assert_frame_equal(frame.select(retro.columns), retro)  # bit for bit

    press(trained, tag=second)  # a new champion scores the newest month, and no other
    assert follow(trained) == [f"{second} 2024-03"]
    assert follow(trained) == []


def test_late_events_have_their_month_scored_again_and_no_other(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    score_by_hand(trained, FEBRUARY)
    [looked_at] = follow(trained)  # what a backfill scored is looked at as well
    assert looked_at.startswith("monitoring churn 2024-02 of ")
    assert json.loads((scores(trained).latest / "done.json").read_text())["period"] == "2024-03"
    before = scores(trained).of(Period(FEBRUARY)).read()
    trained.rewrite_month("cards", "2024-03-01", events(99, "2024-03-01"))
    trained.refresh()
    assert follow(trained) == ["history/cards 2024-03", f"{TRAINED[0]} 2024-03"]
    assert_frame_equal(scores(trained).of(Period(FEBRUARY)).read(), before)


def test_a_month_that_is_not_over_is_not_scored(trained: Deployment, clock) -> None:
    trained.set("", instead_of="end_month: 2024-03\n")
    press(trained, tag=TRAINED[0])
    april = dt.datetime(2024, 4, 3, tzinfo=dt.UTC).timestamp()  # a day of lag and three of grace
    clock.seconds = april - dt.datetime.now(tz=dt.UTC).timestamp()
    assert "history/cards 2024-02" in asked(trained)
    assert not any("2024-03" in name for name in asked(trained))
    clock.seconds += 3 * 86_400
    assert "history/cards 2024-03" in asked(trained)


def test_a_month_of_which_nothing_came_is_not_scored_however_long_it_is_over(trained: Deployment) -> None:
    trained.set("end_month: 2024-05", instead_of="end_month: 2024-03")
    press(trained, tag=TRAINED[0])
    assert asked(trained).keys() == {"history/accounts 2024-03", "history/cards 2024-03"}


def test_scores_on_histories_behind_their_marts_are_refused(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    before = scores(trained).of(Period(MARCH)).read()
    trained.rewrite_month("cards", "2024-03-01", events(98, "2024-03-01"))
    trained.refresh()
    refused = trained.materialize("production/scores", partition=IN_MARCH, check=False)
    assert "history/cards of 2024-03: missing, or older than the marts" in problem(refused)
    assert_frame_equal(scores(trained).of(Period(MARCH)).read(), before)


def test_a_mart_that_came_just_after_freshness_was_asked_has_the_month_scored_again(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    trained.rewrite_month("cards", "2024-03-01", events(95, "2024-03-01"))
    trained.refresh()
    with monkeypatch.context() as patch:
        patch.setattr(scoring, "require_fresh_histories", lambda *asked: None)  # it was, a moment before
        assert trained.materialize("production/scores", partition=IN_MARCH).success
    assert "history/cards 2024-03" in asked(trained)


def test_nobody_scores_a_task_without_a_champion(trained: Deployment) -> None:
    assert "churn has no champion" in problem(trained.materialize("production/scores", partition=IN_MARCH, check=False))


def test_a_champion_whose_domain_is_gone_is_told_and_asks_for_nothing(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    (trained.settings.domains / "accounts.yaml").unlink()
    trained.reload()
    result = look(trained)
    assert not result.run_requests
    assert "churn.q1 reads accounts, which is gone: put its file back, or roll back." in result.skip_reason.skip_message


def test_drift_that_is_planted_in_the_source_fails_the_checks_of_its_month(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    calm = trained.warehouse.monitoring("churn", Period(MARCH)).read()
    assert calm is not None
    assert (calm.clients, calm.clients_before, calm.covered["cards"]) == (60, None, 1.0)
    for month in ("2024-02-01", "2024-03-01"):
        trained.rewrite_month("cards", month, events(97, month).with_columns(amount=pl.col("amount") * 1000))
    trained.refresh()
    assert follow(trained) == ["history/cards 2024-03", f"{TRAINED[0]} 2024-03"]
    result = trained.materialize("production/monitoring", partition=IN_MARCH)  # once more, for its checks
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["field_drift"].passed
    assert "cards.amount" in checks["field_drift"].description
    assert checks["field_drift"].severity is dg.AssetCheckSeverity.WARN
    found = trained.warehouse.monitoring("churn", Period(MARCH)).read()
    assert found is not None
    assert next(iter(found.field_drift)) == "cards.amount"


def test_what_failed_is_tried_again_after_a_pause_and_told(trained: Deployment, clock) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    trained.rewrite_month("cards", "2024-03-01", events(96, "2024-03-01"))
    trained.refresh()
    mart = trained.settings.storage / "mart/cards/month=2024-03/events.parquet"
    [(name, request)] = asked(trained).items()
    kept, mart_bytes = mart.with_suffix(".kept"), mart.read_bytes()
    mart.rename(kept)
    mart.write_bytes(mart_bytes[: len(mart_bytes) // 2])
    job = trained.defs.resolve_implicit_global_asset_job_def()
    failed = job.execute_in_process(
        instance=trained.instance, asset_selection=list(request.asset_selection),
        partition_key=request.partition_key, tags=request.tags, raise_on_error=False,
    )  # fmt: skip
    assert not failed.success
    kept.replace(mart)
    said = look(trained)
    assert not said.run_requests
    assert f"{name} failed, and is tried again at" in said.skip_reason.skip_message
    clock.seconds += 60
    assert list(asked(trained)) == [name]


@pytest.mark.parametrize(
    ("name", "left"), [("done.json", None), ("done.json", b""), ("done.json", b"{}"), ("scores.parquet", None)]
)
def test_a_copy_of_the_newest_scores_that_was_cut_off_is_made_good(
    trained: Deployment, name: str, left: bytes | None
) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    file = scores(trained).latest / name
    file.unlink()  # as whoever is killed within leaves it
    if left is not None:
        file.write_bytes(left)  # as a machine that lost its power may
    assert follow(trained) == [f"{TRAINED[0]} 2024-03"]
    assert scores(trained).latest_done() == scores(trained).of(Period(MARCH)).done()
    assert (scores(trained).latest / "scores.parquet").exists()


def test_scores_of_a_period_that_are_damaged_are_told_and_hold_up_no_other(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    score_by_hand(trained, FEBRUARY)
    mark = scores(trained).of(Period(FEBRUARY)).current() / "done.json"
    mark.write_bytes(b"")
    production._read_done_once.cache_clear()  # as in another process
    assert follow(trained)[-1] == f"{TRAINED[0]} 2024-03"
    assert f"{mark}: cannot be read. Score the period again." in look(trained).skip_reason.skip_message
    said = CliRunner().invoke(cli_scores, ["churn"], env={"ANNA_HOME": str(trained.home)}, catch_exceptions=False)
    assert [f"{mark}: cannot be read" in said.output, "as of 2024-04-01" in said.output] == [True, True]
    with pytest.raises(ArtifactError, match="Score the period again"):
        scores(trained).all()
    score_by_hand(trained, FEBRUARY)
    assert list(scores(trained).all()) == [Period(FEBRUARY), Period(MARCH)]


@pytest.mark.parametrize("left", [b"", b"{"])
def test_monitoring_that_is_damaged_is_made_again_by_itself(trained: Deployment, left: bytes) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    stored = trained.warehouse.monitoring("churn", Period(MARCH))
    found = stored.read()
    (stored.current() / "monitoring.json").write_bytes(left)
    [name] = follow(trained)
    assert name.startswith("monitoring churn 2024-03")
    assert stored.read() == found


def test_what_somebody_put_aside_beside_scores_holds_up_nothing(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    for name in ("month=2024-03.bak", "month=2024-03-01", "month="):
        (scores(trained).path / name).mkdir()
        (trained.warehouse.monitoring("churn", Period(MARCH)).path.parent / name).mkdir()
    press(trained, tag=TRAINED[1])
    assert follow(trained) == [f"{TRAINED[1]} 2024-03"]
    assert list(scores(trained).all()) == [Period(MARCH)]


def test_a_press_that_was_cut_off_after_its_commit_is_ended_by_its_retry(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, failed = champion_asset._made, []

    def once(champion: Champion, *came) -> dg.MaterializeResult:
        if not failed:
            failed.append(champion.tag)
            raise RuntimeError("cut off")
        return made(champion, *came)

    monkeypatch.setattr(champion_asset, "_made", once)
    result = press(trained, tag=TRAINED[0])
    assert result.success
    assert failed == [TRAINED[0]]
    assert [past.tag for past in Champions.of(trained.settings).past("churn")] == [TRAINED[0]]


def test_each_press_that_was_cut_off_after_its_commit_is_on_record_once(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = TRAINED
    trained.set("approval: four_eyes")
    champions, recorded = Champions.of(trained.settings), pressing.recorded
    cut: list[str] = []

    def commits() -> int:
        return len(champions.repository.subjects_of("task/churn"))

    def cut_off() -> None:
        if commits() > before and not cut:
            cut.append("now")
            raise RuntimeError("cut off")

    def gates(ask: Ask) -> list[Gate]:
        cut_off()
        return recorded(ask)

    def told(*said: Any) -> dict[str, Any]:
        cut_off()
        return tell(*said)

    tell = pressing._facts
    monkeypatch.setattr(pressing, "recorded", gates)
    monkeypatch.setattr(pressing, "_facts", told)
    for who, button, tag in (
        ("anna", "PROMOTE", first),
        ("boris", "DECLINE", ""),
        ("anna", "PROMOTE", first),
        ("boris", "APPROVE", ""),
        ("anna", "CHALLENGE", second),
        ("anna", "STAND_DOWN", ""),
    ):
        before = commits()
        cut.clear()
        result = press(trained, button=button, who=who, tag=tag)
        assert (result.success, cut, commits()) == (True, ["now"], before + 1), button
    assert [past.tag for past in champions.past("churn")] == [first]
    assert (champions.request("churn"), champions.challenger("churn")) == (None, None)


def test_a_first_month_that_is_set_later_has_nothing_built_without_end(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    trained.set(
        "start_month: 2024-03", instead_of="start_month: 2024-01"
    )  # histories of March read the mart of February, which is still there
    trained.refresh(["2024-03-01"])
    assert follow(trained) == []


def test_what_a_month_waits_for_is_said(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    trained.rewrite_month("cards", "2024-03-01", events(96, "2024-03-01"))
    source = trained.warehouse.source(trained.domain("cards"))
    source.mark_told(source.observe(calendar(monthly(trained.settings)), DEFAULT_MEMORY))
    result = look(trained)
    assert not result.run_requests
    said = result.skip_reason.skip_message
    assert said == "churn 2024-03 waits for mart/cards 2024-03, which are behind their sources."


def test_scores_do_not_wait_for_outcomes_an_image_or_a_challenger_that_cannot_be_read(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    press(trained, button="CHALLENGE")
    trained.set("image: {builder: buildah}")
    for artifact, name in (
        (trained.warehouse.outcomes("churn"), "outcomes"),
        (trained.warehouse.image("churn"), "image"),
    ):
        with artifact.writing() as folder:
            (folder / f"{name}.json").write_text("{")
    shutil.rmtree(trained.warehouse.candidate(TRAINED[1]).path)
    assert list(asked(trained)) == ["history/accounts 2024-03", "history/cards 2024-03"]
    for domain in trained.domains:
        trained.materialize(f"history/{domain}", partition="2024-03-01")
    assert list(asked(trained)) == [f"{TRAINED[0]} 2024-03"]


def test_a_month_that_nobody_has_an_event_in_is_scored_and_stops_nothing(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    for month in ("2024-02-01", "2024-03-01"):
        for domain in trained.domains:
            trained.rewrite_month(domain, month, events(3, month).head(0))
    trained.refresh()
    follow(trained)
    found = trained.warehouse.monitoring("churn", Period(MARCH)).read()
    assert found is not None
    assert (found.clients, found.model, found.score_drift, found.covered["cards"]) == (0, TRAINED[0], {}, 0.0)
    assert look(trained).skip_reason.skip_message == "All champions have scored what is complete."


def test_the_trend_goes_on_where_scores_were_taken_away(trained: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    score_by_hand(trained, FEBRUARY)
    trained.materialize("production/monitoring", partition=task_key("churn", Period(FEBRUARY)))
    storage.remove_directory(scores(trained).of(Period(FEBRUARY)).path, "it was too old")
    shown, draw = [], trend_plot.trend_plot
    monkeypatch.setattr(trend_plot, "trend_plot", lambda past, *levels: shown.extend(past) or draw(past, *levels))
    trained.materialize("production/monitoring", partition=IN_MARCH)
    assert [one.period for one in shown] == ["2024-02", "2024-03"]
