import os
from pathlib import Path

import polars as pl
import pytest

from anna_core.errors import KeyNameError, SampleError, TaskError
from anna_core.samples.inbox import (
    Upload,
    closed_folders,
    content_hash,
    find_upload,
    latest_settings,
    read_upload_request,
    shown,
    task_folders,
    unfinished_files,
    unknown_files,
    uploads,
)
from anna_core.tasks.task import TaskRequest, TaskType

CSV = "client_id,as_of,target\na,2024-03-31,1\n"


@pytest.fixture
def churn(tmp_path):
    folder = tmp_path / "inbox" / "churn"
    folder.mkdir(parents=True)
    return folder


def put(folder, name, content=CSV):
    path = folder / name
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return path


def names(folder, after=0):
    return sorted(upload.path.name for upload in uploads(folder, after))


def parquet(folder, name):
    pl.DataFrame({"a": [1]}).write_parquet(folder / name)
    return (folder / name).read_bytes()


def test_only_whole_samples_are_taken(churn):
    whole = parquet(churn, "whole.parquet")
    put(churn, "q1.csv")
    put(churn, "2024.q1.csv")
    for name in (".hidden.csv", "_writing.csv", ".tmp-1.csv", "q1.csv.part", "q1.yaml", "task.yaml", "notes.txt"):
        put(churn, name)
    put(churn, "half.parquet", whole[:-10])
    put(churn, "begun.parquet", b"PA")
    put(churn, "empty.parquet", b"")
    put(churn, "empty.csv", b"")
    (churn / "folder.csv").mkdir()
    assert names(churn) == ["2024.q1.csv", "q1.csv", "whole.parquet"]


def test_a_half_file_comes_once_it_is_whole(churn):
    whole = parquet(churn, "a.parquet")
    put(churn, "a.parquet", whole[:20])
    assert names(churn) == []
    put(churn, "a.parquet", whole)
    assert names(churn) == ["a.parquet"]


def test_files_after_the_watermark_come_the_earliest_first(churn):
    for name in ("c.csv", "a.csv", "b.csv"):
        put(churn, name)
    found = uploads(churn, 0)
    assert [upload.changed for upload in found] == sorted(upload.changed for upload in found)
    assert all(upload.changed == upload.path.stat().st_ctime_ns for upload in found)
    assert uploads(churn, found[-1].changed) == []
    assert uploads(churn, found[0].changed) == [upload for upload in found if upload.changed > found[0].changed]


def test_a_time_that_the_user_set_does_not_matter(churn):
    """A copy that keeps an old time of modification is new all the same."""
    put(churn, "a.csv")
    mark = uploads(churn, 0)[-1].changed
    while (path := put(churn, "b.csv")).stat().st_ctime_ns <= mark:  # the clock of a file system may be coarse
        pass
    os.utime(path, (1, 1))
    assert names(churn, mark) == ["b.csv"]


def test_a_file_that_moves_in_or_is_renamed_is_new(churn):
    put(churn, "a.csv")
    old = put(churn.parent, "b.csv")
    mark = uploads(churn, 0)[-1].changed
    while old.rename(churn / "b.csv").stat().st_ctime_ns <= mark:
        old = (churn / "b.csv").rename(old)
    assert names(churn, mark) == ["b.csv"]


def test_an_uploads_names_make_its_key(churn):
    assert str(Upload(churn / "2024.q1.csv", 0).key) == "churn.2024.q1"
    for path in (churn / "q 1.csv", churn.parent / "ch.urn" / "q1.csv", churn / "task.csv"):
        with pytest.raises(KeyNameError):
            _ = Upload(path, 0).key


def test_what_is_not_complete_is_told_and_not_taken(churn):
    put(churn, "a.csv", b"")
    put(churn, "b.parquet", b"PAR1 and no end")
    put(churn, "c.csv")
    assert names(churn) == ["c.csv"]
    assert [path.name for path in unfinished_files(churn)] == ["a.csv", "b.parquet"]


