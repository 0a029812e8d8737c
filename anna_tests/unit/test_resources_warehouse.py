"""The handles of a deployment's artifacts: where each lies, and what a reader is refused."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from anna_core.domains import Domain
from anna_core.errors import ArtifactError, SourceError, TrainingError
from anna_core.memory import DEFAULT_MEMORY
from anna_core.models.provenance import made_of
from anna_core.models.scores_file import score_frame
from anna_core.models.trees.training import train_boosting
from anna_core.models.vectors_file import StoredVectors
from anna_core.periods import Cadence, Period
from anna_core.samples.sample import Sample, make_sample
from anna_core.tasks.task import TaskRequest
from anna_resources.artifacts.trained import rows_version
from anna_resources.artifacts.visible import mark_leak
from anna_resources.warehouse import Warehouse
from anna_tests.unit.nets_toy import make_sequences, train_nets

KEY, MARCH = "churn.q1", dt.date(2024, 3, 1)
ROWS = 60
CARDS = Domain.model_validate({"name": "cards", "source": {"path": "raw"}, "fields": {"kind": "categorical"}})


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(
        home=str(tmp_path),
        storage=str(tmp_path / "storage"),
        time_zone="UTC",
        source_settle_seconds=0,
        left_aside=0.1,
        cadence="month",
    )


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    rows = pl.DataFrame({"client_id": range(ROWS), "as_of": MARCH, "target": [i % 2 for i in range(ROWS)]})
    rows.write_csv(tmp_path / "q1.csv")
    request = TaskRequest.model_validate({"training": {"folds": 1, "epochs": 1}, "net": {"hidden": 8, "embedding": 4}})
    return make_sample(tmp_path / "q1.csv", KEY, request)


@pytest.fixture
def sequences():
    return make_sequences(np.random.default_rng(0).integers(0, 9, ROWS), name="cards")


def put(folder, sequences, leak=""):
    with folder.writing() as new:
        sequences.write(new)
        if leak:
            mark_leak(new, leak)


def test_each_artifact_lies_where_earlier_versions_put_it(warehouse):
    march = "month=2024-03"
    lies = [
        (warehouse.source(CARDS), "source/cards"),
        (warehouse.mart(CARDS), "mart/cards"),
        (warehouse.dictionary(CARDS), "dictionary/cards"),
        (warehouse.sample(KEY), "sample/churn.q1"),
        (warehouse.sequences(CARDS, KEY), "sequences/cards/churn.q1"),
        (warehouse.model(CARDS, KEY), "model/cards/churn.q1"),
        (warehouse.embedding(CARDS, KEY), "embedding/cards/churn.q1"),
        (warehouse.boosting(CARDS, KEY), "boosting/cards/churn.q1"),
        (warehouse.boosting(None, KEY), "boosting/+/churn.q1"),
        (warehouse.metamodel(KEY), "metamodel/churn.q1"),
        (warehouse.report(KEY), "report/churn.q1"),
        (warehouse.history(CARDS, Period(MARCH)), f"history/cards/{march}"),
        (
            warehouse.retro_embedding(CARDS, KEY, MARCH),
            f"retro/embedding/cards/churn.q1/{march}/embedding.parquet",
        ),
        (warehouse.retro_scores(KEY, MARCH), f"retro/scores/churn.q1/{march}/scores.parquet"),
    ]
    storage = Path(warehouse.storage)
    assert [handle.path.relative_to(storage).as_posix() for handle, _ in lies] == [place for _, place in lies]
    assert warehouse.mart(CARDS).month_path(MARCH) == storage / "mart/cards/month=2024-03/events.parquet"
    assert [warehouse.boosting(one, KEY).member for one in (CARDS, None)] == ["boosting/cards", "boosting"]
    assert not storage.exists()  # who asks where something lies makes nothing


def test_a_mart_is_stale_until_it_is_built_from_what_was_observed(warehouse, tmp_path):
    (tmp_path / "raw").mkdir()
    events = {"client_id": ["a", "a"], "event_time": [dt.datetime(2024, 3, day) for day in (4, 5)], "kind": ["x", "y"]}
    pl.DataFrame(events).write_parquet(tmp_path / "raw" / "march.parquet")
    source, mart = warehouse.source(CARDS), warehouse.mart(CARDS)
    assert (source.read().months, mart.dictionary.read().cardinalities) == ({}, {"kind": 1})
    observed = source.observe("all", DEFAULT_MEMORY)
    assert observed == source.read()
    assert observed.listing == source.listing("all")
    assert mart.stale_months([MARCH]) == [MARCH]
    assert mart.build(MARCH, 2**26).rows == 2
    assert mart.stale_months([MARCH]) == []
    assert warehouse.dictionary(CARDS).read().cardinalities == {"kind": 3}
    pl.DataFrame(events).write_parquet(tmp_path / "raw" / "late.parquet")
    assert mart.build(MARCH, 2**26).rows == 2  # the late file was not observed
    for name in ("march", "late"):
        (tmp_path / "raw" / f"{name}.parquet").unlink()
    with pytest.raises(SourceError, match=r"no .parquet file at"):
        source.listing("all")


def test_a_sample_comes_back_as_it_was_with_the_domains_of_its_launch(warehouse, sample):
    handle = warehouse.sample(KEY)
    assert not handle.exists()
    with pytest.raises(ArtifactError, match="nothing was written here yet"):
        handle.read()
    handle.write(sample, [CARDS], [], "churn.q1@2")
    assert handle.exists()
    assert handle.domains() == [CARDS]
    assert handle.read().version == sample.version
    assert handle.read().task == sample.task
    (handle.current() / "domains.json").write_text("[")
    with pytest.raises(ArtifactError, match=r"domains.json: cannot be read. Materialize what lies in .* again"):
        handle.domains()


@pytest.mark.parametrize("change", ["order", "fewer", "dates", "others"])
def test_sequences_of_other_rows_are_refused(warehouse, sample, sequences, change):
    handle = warehouse.sequences(CARDS, KEY)
    put(handle, sequences)
    np.testing.assert_array_equal(handle.read(sample).length, sequences.length)
    other = {
        "order": lambda: sequences.take(np.arange(ROWS)[::-1]),
        "fewer": lambda: sequences.take(slice(0, ROWS - 1)),
        "dates": lambda: replace(sequences, as_of=sequences.as_of + np.timedelta64(1, "D")),
        "others": lambda: replace(sequences, client_id=pa.array([f"c{i}" for i in range(ROWS)])),
    }
    put(handle, other[change]())
    with pytest.raises(ArtifactError, match=r"sequences/cards of churn.q1 have other rows than the sample has now"):
        handle.read(sample)


def test_sequences_and_histories_with_a_leak_are_refused_until_they_are_made_again(warehouse, sample, sequences):
    history, told = warehouse.history(CARDS, Period(MARCH)), "Field status tells the target. Drop it."
    put(warehouse.sequences(CARDS, KEY), sequences, told)
    put(history, sequences, told)
    with pytest.raises(TrainingError, match=rf"^sequences/cards has a leak .* {told} Then materialize sequences/cards"):
        warehouse.sequences(CARDS, KEY).read(sample)
    with pytest.raises(TrainingError, match=rf"^history/cards has a leak .* {told} Then materialize history/cards"):
        history.read()
    put(history, sequences)
    assert len(history.read()) == ROWS
    of_day = warehouse.history(CARDS, Period(MARCH, Cadence.DAY))
    put(of_day, sequences, told)
    with pytest.raises(TrainingError, match=r"^production/history/cards has .* materialize production/history/cards"):
        of_day.read()


def test_nets_and_their_vectors_are_read_for_the_rows_that_they_were_made_of(warehouse, sample, sequences):
    task = sample.task
    model = train_nets(sequences, sample.target, sample.weight, sample.split, task, fold=sample.fold, threads=1)
    nets, embedding = warehouse.model(CARDS, KEY), warehouse.embedding(CARDS, KEY)
    nets.write(model, made_of(sample, 1))
    assert nets.read_for(sample).data_version == model.data_version
    said = StoredVectors(
        sequences.client_id, sequences.as_of, model.predict(sequences, 1), model.absent_scores, model.data_version, 1,
        rows_version(sample, sequences),
    )  # fmt: skip
    embedding.write(said, [said, said], task.score_names)
    assert embedding.read(sample, sequences).model_version == model.data_version
    assert [len(of_fold) for of_fold in embedding.read_folds(2)] == [ROWS, ROWS]
    assert embedding.read_folds(1) == []  # of a single fold nothing is kept apart

    relabelled = replace(sample, rows=sample.rows.with_columns(target=pl.lit("1")))
    with pytest.raises(ArtifactError, match=r"model/cards of churn.q1 was trained on other rows, splits or folds"):
        nets.read_for(relabelled)
    assert nets.read().data_version == model.data_version  # whoever scores other clients needs no sample
    again = replace(sequences, meta=sequences.meta.model_copy(update={"data_version": "1"}))
    for rows, events in ((relabelled, sequences), (sample, again)):
        with pytest.raises(ArtifactError, match=r"embedding/cards of churn.q1 was made of other rows, splits, folds"):
            embedding.read(rows, events)


def test_trees_are_read_with_what_they_said_of_the_same_rows(warehouse, sample, sequences):
    handle, task = warehouse.boosting(CARDS, KEY), sample.task
    trees = train_boosting([sequences], sample.target, sample.weight, sample.split, sample.fold, task, threads=1)
    scores = trees.predict([sequences], 1, sample.fold)
    frame = score_frame(sample.rows["client_id"], sample.rows["as_of"], scores, task.score_names, trees.data_version)
    handle.write(trees, made_of(sample, 1, sequences={"cards": sequences.meta.data_version}), frame, [frame, frame])
    model, said = handle.read_for(sample, {"cards": sequences, "accounts": sequences})
    assert model.data_version == handle.read().data_version == trees.data_version
    np.testing.assert_array_equal(said.scores, scores)
    np.testing.assert_array_equal(handle.read_folds(2, task.score_names), [scores, scores])
    again = replace(sequences, meta=sequences.meta.model_copy(update={"data_version": "1"}))
    with pytest.raises(ArtifactError, match=r"boosting/cards of churn.q1 was made of other rows, splits, folds or eve"):
        handle.read_for(sample, {"cards": again})
    with pytest.raises(ArtifactError, match=r"read domain cards, which this deployment has no more"):
        handle.read_for(sample, {"accounts": sequences})


def test_a_report_is_one_version_of_all_its_files(warehouse):
    handle = warehouse.report(KEY)
    first = handle.write("<p>one</p>", [{"model": "metamodel", "value": 0.7}], {"lift": b"png"})
    second = handle.write("<p>two</p>", [], {})
    assert handle.files() == second
    assert (second.html.name, second.html.read_text()) == ("report.html", "<p>two</p>")
    assert second.leaderboard.read_text() == "[]"
    assert first.html.read_text() == "<p>one</p>"  # who opened it can read it to its end
    assert sorted(file.name for file in first.html.parent.iterdir()) == ["leaderboard.json", "lift.png", "report.html"]


def test_retro_scores_come_back_and_broken_ones_are_told(warehouse):
    handle = warehouse.retro_scores(KEY, MARCH)
    with pytest.raises(ArtifactError, match=r"scores.parquet: no scores that ANNA can read; materialize"):
        handle.read()
    frame = score_frame(pl.Series(["a"]), pl.Series([MARCH]), np.array([[0.5]]), ("score",), "v1")
    handle.write(frame)
    assert handle.read().equals(frame)
