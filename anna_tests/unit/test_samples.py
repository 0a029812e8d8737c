import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from anna_core.errors import ArtifactError, KeyNameError, SampleError
from anna_core.samples.sample import Sample, make_sample
from anna_core.tasks.task import TaskRequest, TaskType

HEADER = "client_id,as_of,target\n"
ROWS = "".join(f"c{i},2024-0{1 + i % 6}-01,{i % 2}\n" for i in range(60))


def put(folder: Path, content: str | bytes | pl.DataFrame, name: str = "s.csv") -> Path:
    path = folder / name
    if isinstance(content, pl.DataFrame):
        content.write_parquet(path) if path.suffix == ".parquet" else content.write_csv(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def made(folder: Path, content: str | bytes | pl.DataFrame, name: str = "s.csv", **request) -> Sample:
    return make_sample(put(folder, content, name), "churn.q1", TaskRequest(**request))


def frame(**columns) -> pl.DataFrame:
    """Ten rows; a column given as None is left out."""
    default = {
        "client_id": [f"c{i}" for i in range(10)],
        "as_of": [dt.date(2024, 3, 31)] * 10,
        "target": [i % 2 for i in range(10)],
    }
    return pl.DataFrame({name: values for name, values in (default | columns).items() if values is not None})


def test_three_columns_are_enough(tmp_path):
    sample = made(tmp_path, HEADER + ROWS)
    assert len(sample) == 60
    assert sample.key == "churn.q1"
    assert sample.rows.schema == {
        "client_id": pl.String, "as_of": pl.Date, "target": pl.String, "weight": pl.Float32, "split": pl.String,
        "fold": pl.Int8,
    }  # fmt: skip
    assert sample.task.name == "churn"
    assert sample.task.type is TaskType.BINARY
    assert sample.target.shape == (60, 1)
    assert sample.target[:3, 0].tolist() == [0, 1, 0]
    assert sample.weight.tolist() == [1.0] * 60
    assert set(sample.split) == {"train", "valid", "test"}
    assert len(sample.task.guesses) == 3  # type, metric, split


def test_all_columns_are_taken(tmp_path):
    columns = {
        "split": ["train"] * 6 + [" Test ", "TEST", "valid", "valid"],
        "weight": [0.5] * 10,
        "group_id": [7] * 10,
    }
    sample = made(tmp_path, frame(**columns))
    assert sample.split.tolist() == ["train"] * 6 + ["test"] * 2 + ["valid"] * 2
    assert sample.weight.tolist() == [0.5] * 10
    assert sample.rows["group_id"].to_list() == ["7"] * 10
    assert sample.task.guesses[-1] == (
        "The sample's own split column is used; groups with rows in both train and valid: 1, so validation flatters; "
        "groups with rows in both train and test: 1, so the test flatters."
    )


def test_csv_with_a_mark_spaces_and_windows_line_ends_is_read(tmp_path):
    text = (
        "\ufeff client_id , as_of ,target, weight \r\n 007 , 2024-03-31 , 1 , 2 \r\n b ,2024-03-31T00:00:00,0, 1.5\r\n"
    )
    sample = made(tmp_path, text)
    assert sample.rows["client_id"].to_list() == ["007", "b"]
    assert sample.rows["as_of"].to_list() == [dt.date(2024, 3, 31)] * 2
    assert sample.target[:, 0].tolist() == [1, 0]
    assert sample.weight.tolist() == [2.0, 1.5]


@pytest.mark.parametrize(
    "column",
    [
        [dt.date(2024, 3, 31)] * 10,
        [dt.datetime(2024, 3, 31)] * 10,
        [dt.datetime(2024, 3, 31, tzinfo=dt.UTC)] * 10,
        ["2024-03-31"] * 10,
        ["2024-03-31 00:00:00.000"] * 10,
    ],
    ids=["date", "datetime", "utc", "text", "text with midnight"],
)
def test_a_parquet_file_may_hold_days_in_any_form(tmp_path, column):
    sample = made(tmp_path, frame(as_of=column), "s.parquet")
    assert sample.rows["as_of"].to_list() == [dt.date(2024, 3, 31)] * 10


@pytest.mark.parametrize(
    "target", [[True, False] * 5, [1.0, 0.0] * 5, ["yes", "No"] * 5, [" Y", "n"] * 5, ["TRUE", "false"] * 5]
)
def test_yes_and_no_may_be_written_in_many_ways(tmp_path, target):
    sample = made(tmp_path, frame(target=target, client_id=list(range(10))), "s.parquet")
    assert sample.task.type is TaskType.BINARY
    assert sample.target[:, 0].tolist() == [1, 0] * 5
    assert sample.rows["client_id"].to_list() == [str(i) for i in range(10)]


def test_several_targets_are_labels(tmp_path):
    labels = {"target_a": [0, 1] * 5, "target_b": [1, 1, 0, 0, 0] * 2}
    sample = made(tmp_path, frame(target=None, **labels))
    assert sample.task.targets == ("target_a", "target_b")
    assert sample.task.score_names == ("score_a", "score_b")
    assert sample.target.tolist()[:2] == [[0, 1], [1, 1]]


def test_columns_that_are_not_used_are_named(tmp_path):
    sample = made(tmp_path, frame(age=[30] * 10, city=["x"] * 10))
    assert sample.task.guesses[-1] == "Columns ['age', 'city'] of the file are not used."
    assert not {"age", "city"} & set(sample.rows.columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "client_id,target\na,1\n",
            r"a sample has the columns client_id, as_of and target .*found \['client_id', 'target'\]",
        ),
        ("as_of,target\n2024-03-31,1\n", r"found \['as_of', 'target'\]"),
        ("client_id,as_of\na,2024-03-31\n", r"target_<name> for several labels"),
        ("client_id;as_of;target\na;2024-03-31;1\n", r"s\.csv, line 1: .*parted by semicolons: write commas"),
        ("client_id,as_of,target,target_x\na,2024-03-31,1,1\n", r"has both target and \['target_x'\]"),
        ("client_id,as_of,target, target\na,2024-03-31,1,1\n", r"s\.csv, line 1: column 'target' is there twice"),
        (HEADER, "has no rows"),
        ("", r"s\.csv has no line of column names"),
        (HEADER + "a,2024-03-31,1\nb,31.03.2024,0\nc,,1\n", r"as_of is not a whole day.*2 of 3 .*row 2: .*; row 3: "),
        (HEADER + "a,2024-03-31 12:00:00,1\n", "as_of is not a whole day of our time; write dates as 2024-03-31"),
        (HEADER + "a,2024-02-30,1\n", "as_of is not a whole day"),
        (HEADER + "a,20240331,1\n", "as_of is not a whole day"),
        (HEADER + "a,9999-12-31,1\nb,0001-01-01,0\n", "as_of is not a whole day of our time.* 2 of 2"),
        (
            HEADER + "a,2024-03-31,1\na,2024-03-31,0\nb,2024-03-31,0\n",
            "same client_id and as_of .*2 of 3 .*row 1: .*row 2: ",
        ),
        (
            HEADER + "a,2024-03-31,1\n a ,2024-03-31T00:00,0\n",
            "same client_id and as_of stand in several rows; keep one",
        ),
        (
            HEADER + "a,2024-03-31,1\nb,2024-03-31,\nc,2024-03-31,  \n",
            "column target is empty; every row needs it. 2 of 3",
        ),
        (HEADER + ",2024-03-31,1\n  ,2024-03-31,0\n", "column client_id is empty"),
        (HEADER + "a,2024-03-31,1\nb,2024-03-31,nan\n", "column target is empty"),
        (HEADER + "a,2024-03-31,1\nb,2024-03-31,1\n", "every row has target = 1; there is nothing to learn"),
        ("client_id,as_of,target,weight\na,2024-03-31,1,0\n", "weight must hold positive numbers"),
        (
            "client_id,as_of,target,weight\na,2024-03-31,1,-1\nb,2024-03-31,0,2\n",
            r"positive numbers, 1e-12 to 1e\+12. 1 of 2 .*row 1: client_id 'a', weight '-1'\.",
        ),
        ("client_id,as_of,target,weight\na,2024-03-31,1,inf\nb,2024-03-31,0,\nc,2024-03-31,0,x\n", "3 of 3"),
        ("client_id,as_of,target,split\na,2024-03-31,1,train\nb,2024-03-31,0,holdout\n", r"split: found \['holdout'\]"),
        (
            "client_id,as_of,target,split\na,2024-03-31,1,train\nb,2024-03-31,0,\n",
            r"\['\(empty\)'\]; every row must say train",
        ),
    ],
)
def test_a_bad_csv_is_told(tmp_path, text, message):
    with pytest.raises(SampleError, match=message):
        made(tmp_path, text)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"as_of": [dt.datetime(2024, 3, 31, 12)] + [dt.datetime(2024, 3, 31)] * 9},
            r"not a whole day.* 1 of 10 .*row 1: ",
        ),
        ({"as_of": [20240331] * 10}, "column 'as_of' is Int64, not a date or text of one: write dates as 2024-03-31"),
        ({"as_of": [None] * 9 + [dt.date(2024, 3, 31)]}, "9 of 10 rows"),
        (
            {"client_id": [float(i) for i in range(10)]},
            "column 'client_id' is Float64, but clients are text or whole numbers: write ids",
        ),
        (
            {"group_id": [1.0, float("nan")] * 5},
            r"column 'group_id' is Float64, but groups are text or whole numbers, and empty .* as astype\('Int64'\)\.$",
        ),
        ({"target": [1.0, 0.0, float("nan")] + [0.0] * 7}, r"column target is empty.* 1 of 10 .*row 3"),
        ({"target": [1, None] * 5}, "column target is empty; every row needs it. 5 of 10"),
    ],
)
def test_a_bad_parquet_file_is_told(tmp_path, columns, message):
    with pytest.raises(SampleError, match=message):
        made(tmp_path, frame(**columns), "s.parquet")


