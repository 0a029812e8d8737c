import errno
import os
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from anna_core.errors import SampleError, TaskError
from anna_core.file_names import shown
from anna_core.samples import listing as listing_module
from anna_core.samples.inbox import find_upload, read_upload_request, upload_digest
from anna_core.samples.listing import list_inbox, list_upload, why_incomplete
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


def garbled(folder, name=b"\xd0\xf3\xf1.csv"):
    return Path(os.fsdecode(os.fsencode(folder) + b"/" + name))


def test_samples_are_listed_by_name_with_the_files_that_they_hang_on(churn):
    for name in ("q1.csv", "2024.q1.csv", "q1.yaml", "task.yaml", "q2.yaml"):
        put(churn, name)
    for name in (".hidden.csv", "_writing.csv", ".tmp-1.csv", "q1.csv.part", "copy.tmp"):
        put(churn, name)
    listing = list_inbox(churn.parent)
    assert [(upload.name, list(upload.files), list(upload.settings)) for upload in listing.uploads] == [
        ("churn/2024.q1", ["2024.q1.csv"], ["task.yaml"]),
        ("churn/q1", ["q1.csv"], ["task.yaml", "q1.yaml"]),
    ]
    assert list(listing.left) == ["churn/_writing.csv", "churn/q2.yaml"]


def test_one_sample_as_two_files_is_one_upload(churn):
    put(churn, "q1.csv")
    pl.DataFrame({"a": [1]}).write_parquet(churn / "q1.parquet")
    [upload] = list_inbox(churn.parent).uploads
    assert upload.file == "churn/q1.csv and churn/q1.parquet"


def test_a_state_is_that_of_the_file_whatever_its_times_say(churn):
    """Each way to change a file changes its state, a time of modification that the user sets among them."""
    path = put(churn, "q1.csv")
    states = [list_upload(churn.parent, "churn", "q1").files]
    os.utime(path, (1, 1))
    states.append(list_upload(churn.parent, "churn", "q1").files)
    put(churn, "other", CSV).rename(path)
    states.append(list_upload(churn.parent, "churn", "q1").files)
    put(churn, "q1.csv", CSV + "b,2024-03-31,0\n")
    states.append(list_upload(churn.parent, "churn", "q1").files)
    assert all(before != after for before, after in pairwise(states))
    assert list_upload(churn.parent, "churn", "q1").files == states[-1]
    assert list_upload(churn.parent, "churn", "q2") is None


def test_what_is_not_complete_is_told(churn):
    pl.DataFrame({"a": [1]}).write_parquet(churn / "whole.parquet")
    whole = (churn / "whole.parquet").read_bytes()
    assert why_incomplete(churn / "whole.parquet") == ""
    assert why_incomplete(put(churn, "a.csv")) == ""
    assert why_incomplete(put(churn, "empty.csv", b"")) == "it is empty"
    for name, content in (("half", whole[:-10]), ("begun", b"PA")):
        assert why_incomplete(put(churn, f"{name}.parquet", content)) == "it lacks the end of a Parquet file"


def test_what_is_not_taken_is_told_with_the_reason(churn):
    put(churn, "notes.txt")
    put(churn, "q1.xlsx")
    put(churn, "tasks.yaml")
    put(churn, "task.yml")
    put(churn, "q1.YAML")
    garbled(churn).write_text(CSV)
    (churn / "table.parquet").mkdir()
    (churn / "folder").mkdir()
    for name in ("_q1.csv", "_SUCCESS", ".q1.csv"):
        put(churn, name)
    (churn / "_old").mkdir()
    for name in ("stray.csv", "task.yaml", "q1.xlsx", ".stray.csv"):
        put(churn.parent, name)
    garbled(churn.parent, b"\xd0").mkdir()
    (churn.parent / ".git").mkdir()
    listing = list_inbox(churn.parent)
    assert listing.uploads == []
    assert listing.left == {
        "churn/notes.txt": "it is no sample by its name. A sample is a .csv file, plain or compressed as .csv.gz or "
        ".csv.zst, or a .parquet file.",
        "churn/q1.xlsx": "it is an Excel workbook, which is not read; save its sheet as CSV (CSV UTF-8), or bring "
        "Parquet.",
        "churn/task.yml": "settings are read from files that end in .yaml; rename it.",
        "churn/q1.YAML": "settings are read from files that end in .yaml; rename it.",
        "churn/tasks.yaml": "it belongs to no sample here. Settings of the task lie in task.yaml, those of a sample "
        "beside its file: q1.yaml beside q1.csv.",
        r"churn/\xd0\xf3\xf1.csv": "its name is not UTF-8, so it cannot name a sample; rename it.",
        "churn/table.parquet": "it is a folder; bring it with `anna submit` or the job `register_sample`.",
        "churn/folder": "it is a folder, in which nothing is looked for. Where it is a sample, bring it with "
        "`anna submit` or the job `register_sample`.",
        "churn/_q1.csv": "it is not taken, as what begins with '_' is not finished; rename it once it is.",
        "task.yaml": "settings lie in the folder of their task; move it into one.",
        "q1.xlsx": "it is an Excel workbook, which is not read; save its sheet as CSV (CSV UTF-8), or bring Parquet.",
        "stray.csv": "a sample lies in the folder of its task; move it into one.",
        r"\xd0": "the folder's name is not UTF-8, so it cannot name a task; rename it.",
    }
    "".join(listing.left).encode()


