import itertools
import os
import re
import shutil

import polars as pl
import pytest

from anna_core.errors import SampleError
from anna_core.keys import sample_key
from anna_core.samples import origins, resting
from anna_core.samples.resting import stamps_of, wait_for_rest
from anna_core.samples.staging import stage_sample

KEY = sample_key("churn", "q1")
FRAME = pl.DataFrame(
    {"client_id": [f"c{i}" for i in range(60)], "as_of": ["2024-03-31"] * 60, "target": [i % 2 for i in range(60)]}
)


class Writer:
    """A writer of a sample, and a clock that stands still but while it is slept; each sleep brings what comes next."""

    def __init__(self, *steps) -> None:
        self.steps, self.slept, self.told = list(steps), [], []
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.steps:
            self.steps.pop(0)()

    def wait(self, origin, settle=5.0):
        return wait_for_rest(str(origin), settle, self.told.append, self.sleep, lambda: self.now)

    def begin_after(self, *paths, seconds: float) -> "Writer":
        """Set the clock to so many seconds after the latest of the files was written."""
        found = [path.stat() for path in paths]
        self.now = max(max(stat.st_mtime_ns, stat.st_ctime_ns) for stat in found) / 1e9 + seconds
        return self


@pytest.fixture
def csv(tmp_path):
    FRAME.write_csv(tmp_path / "q1.csv")
    return tmp_path / "q1.csv"


def append(path, text="more,2024-03-31,1\n"):
    def step():
        with path.open("a") as stream:
            stream.write(text)

    return step


def test_a_file_at_rest_is_taken_at_once(csv):
    writer = Writer().begin_after(csv, seconds=5.5)
    assert writer.wait(csv) == stamps_of(str(csv))
    assert (writer.slept, writer.told) == ([], [])


def test_a_new_file_is_waited_for_as_long_as_it_is_not_at_rest(csv):
    writer = Writer().begin_after(csv, seconds=3.0)
    assert writer.wait(csv) == stamps_of(str(csv))
    assert writer.slept == [pytest.approx(2.0, abs=1e-3)]
    assert writer.told == [f"{csv} has just changed; it is read once it has been at rest for 5 seconds."]


def test_a_file_that_grows_is_taken_once_it_is_whole(csv, tmp_path):
    writer = Writer(append(csv, "c98,2024-03-31,1\n"), append(csv, "c99,2024-03-31,1\n"))
    rested = writer.begin_after(csv, seconds=-3600.0).wait(csv)
    assert len(writer.slept) == 3
    assert len(stage_sample(str(csv), KEY, {}, tmp_path / "inbox", rested)) == 62


def test_a_folder_rests_when_all_its_parts_do_and_none_is_added(tmp_path):
    folder = tmp_path / "t" / "more"
    folder.mkdir(parents=True)
    FRAME[:30].write_parquet(tmp_path / "t" / "0.parquet")
    writer = Writer(lambda: FRAME[30:].write_parquet(folder / "1.parquet"))
    writer.begin_after(tmp_path / "t" / "0.parquet", seconds=-3600.0).wait(tmp_path / "t")
    assert len(writer.slept) == 2
    rested = stamps_of(str(tmp_path / "t"))
    assert len(stage_sample(str(tmp_path / "t"), KEY, {}, tmp_path / "inbox", rested)) == 60


def test_a_file_whose_server_has_a_clock_ahead_is_seen_the_same_for_as_long(csv):
    writer = Writer(append(csv)).begin_after(csv, seconds=-3600.0)
    writer.wait(csv)
    assert writer.slept == [5.0, 5.0]


def test_a_file_that_never_rests_is_given_up(csv):
    writer = Writer(*[append(csv)] * 1000)
    with pytest.raises(SampleError, match=r"q1\.csv: somebody has been writing it for 10 minutes\. Submit it again"):
        writer.begin_after(csv, seconds=-3600.0).wait(csv)
    assert len(writer.told) == 1


@pytest.mark.parametrize("origin", ["s3://bank/q1.csv", "http://127.0.0.1:9/q1.csv", "/nowhere/q1.csv"])
def test_what_has_no_files_here_is_not_waited_for(origin):
    assert Writer().wait(origin) == {}


def test_a_table_that_keeps_versions_is_not_waited_for(tmp_path):
    FRAME.write_delta(str(tmp_path / "delta"))
    assert stamps_of(str(tmp_path / "delta")) == stamps_of((tmp_path / "delta").as_uri()) == {}


def test_a_file_behind_a_url_of_this_machine_is_looked_at(tmp_path):
    FRAME.write_csv(tmp_path / "q 1.csv")
    assert stamps_of((tmp_path / "q 1.csv").as_uri()) == stamps_of(str(tmp_path / "q 1.csv")) != {}


CHANGED = "changed while it was read. Submit it again once whoever writes it is done."


def test_a_file_that_grows_while_it_is_copied_is_refused(csv, tmp_path, monkeypatch):
    copy = shutil.copyfile

    def copy_as_it_grows(source, target):
        copy(source, target)
        append(csv)()

    monkeypatch.setattr(origins.shutil, "copyfile", copy_as_it_grows)
    with pytest.raises(SampleError, match=re.escape(f"{csv}: {CHANGED}")):
        stage_sample(str(csv), KEY, {}, tmp_path / "inbox", stamps_of(str(csv)))
    assert not list((tmp_path / "inbox").rglob("*.csv"))