def test_names_that_are_not_utf8_are_told_and_not_taken(churn):
    garbled = Path(os.fsdecode(os.fsencode(churn) + b"/\xd0\xf3\xf1.csv"))
    garbled.write_text("client_id,as_of,target\n")
    assert names(churn) == []
    assert [shown(path.relative_to(churn)) for path in unknown_files(churn)] == [r"\xd0\xf3\xf1.csv"]
    folder = Path(os.fsdecode(os.fsencode(churn.parent) + b"/\xd0"))
    folder.mkdir()
    assert list(task_folders(churn.parent)) == [churn]
    assert closed_folders(churn.parent) == [folder]


def test_an_editors_lock_is_no_settings_file(churn):
    (churn / ".#task.yaml").symlink_to("somebody@somewhere.1234")
    assert latest_settings(churn) == 0
    put(churn, "task.yaml")
    assert latest_settings(churn) == (churn / "task.yaml").stat().st_ctime_ns


def test_folders_of_tasks_come_by_name(churn):
    for name in ("b", "a", ".git"):
        (churn.parent / name).mkdir()
    put(churn.parent, "stray.csv")
    assert [path.name for path in task_folders(churn.parent)] == ["a", "b", "churn"]
    assert list(task_folders(churn.parent / "none")) == []


def test_a_sample_has_one_file(churn):
    with pytest.raises(SampleError, match=r"found 0 files; there should be one, .*q1.csv or .*q1.parquet"):
        find_upload(churn.parent, "churn.q1")
    path = put(churn, "q1.csv")
    assert find_upload(churn.parent, "churn.q1") == path
    put(churn, "q1.parquet", b"")
    with pytest.raises(SampleError, match="found 2 files"):
        find_upload(churn.parent, "churn.q1")


def test_the_samples_settings_override_the_tasks(churn):
    upload = put(churn, "q1.csv")
    assert read_upload_request(upload) == TaskRequest()
    put(churn, "task.yaml", "type: binary\nowner: team:risk\nseed: 1\n")
    put(churn, "q1.yaml", "seed: 2\nmetric: gini\n")
    put(churn, "q2.yaml", "seed: 3\n")
    request = read_upload_request(upload)
    assert (request.type, request.owner, request.seed, request.metric) == (TaskType.BINARY, "team:risk", 2, "gini")
    assert read_upload_request(churn / "q2.csv").seed == 3


def test_empty_settings_say_nothing(churn):
    put(churn, "task.yaml", "# nothing yet\n")
    assert read_upload_request(put(churn, "q1.csv")) == TaskRequest()


@pytest.mark.parametrize("name", ["task.yaml", "q1.yaml"])
@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("type: [", SampleError, "cannot be read as YAML"),
        ("typ: binary", TaskError, "typ: is not a known setting; remove it or correct its spelling"),
        ("type: ranking", TaskError, "type: Input should be 'binary'"),
        ("split: {test_share: 2}", TaskError, r"split\.test_share: Input should be less than 0.9"),
        ("- binary", TaskError, "task: Input should be"),
    ],
)
def test_wrong_settings_are_told_by_file_and_name(churn, name, text, error, message):
    put(churn, name, text)
    with pytest.raises(error, match=message) as caught:
        read_upload_request(put(churn, "q1.csv"))
    assert str(churn / name) in str(caught.value)


def test_the_content_is_that_of_file_and_options(churn):
    upload = put(churn, "q1.csv")
    first = content_hash(upload, TaskRequest())
    assert content_hash(put(churn, "q2.csv"), TaskRequest()) == first
    assert content_hash(upload, TaskRequest(seed=1)) != first
    assert content_hash(upload, TaskRequest(metric="gini")) != first
    put(churn, "q1.csv", CSV + "b,2024-03-31,0\n")
    assert content_hash(upload, TaskRequest()) != first