def test_a_folder_without_rights_is_told_and_stops_no_other(churn, monkeypatch):
    put(churn, "q1.csv")
    (churn.parent / "secret").mkdir()
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied")  # root, whom tests may run as, is refused nothing
        return scan(path)

    monkeypatch.setattr("anna_core.samples.listing.os.scandir", refuse)
    listing = list_inbox(churn.parent)
    assert [upload.name for upload in listing.uploads] == ["churn/q1"]
    assert listing.left == {"secret": "the folder cannot be read (Permission denied); give ANNA's user the right."}


def test_an_editors_lock_is_no_settings_file(churn):
    put(churn, "q1.csv")
    (churn / ".#task.yaml").symlink_to("somebody@somewhere.1234")
    [upload] = list_inbox(churn.parent).uploads
    assert upload.settings == {}


@pytest.mark.parametrize("name", ["task.yaml", "q1.yaml"])
def test_settings_that_are_no_file_are_refused_until_they_are_gone(churn, name):
    """Neither waited for, as a pipe would be for ever, nor taken for nothing, as a link whose share is away."""
    put(churn, "q1.csv")
    [plain] = list_inbox(churn.parent).uploads
    makers = {"pipe": os.mkfifo, "folder": Path.mkdir, "broken link": lambda path: path.symlink_to("gone")}
    for make in makers.values():
        make(churn / name)
        [upload] = list_inbox(churn.parent).uploads
        assert list(upload.settings) == [name]
        assert list_upload(churn.parent, "churn", "q1") == upload
        with pytest.raises(SampleError, match=rf"^{churn / name}: is .*; remove it, or write a file\."):
            read_upload_request(churn / "q1.csv")
        (churn / name).rmdir() if (churn / name).is_dir() else (churn / name).unlink()
        assert list_inbox(churn.parent).uploads == [plain]


def test_a_link_to_itself_stops_nothing_and_is_told(churn):
    put(churn, "q1.csv")
    for link in ("loop.csv", "task.yaml", "loop"):
        (churn / link).symlink_to(link)
    (churn.parent / "round").symlink_to("round")
    os.mkfifo(churn / "pipe.csv")
    listing = list_inbox(churn.parent)
    assert [upload.name for upload in listing.uploads] == ["churn/q1"]
    told = "it is no file, but a pipe or a link that leads nowhere; bring the file itself."
    assert listing.left == {"churn/loop.csv": told, "churn/pipe.csv": told}
    assert list_upload(churn.parent, "churn", "loop") is None


def test_an_inbox_that_is_not_there_holds_nothing(tmp_path):
    assert list_inbox(tmp_path / "none").uploads == []


def test_a_name_that_is_not_utf8_is_shown_by_its_bytes(tmp_path):
    assert shown(garbled(Path("a"))) == r"a/\xd0\xf3\xf1.csv"


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
        ("metrc: gini", TaskError, r"metrc: is not a known setting; .* its spelling: is metric meant\?"),
        ("training: {epoch: 3}", TaskError, r"training\.epoch: is not a known setting; .*: is epochs meant\?"),
        ("preset: fast", TaskError, r"preset: is not a known setting; .*: is training\.preset meant\?"),
        ("qqq: 1", TaskError, "qqq: is not a known setting; remove it or correct its spelling$"),
        ("type: ranking", TaskError, "type: Input should be 'binary'"),
        ("metric: auc", TaskError, "there is no metric 'auc'; choose one of: roc_auc, gini, "),
        ("metric: rocauc", TaskError, r"there is no metric 'rocauc'; .* Is roc_auc meant\?"),
        ("split: {test_share: 2}", TaskError, r"split\.test_share: Input should be less than 0.9"),
        ("- binary", TaskError, r"task: should hold settings of its own, as in {name: value}"),
    ],
)
def test_wrong_settings_are_told_by_file_and_name(churn, name, text, error, message):
    put(churn, name, text)
    with pytest.raises(error, match=message) as caught:
        read_upload_request(put(churn, "q1.csv"))
    assert str(churn / name) in str(caught.value)


