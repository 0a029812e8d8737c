"""The job `prune`: what is needed stays and goes on working, and Dagster forgets what nobody needs."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from anna_assets.upkeep import pruner
from anna_assets.upkeep.old_runs import delete_run, old_events, old_runs
from anna_core.errors import ArtifactError
from anna_core.periods import Period
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.repository import LedgerError
from anna_resources.names import KEY_TAG, PARTITION_TAG, PRUNE_JOB, PRUNE_OP, ROOT_RUN_TAG, TRAIN_JOB
from anna_resources.upkeep.pruning import Pruning, last_pruning
from anna_tests.graph.conftest import MONTHS, TRAINED, Clock, Deployment, events
from anna_tests.graph.results import problem
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import MARCH, follow, scores

pytestmark = pytest.mark.xdist_group("trained")
DAY = 86_400.0


def prune(deployment: Deployment, do: bool = True, check: bool = True) -> Any:
    return deployment.defs.resolve_job_def(PRUNE_JOB).execute_in_process(
        instance=deployment.instance,
        run_config={"ops": {PRUNE_OP: {"config": {"do": do}}}},
        raise_on_error=check,
    )


def told(deployment: Deployment) -> dict[str, int]:
    """What the latest run of the job told: kind → number, of those that there are."""
    found = last_pruning(deployment.settings)
    assert isinstance(found, Pruning)
    return {line.what: line.number for line in found.lines if line.number}


def files(deployment: Deployment) -> set[str]:
    root = deployment.settings.storage
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return {path for path in found if not path.startswith(("upkeep/", "uploads/", "ledger/"))}


def test_after_years_the_champion_still_scores_and_can_be_rolled_back(trained: Deployment, clock: Clock) -> None:
    first, second = TRAINED
    press(trained, tag=first)
    press(trained, tag=second)
    follow(trained)
    pair = dg.MultiPartitionKey({"month": MONTHS[2], "sample": first})
    for domain in trained.domains:
        trained.materialize(f"retro/embedding/{domain}", partition=pair)
    before = scores(trained).of(Period(MARCH)).read()
    trained.set("keep: {candidates: 1d, retro_scores: 1d, production_scores: 1d}")
    clock.seconds = 2_000 * DAY
    lying = files(trained)
    prune(trained, do=False)
    assert files(trained) == lying  # both launches are needed: by the champion, and by a rollback
    assert told(trained) == {}

    Path(scores(trained).path).rename(trained.home / "aside")
    prune(trained)
    assert files(trained) == {path for path in lying if not path.startswith("production/scores")}
    assert follow(trained) == [f"{second} 2024-03"]
    assert scores(trained).of(Period(MARCH)).read().equals(before)
    assert press(trained, button="ROLLBACK", override={}).success
    assert follow(trained) == [f"{first} 2024-03"]


def test_an_old_launch_can_be_promoted_though_its_sequences_are_gone(trained: Deployment, clock: Clock) -> None:
    first, second = TRAINED
    pair = dg.MultiPartitionKey({"month": MONTHS[2], "sample": first})
    trained.materialize(*(f"history/{domain}" for domain in trained.domains), partition=MONTHS[2])
    trained.materialize(*(f"retro/embedding/{domain}" for domain in trained.domains), partition=pair)
    clock.seconds = 91 * DAY
    prune(trained, do=False)
    going = told(trained)
    assert going == {"launches": 3 * len(trained.domains)}  # of the first: the second is its task's newest
    lying = files(trained)
    prune(trained)
    assert told(trained) == going
    gone = {path.partition("/")[0] for path in lying - files(trained)}
    assert gone == {"sequences", "embedding", "retro"}
    assert not [path for path in lying - files(trained) if second in path]
    prune(trained)
    assert told(trained) == {}

    with pytest.raises(ArtifactError, match=r"was removed on .* as it was older than `keep\.launches` in anna\.yaml"):
        trained.warehouse.sequences(trained.domain("cards"), first).read(trained.warehouse.sample(first).read())
    again = trained.materialize("report", partition=first, check=False)
    assert "Materialize its asset again, for the sample, if it is needed." in problem(again)
    for layer in ("sequences", "embedding"):
        for domain in trained.domains:
            trained.materialize(f"{layer}/{domain}", partition=first)
    assert trained.materialize("report", partition=first).success
    press(trained, tag=first)
    assert f"{first} 2024-03" in follow(trained)


def test_a_candidate_that_went_says_so_when_it_is_asked_for(trained: Deployment, clock: Clock) -> None:
    first, second = TRAINED
    trained.set("keep: {candidates: 30d}")
    clock.seconds = 31 * DAY
    prune(trained)
    assert told(trained) == {"candidates": 1}
    assert f"{first}: it was removed on" in problem(press(trained, tag=first, check=False))
    with pytest.raises(ArtifactError, match=r"candidate/churn\.q1: it was removed on .* Submit the sample again"):
        trained.warehouse.candidate(first).facts()  # which `anna reproduce` asks first
    assert press(trained, tag=second).success


def test_a_challenger_and_whoever_s_scores_are_there_stay(trained: Deployment, clock: Clock) -> None:
    first, second = TRAINED
    trained.set("keep: {candidates: 30d, launches: null}")
    press(trained, tag=second)
    press(trained, button="CHALLENGE", tag=first)
    clock.seconds = 31 * DAY
    prune(trained)
    assert told(trained) == {}
    follow(trained)  # which leaves scores of the challenger's
    press(trained, button="STAND_DOWN")
    prune(trained)
    assert "candidates" not in told(trained)
    trained.set("production: {cadence: week}")  # the scores of months stay
    prune(trained)
    assert "candidates" not in told(trained)
    shutil.rmtree(trained.settings.storage / "production" / "challenger")
    prune(trained)
    assert told(trained) == {"candidates": 1}
    assert trained.warehouse.candidate(first).why_removed()


def test_what_a_run_or_a_backfill_is_about_is_left_alone(
    trained: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.seconds = 91 * DAY
    job, first = trained.defs.resolve_job_def(TRAIN_JOB), TRAINED[0]
    run = trained.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, tags={PARTITION_TAG: f"{MONTHS[0]}|{first}"}
    )
    prune(trained)
    assert told(trained) == {}
    trained.instance.delete_run(run.run_id)
    monkeypatch.setattr(pruner, "backfills", lambda instance: 2)
    prune(trained)
    assert told(trained) == {}
    found = last_pruning(trained.settings)
    assert found is not None
    assert found.notes == ["2 backfill(s) are under way, which may need any files: these are left alone until then."]


def test_a_sample_that_was_deleted_goes_whole_once_its_file_is_gone_too(trained: Deployment, clock: Clock) -> None:
    first = TRAINED[0]
    trained.instance.delete_dynamic_partition("sample", first)
    clock.seconds = 31 * DAY
    prune(trained)
    assert told(trained) == {}  # its file is there: its launch may be asked for again
    (trained.home / "inbox" / "churn" / "q1.csv").unlink()
    lying = files(trained)
    prune(trained)
    assert {path for path in files(trained) if first in path} == {
        path for path in lying if path.startswith(f"candidate/{first}/")
    }
    press(trained, tag=first)  # what is kept under its tag is whole
    assert f"{first} 2024-03" in follow(trained)
    trained.instance.delete_dynamic_partition("sample", TRAINED[1])
    prune(trained)
    found = last_pruning(trained.settings)
    assert found is not None
    assert "Dagster knows no sample" in found.notes[0]  # as after its database was lost


def test_where_it_cannot_be_said_who_is_champion_nothing_goes(
    trained: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(self: Champions, task: str) -> None:
        raise LedgerError("champion.yaml of churn cannot be read")

    monkeypatch.setattr(Champions, "current", damaged)
    clock.seconds, lying = 91 * DAY, files(trained)
    assert "champion.yaml of churn cannot be read" in problem(prune(trained, check=False))
    assert files(trained) == lying


@pytest.fixture
def kept(deployment: Deployment, tmp_path: Path):
    """The deployment with Dagster's usual storage: SQLite, with a file for each run."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        deployment.instance = instance
        yield deployment


