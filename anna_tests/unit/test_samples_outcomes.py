"""Outcomes: the sample's door, by the champion's targets."""

import datetime as dt
import os
from pathlib import Path

import polars as pl
import pytest

from anna_core.errors import SampleError
from anna_core.samples.listing import list_inbox
from anna_core.samples.outcomes import joined, list_outcomes, read_outcomes
from anna_core.tasks.task import Task, TaskType
from anna_resources.artifacts.outcomes import OutcomeFacts, StoredOutcomes

BINARY = Task(name="churn", type=TaskType.BINARY, metric="roc_auc")
COLOURS = Task(name="colour", type=TaskType.MULTICLASS, metric="accuracy", classes=("blue", "red"))
LABELS = Task(name="buys", type=TaskType.MULTILABEL, metric="mean_roc_auc", targets=("target_a", "target_b"))
SPEND = Task(name="spend", type=TaskType.REGRESSION, metric="mae")


def write(folder: Path, name: str, text: str, at: float | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    if at is not None:
        os.utime(folder / name, (at, at))
    return folder / name


@pytest.mark.parametrize(
    ("task", "text", "columns"),
    [
        (BINARY, "client_id,as_of,target\n1,2024-04-01,yes\n2,2024-04-01,0\n", {"target": [1.0, 0.0]}),
        (COLOURS, "client_id,as_of,target\n1,2024-04-01,red\n2,2024-04-01,blue\n", {"target": ["red", "blue"]}),
        (SPEND, "client_id,as_of,target\n1,2024-04-01,-3.5\n2,2024-04-01,7\n", {"target": [-3.5, 7.0]}),
        (
            LABELS,
            "client_id,as_of,target_b,target_a\n1,2024-04-01,1,0\n2,2024-04-01,0,1\n",
            {"target_a": [0.0, 1.0], "target_b": [1.0, 0.0]},
        ),
    ],
)
def test_outcomes_are_read_as_the_task_writes_its_targets(
    tmp_path: Path, task: Task, text: str, columns: dict[str, list[object]]
) -> None:
    found = read_outcomes(write(tmp_path, "april.csv", text), task)
    assert found["client_id"].to_list() == ["1", "2"]
    assert found["as_of"].to_list() == [dt.date(2024, 4, 1)] * 2
    assert {name: found[name].to_list() for name in columns} == columns


@pytest.mark.parametrize(
    ("task", "text", "told"),
    [
        (COLOURS, "client_id,as_of,target\n1,2024-04-01,green\n", r"april.csv: task colour: .*'green'.* are not among"),
        (BINARY, "client_id,as_of,target\n1,2024-04-01,perhaps\n", r"april.csv: task churn: target holds 'perhaps'"),
        (BINARY, "client_id,as_of,target_x\n1,2024-04-01,1\n", r"has target_x; the champion of churn predicts target"),
        (BINARY, "client_id,as_of\n1,2024-04-01\n", r"april.csv: a sample has the columns"),
        (BINARY, "client_id,as_of,target\n1,2024-04-01,1\n1,2024-04-01,0\n", r"stand in several rows"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path: Path, task: Task, text: str, told: str) -> None:
    with pytest.raises(SampleError, match=told):
        read_outcomes(write(tmp_path, "april.csv", text), task)


def test_the_later_file_stands_and_what_is_unfinished_is_not_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "churn" / "outcomes"
    write(folder, "b.csv", "client_id,as_of,target\n1,2024-04-01,0\n2,2024-04-01,0\n", at=1_000)
    write(folder, "a.csv", "client_id,as_of,target\n2,2024-04-01,1\n", at=2_000)
    for name in ("_c.csv", ".d.csv", "notes.txt", "e.csv.part"):
        write(folder, name, "not finished")
    assert list(list_outcomes(folder)) == ["b.csv", "a.csv"]
    rows = joined([read_outcomes(folder / name, BINARY) for name in list_outcomes(folder)])
    assert rows.select("client_id", "target").rows() == [("1", 0.0), ("2", 1.0)]
    listing = list_inbox(tmp_path)  # of samples
    assert (listing.uploads, listing.left) == ([], {})


def test_no_folder_and_no_files_are_no_outcomes(tmp_path: Path) -> None:
    assert list_outcomes(tmp_path / "nowhere") == {}
    stored = StoredOutcomes(tmp_path / "kept")
    assert (stored.facts(), stored.read()) == (OutcomeFacts(), None)
    stored.write(joined([]), {}, {"a.csv": "why"}, BINARY)
    assert stored.read() is None
    assert stored.facts().refused == {"a.csv": "why"}


def test_what_is_kept_of_outcomes_changes_with_their_rows_and_their_reading(tmp_path: Path) -> None:
    stored = StoredOutcomes(tmp_path / "kept")
    rows = read_outcomes(write(tmp_path, "a.csv", "client_id,as_of,target\n1,2024-04-01,0\n2,2024-05-01,1\n"), BINARY)
    facts = stored.write(rows, {"a.csv": (1, 2, 3)}, {}, BINARY)
    april, may = dt.date(2024, 4, 1), dt.date(2024, 5, 1)
    assert facts.rows == {april: 1, may: 1}
    assert stored.facts() == facts
    found = stored.read(may)
    assert found is not None
    assert found["client_id"].to_list() == ["2"]
    assert facts.is_of({"a.csv": (1, 2, 3)}, BINARY)
    assert not facts.is_of({"a.csv": (1, 2, 4)}, BINARY)
    assert not facts.is_of({"a.csv": (1, 2, 3)}, SPEND)
    other = stored.write(rows.with_columns(target=1 - pl.col("target").cast(pl.Float32)), {}, {}, BINARY)
    assert other.versions[april] != facts.versions[april]


def test_what_has_a_files_name_and_is_none_is_told_and_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "april.parquet").mkdir()  # as Spark writes a table
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "lost.csv").symlink_to(tmp_path / "nowhere")
    assert sorted(list_outcomes(tmp_path)) == ["april.parquet", "pipe.csv"]
    for name in list_outcomes(tmp_path):
        with pytest.raises(SampleError, match=rf"{name} is no file, .*: bring the outcomes as one file"):
            read_outcomes(tmp_path / name, BINARY)