def test_type_and_metric_have_to_fit_wherever_they_are_said(churn):
    upload = put(churn, "q1.csv")
    put(churn, "task.yaml", "type: binary\nmetric: rmse\n")
    told = r"task\.yaml: metric 'rmse' is not defined for a binary task; choose one of: "
    with pytest.raises(TaskError, match=told):
        read_upload_request(upload)
    (churn / "task.yaml").unlink()
    put(churn, "q1.yaml", "type: binary\nmetric: rmse\n")
    with pytest.raises(TaskError, match=r"^the settings of the sample: metric 'rmse' is not defined"):
        read_upload_request(upload)
    put(churn, "task.yaml", "type: binary\nmetric: rmse\n")
    put(churn, "q1.yaml", "type: regression\n")
    assert read_upload_request(upload).metric == "rmse"


def test_the_content_is_that_of_file_and_options(churn):
    upload = put(churn, "q1.csv")
    first = upload_digest(upload, TaskRequest())
    assert upload_digest(put(churn, "q2.csv"), TaskRequest()) == first
    assert upload_digest(upload, TaskRequest(seed=1)) != first
    assert upload_digest(upload, TaskRequest(metric="gini")) != first
    put(churn, "q1.csv", CSV + "b,2024-03-31,0\n")
    assert upload_digest(upload, TaskRequest()) != first


def test_endings_in_capitals_and_of_compressed_files_are_taken(churn):
    put(churn, "A.CSV")
    put(churn, "b.csv.gz")
    put(churn, "c.Parquet", b"PAR1 ... PAR1")
    put(churn, "b.yaml", "metric: gini\n")
    found = {upload.sample: upload for upload in list_inbox(churn.parent).uploads}
    assert {name: list(upload.files) for name, upload in found.items()} == {
        "A": ["A.CSV"], "b": ["b.csv.gz"], "c": ["c.Parquet"],
    }  # fmt: skip
    assert list(found["b"].settings) == ["b.yaml"]
    assert list_upload(churn.parent, "churn", "b") == found["b"]
    assert find_upload(churn.parent, "churn.A") == churn / "A.CSV"


def test_one_sample_in_two_cases_is_two_files(churn):
    put(churn, "q1.csv")
    put(churn, "q1.CSV")
    [upload] = list_inbox(churn.parent).uploads
    assert sorted(upload.files) == ["q1.CSV", "q1.csv"]
    with pytest.raises(SampleError, match=r"found 2 files: q1\.CSV, q1\.csv; there should be one"):
        find_upload(churn.parent, "churn.q1")


def test_a_place_that_answers_nothing_leaves_the_others_to_be_looked_at(churn, monkeypatch):
    put(churn, "q1.csv")
    put(churn, "file")
    (churn / "q2.csv").symlink_to(churn / "file" / "gone")
    (churn.parent / "loans.csv").symlink_to(churn / "file" / "gone")
    listing = list_inbox(churn.parent)
    assert [upload.name for upload in listing.uploads] == ["churn/q1"]
    assert (
        listing.left["churn/q2.csv"] == "it is no file, but a pipe or a link that leads nowhere; bring the file itself."
    )
    assert "loans.csv" in listing.left


def test_a_share_that_is_gone_is_told_and_stops_nothing(churn, monkeypatch):
    put(churn, "q1.csv")
    put(churn, "q2.csv")
    real = listing_module._state

    def state(file, name):
        if name == "q2.csv":
            raise OSError(errno.ESTALE, "Stale file handle")
        return real(file, name)

    monkeypatch.setattr(listing_module, "_state", state)
    listing = list_inbox(churn.parent)
    assert [upload.name for upload in listing.uploads] == ["churn/q1"]
    assert listing.left == {"churn/q2.csv": "it cannot be looked at (Stale file handle); mend its place, or remove it."}