def _shards(instance: dg.DagsterInstance) -> set[str]:
    folder = Path(instance.event_log_storage._base_dir)  # type: ignore[attr-defined]
    return {path.stem for path in folder.glob("*.db") if path.stem not in ("index", "")}


def test_runs_that_made_nothing_of_what_is_there_go_and_the_graph_remembers_the_rest(
    kept: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anna_assets.upkeep.old_runs._NEWEST", 1)
    instance = kept.instance
    kept.refresh_by_runs()
    first = {record.dagster_run.run_id for record in instance.get_run_records()}
    kept.rewrite_month("cards", MONTHS[0], events(7, MONTHS[0]))
    kept.defs.resolve_job_def("observe_cards").execute_in_process(instance=instance)
    kept.materialize("mart/cards", partition=MONTHS[0])
    kept.materialize("mart/cards", partition=MONTHS[1])
    keys = [dg.AssetKey(["mart", "cards"]), dg.AssetKey(["source", "cards"])]

    def known() -> list[Any]:
        storage = instance.event_log_storage
        versions = [
            storage.get_latest_tags_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION, tag_keys=["dagster/data_version"], asset_partitions=None
            )
            for key in keys
        ]
        parts = [storage.get_materialized_partitions(key) for key in keys]
        return [versions, parts, instance.get_latest_materialization_event(keys[0])]

    before, now = known(), dt.datetime.now(tz=dt.UTC)
    assert old_runs(instance, now - dt.timedelta(days=7), []) == []
    going = old_runs(instance, now + dt.timedelta(seconds=1), [])
    # What two months of cards were first built by; its first observation is the latest that tells of March.
    assert len(going) == 2
    assert set(going) < first
    for run_id in going:
        delete_run(instance, run_id)
    assert known() == before
    assert old_runs(instance, now + dt.timedelta(seconds=1), []) == []
    assert not _shards(instance) & set(going)
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        left = {row[0] for row in connection.exec_driver_sql("SELECT DISTINCT run_id FROM run_tags")}
    assert not left & set(going)
    assert dg.evaluate_automation_conditions(defs=kept.defs, instance=instance).total_requested == 0