def test_a_file_that_is_written_on_once_it_was_at_rest_is_refused(csv, tmp_path):
    rested = stamps_of(str(csv))
    append(csv)()
    with pytest.raises(SampleError, match=re.escape(f"{csv}: {CHANGED}")):
        stage_sample(str(csv), KEY, {}, tmp_path / "inbox", rested)


def rewrite(path, content):
    """Write as many bytes into a file as it has, and set its mtime back."""
    found = path.stat()
    with path.open("r+b") as stream:
        stream.write(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


OTHERS = FRAME.with_columns(target=1 - pl.col("target"))  # as long


@pytest.fixture(params=["csv", "folder"])
def brought(request, tmp_path):
    """The origin of a sample, that of its files which changes, and what it is changed to."""
    names = ["q1.csv", "q1.csv"] if request.param == "csv" else ["t", "t/0.parquet"]
    origin, file = (tmp_path / name for name in names)
    file.parent.mkdir(exist_ok=True)
    contents = []
    for frame in (OTHERS, FRAME):
        frame.write_csv(file) if request.param == "csv" else frame.write_parquet(file, compression="uncompressed")
        contents.append(file.read_bytes())
    assert len(contents[0]) == len(contents[1])
    return origin, file, contents[0]


def after_the_first_copy(monkeypatch, step):
    """Do a step when a sample has been copied for the first time."""
    copy, steps = origins._copy, iter([step])

    def copy_then(origin, target):
        copy(origin, target)
        next(steps, lambda: None)()

    monkeypatch.setattr(origins, "_copy", copy_then)


def test_a_file_that_is_rewritten_while_it_is_copied_is_refused_although_it_is_as_long_and_as_old(
    brought, tmp_path, monkeypatch
):
    origin, file, other = brought
    after_the_first_copy(monkeypatch, lambda: rewrite(file, other))
    with pytest.raises(SampleError, match=re.escape(CHANGED)):
        stage_sample(str(origin), KEY, {}, tmp_path / "inbox", stamps_of(str(origin)))
    assert not list((tmp_path / "inbox").rglob("*.*"))


def test_a_file_that_was_rewritten_before_it_is_copied_is_taken_as_it_is_now(brought, tmp_path):
    origin, file, other = brought
    rested = stamps_of(str(origin))
    rewrite(file, other)
    sample = stage_sample(str(origin), KEY, {}, tmp_path / "inbox", rested)
    assert sample.target[:, 0].tolist() == [1, 0] * 30


def test_a_backup_of_a_file_changes_nothing(brought, tmp_path, monkeypatch):
    """A hard link changes the file's ctime alone, here before it is copied, and again when it has been."""
    origin, file, _ = brought
    rested = stamps_of(str(origin))
    os.link(file, tmp_path / "backup")
    after_the_first_copy(monkeypatch, lambda: os.link(file, tmp_path / "again"))
    assert stamps_of(str(origin)) != rested
    sample = stage_sample(str(origin), KEY, {}, tmp_path / "inbox", rested)
    assert sample.target[:, 0].tolist() == [0, 1] * 30


def test_a_file_server_that_numbers_its_files_anew_at_each_look_is_no_change(csv, tmp_path, monkeypatch):
    status, numbers = resting.status, itertools.count()

    def anew(path):
        found = status(path)
        times = {name: getattr(found, name) for name in ("st_mtime_ns", "st_ctime_ns")} if found else {}
        return found and os.stat_result([found[0], next(numbers), *found[2:10]], times)

    monkeypatch.setattr(resting, "status", anew)
    writer = Writer().begin_after(csv, seconds=-3600.0)
    rested = writer.wait(csv)
    assert writer.slept == [5.0]
    assert len(stage_sample(str(csv), KEY, {}, tmp_path / "inbox", rested)) == 60


@pytest.mark.parametrize("name", ["_progress.log", ".nfs0001", "_logs/1.txt"])
def test_what_holds_no_rows_beside_the_parts_may_change(tmp_path, name):
    file = tmp_path / "t" / name
    file.parent.mkdir(parents=True)
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")
    rested = stamps_of(str(tmp_path / "t"))
    file.write_text("half")
    assert len(stage_sample(str(tmp_path / "t"), KEY, {}, tmp_path / "inbox", rested)) == 60
    assert list(rested) == [str(tmp_path / "t" / "0.parquet")]


def test_parts_that_are_still_out_of_sight_are_waited_for(tmp_path):
    """As Spark writes them below `_temporary`, and moves each into its place once it is whole."""
    unfinished = tmp_path / "t" / "_temporary" / "1.parquet"
    unfinished.parent.mkdir(parents=True)
    FRAME[:30].write_parquet(tmp_path / "t" / "0.parquet")
    unfinished.write_bytes(b"PAR1")
    writer = Writer(
        lambda: FRAME[30:].write_parquet(unfinished), lambda: unfinished.rename(tmp_path / "t" / "1.parquet")
    )
    rested = writer.begin_after(unfinished, seconds=-3600.0).wait(tmp_path / "t")
    assert writer.slept == [5.0, 5.0, 5.0]
    assert len(stage_sample(str(tmp_path / "t"), KEY, {}, tmp_path / "inbox", rested)) == 60


def test_that_a_folder_has_changed_comes_before_what_is_wrong_with_half_of_it(tmp_path):
    (tmp_path / "t").mkdir()
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")
    rested = stamps_of(str(tmp_path / "t"))
    (tmp_path / "t" / "1.parquet").write_bytes(b"PAR1")
    with pytest.raises(SampleError, match=re.escape(CHANGED)):
        stage_sample(str(tmp_path / "t"), KEY, {}, tmp_path / "inbox", rested)