def test_a_column_that_is_taken_for_a_label_by_its_name_is_told_to_be_renamed(tmp_path):
    labels = frame().rename({"target": "target_churn"})
    renamed = "; each column whose name begins with target_ is a label, so rename it if it is none"
    for values in (["2024-05-01"] * 10, ["15.5"] * 10):
        with pytest.raises(SampleError, match=f"target_of holds '{values[0]}' in row 1 .*{renamed}"):
            made(tmp_path, labels.with_columns(target_of=pl.Series(values)))
    with pytest.raises(SampleError, match=f"target_of is Date; write text or numbers{renamed}"):
        made(tmp_path, labels.with_columns(target_of=pl.date(2024, 5, 1)), "s.parquet")


def test_at_most_three_bad_rows_are_shown(tmp_path):
    with pytest.raises(SampleError, match="60 of 60 rows are so") as caught:
        made(tmp_path, HEADER + ROWS.replace("2024-", "24-"))
    assert str(caught.value).count("row ") == 3


def test_a_file_without_an_ending_is_no_sample(tmp_path):
    with pytest.raises(SampleError, match="is no sample by its name"):
        made(tmp_path, "no table", "s")


def test_a_missing_file_and_a_bad_key_are_told(tmp_path):
    with pytest.raises(SampleError, match=r"none\.csv: no such file"):
        make_sample(tmp_path / "none.csv", "churn.q1", TaskRequest())
    with pytest.raises(KeyNameError, match=r"write it as <task>.<sample>"):
        make_sample(tmp_path / "none.csv", "churn", TaskRequest())