def test_retries_go_with_their_first_run_or_not_at_all(kept: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anna_assets.upkeep.old_runs._NEWEST", 1)
    instance, job = kept.instance, kept.defs.resolve_job_def(TRAIN_JOB)

    def run(status: dg.DagsterRunStatus, key: str, root: str = "") -> str:
        tags = {KEY_TAG: key} | ({ROOT_RUN_TAG: root} if root else {})
        made = instance.create_run_for_job(
            job, status=status, tags=tags, root_run_id=root or None, parent_run_id=root or None
        )
        return made.run_id

    over, going_on = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED
    both = run(over, "a.b")
    group = {both, run(over, "a.b", both)}
    run(going_on, "a.b", run(over, "a.b"))
    run(over, "there.q1")
    later = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=1)
    assert set(old_runs(instance, later, ["there.q1"])) == group  # the latest launch of a sample that is there stays


def test_events_of_no_run_go_but_the_latest(kept: Deployment) -> None:
    instance, key = kept.instance, dg.AssetKey("uploads")
    for number in range(3):
        instance.report_runless_asset_event(dg.AssetObservation(key, metadata={"number": number}))
    instance.report_runless_asset_event(dg.AssetObservation("other", metadata={"number": 7}))
    later = dt.datetime.now(tz=dt.UTC) + dt.timedelta(seconds=1)
    assert old_events(instance, later - dt.timedelta(days=1), delete=True) == (0, 0)
    number, size = old_events(instance, later, delete=False)
    assert number == 2
    assert size > 4 * 200  # each is there twice: SQLite has a copy in a file of its own
    assert old_events(instance, later, delete=True) == (number, size)
    assert old_events(instance, later, delete=True) == (0, 0)
    [left] = instance.fetch_observations(key, limit=9).records
    assert left.asset_observation is not None
    assert left.asset_observation.metadata["number"].value == 2
    assert len(instance.fetch_observations(dg.AssetKey("other"), limit=9).records) == 1


def test_by_itself_it_runs_each_night_unless_that_is_off(deployment: Deployment) -> None:
    schedule = deployment.defs.resolve_schedule_def(PRUNE_JOB)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    with dg.build_schedule_context(instance=deployment.instance) as context:
        [request] = schedule.evaluate_tick(context).run_requests or []
    assert request.run_config == {"ops": {PRUNE_OP: {"config": {"do": True}}}}
    deployment.set("keep: {nightly: false}")
    assert deployment.defs.resolve_schedule_def(PRUNE_JOB).default_status is dg.DefaultScheduleStatus.STOPPED
