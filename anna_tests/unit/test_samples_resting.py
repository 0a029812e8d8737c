import os
import re
import shutil

import polars as pl
import pytest

from anna_core.errors import SampleError
from anna_core.keys import sample_key
from anna_core.samples import origins
from anna_core.samples.resting import look, wait_for_rest
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
    assert writer.wait(csv) == look(str(csv))
    assert (writer.slept, writer.told) == ([], [])


def test_a_new_file_is_waited_for_as_long_as_it_is_not_at_rest(csv):
    writer = Writer().begin_after(csv, seconds=3.0)
    assert writer.wait(csv) == look(str(csv))
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
    rested = look(str(tmp_path / "t"))
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
    assert look(str(tmp_path / "delta")) == look((tmp_path / "delta").as_uri()) == {}


def test_a_file_behind_a_url_of_this_machine_is_looked_at(tmp_path):
    FRAME.write_csv(tmp_path / "q 1.csv")
    assert look((tmp_path / "q 1.csv").as_uri()) == look(str(tmp_path / "q 1.csv")) != {}


CHANGED = "changed while it was read. Submit it again once whoever writes it is done."


def test_a_file_that_grows_while_it_is_copied_is_refused(csv, tmp_path, monkeypatch):
    copy = shutil.copyfile

    def copy_as_it_grows(source, target):
        copy(source, target)
        append(csv)()

    monkeypatch.setattr(origins.shutil, "copyfile", copy_as_it_grows)
    with pytest.raises(SampleError, match=re.escape(f"{csv}: {CHANGED}")):
        stage_sample(str(csv), KEY, {}, tmp_path / "inbox", look(str(csv)))
    assert not list((tmp_path / "inbox").rglob("*.csv"))


def test_another_file_in_its_place_is_refused_although_it_is_as_long_and_as_old(csv, tmp_path):
    rested, stat = look(str(csv)), csv.stat()
    other = tmp_path / "other"
    other.write_bytes(csv.read_bytes())
    other.replace(csv)
    os.utime(csv, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(SampleError, match=re.escape(CHANGED)):
        stage_sample(str(csv), KEY, {}, tmp_path / "inbox", rested)


def test_that_a_folder_has_changed_comes_before_what_is_wrong_with_half_of_it(tmp_path):
    (tmp_path / "t").mkdir()
    FRAME.write_parquet(tmp_path / "t" / "0.parquet")
    rested = look(str(tmp_path / "t"))
    (tmp_path / "t" / "1.parquet").write_bytes(b"PAR1")
    with pytest.raises(SampleError, match=re.escape(CHANGED)):
        stage_sample(str(tmp_path / "t"), KEY, {}, tmp_path / "inbox", rested)