@pytest.mark.parametrize("text", ["NA", "null", "N/A", "<NA>", "NaN", " "])
def test_what_programs_write_for_nothing_is_empty(tmp_path, text):
    with pytest.raises(SampleError, match=r"column target is empty; every row needs it. 1 of 10"):
        made(tmp_path, frame(target=[text, *"010101010"]))
    with pytest.raises(SampleError, match=r"column client_id is empty"):
        made(tmp_path, frame(client_id=[text, *"abcdefghi"]))


def test_text_may_be_stored_in_any_way(tmp_path):
    plain = frame(target=list("ynynynynyn"), group_id=list("aabbccddee"))
    text = pl.col("client_id", "target", "group_id")
    for kind in (pl.Binary, pl.Categorical):
        sample = made(tmp_path, plain.with_columns(text.cast(kind)), "s.parquet")
        assert sample.rows.equals(made(tmp_path, plain, "p.parquet").rows)
        assert len(sample.version) == 32


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("target", [[0], [1]] * 5),
        ("weight", [dt.date(2024, 1, 1)] * 10),
        ("client_id", [{"id": i} for i in range(10)]),
        ("split", [["train"]] * 10),
        ("target", [dt.timedelta(days=i) for i in range(10)]),
    ],
)
def test_columns_that_are_neither_text_nor_numbers_are_refused_by_name(tmp_path, column, values):
    with pytest.raises(SampleError, match=rf"column {column} is .*; write text or numbers"):
        made(tmp_path, frame(**{column: values}), "s.parquet")


def test_what_pandas_writes_for_no_group_is_no_group(tmp_path):
    sample = made(tmp_path, frame(group_id=["g"] * 3 + ["nan", "NaN", " ", "", None, "h", "h"]))
    assert sample.rows["group_id"].to_list() == ["g"] * 3 + [None] * 5 + ["h"] * 2
    assert len(set(sample.client)) == 7


def test_a_client_of_two_groups_is_on_one_side_of_the_split_and_the_user_is_told(tmp_path):
    clients = [f"c{i}" for i in range(100)] * 2
    dates = [dt.date(2024, 3, 31)] * 100 + [dt.date(2024, 4, 30)] * 100
    groups = [f"g{i}" for i in range(100)] + [None] * 100
    uploaded = frame(client_id=clients, as_of=dates, target=[0, 1] * 100, group_id=groups)
    sample = made(tmp_path, uploaded, split={"test": "client"})
    assert sample.split[:100].tolist() == sample.split[100:].tolist()
    assert any("in several groups, or outside of theirs: 100" in guess for guess in sample.task.guesses)


def test_a_sample_is_written_and_opened_again(tmp_path):
    sample = made(tmp_path, frame(group_id=["g"] * 5 + [None] * 5))
    sample.write(tmp_path)
    again = Sample.open("churn.q1", tmp_path)
    assert again.task == sample.task
    assert again.rows.equals(sample.rows)
    assert np.array_equal(again.target, sample.target)
    assert again.split.tolist() == sample.split.tolist()
    with pytest.raises(ArtifactError, match="no sample that ANNA can read"):
        Sample.open("churn.q1", tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "version"),
    [
        ({"name": "churn", "net": {"event_dropout": 0.15}}, "an earlier"),  # the task alone, as before there were forms
        ({"form": 0, "task": {}}, "an earlier"),
        ({"form": "x"}, "an earlier"),
        ({"form": 10**6}, "a later"),
    ],
)
def test_a_sample_of_another_version_says_what_to_do(tmp_path, content, version):
    sample = made(tmp_path, HEADER + ROWS)
    sample.write(tmp_path)
    assert Sample.open(sample.key, tmp_path).version == sample.version
    (tmp_path / "task.json").write_text(json.dumps(content))
    with pytest.raises(ArtifactError) as told:
        Sample.open(sample.key, tmp_path)
    cure = "materialize the sample again (or submit it again)."
    assert str(told.value) == f"{tmp_path}: was checked by {version} version of ANNA; {cure}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [("[]", "task.json: "), ("{", "task.json: Invalid JSON"), ('{"form": 1}', "task: is missing")],
)
def test_a_damaged_task_is_told_in_plain_words(tmp_path, content, reason):
    made(tmp_path, HEADER + ROWS).write(tmp_path)
    (tmp_path / "task.json").write_text(content)
    with pytest.raises(
        ArtifactError, match=rf"no sample that ANNA can read \({reason}.*; materialize the sample again"
    ) as told:
        Sample.open("churn.q1", tmp_path)
    assert "pydantic" not in str(told.value)
