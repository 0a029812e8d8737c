import errno
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from unittest.mock import Mock

import pytest

from anna_core import storage
from anna_core.errors import ArtifactError
from anna_core.storage import (
    POINTER,
    has_directory,
    local_root,
    read_directory,
    write_directory,
    write_file,
    write_text,
)

DAY = 24 * 3600


def put(path, content):
    with write_directory(path) as folder:
        (folder / "a.txt").write_text(content)
        (folder / "sub").mkdir()
        (folder / "sub" / "b.txt").write_text(content)


def get(path):
    folder = read_directory(path)
    return (folder / "a.txt").read_text(), (folder / "sub" / "b.txt").read_text()


def temporary(path):
    return [entry.name for entry in path.iterdir() if entry.name.startswith((".tmp-", ".claim-"))]


def test_a_file_is_replaced_whole(tmp_path):
    write_text(tmp_path / "new" / "a.json", "1")
    write_text(tmp_path / "new" / "a.json", "2")
    assert (tmp_path / "new" / "a.json").read_text() == "2"
    assert os.listdir(tmp_path / "new") == ["a.json"]


def test_a_reader_of_a_file_keeps_what_it_opened(tmp_path):
    write_text(tmp_path / "a", "first")
    with (tmp_path / "a").open() as stream:
        write_text(tmp_path / "a", "second")
        assert stream.read() == "first"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failed_write_of_a_file_leaves_the_old_one(tmp_path, error):
    write_text(tmp_path / "a", "old")
    with suppress(error), write_file(tmp_path / "a") as path:
        path.write_text("half")
        raise error
    assert (tmp_path / "a").read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_temporary_file_keeps_its_suffix_and_is_hidden(tmp_path):
    with write_file(tmp_path / "a.parquet") as path:
        assert path.suffix == ".parquet"
        assert path.name.startswith(".tmp-")
        path.write_text("x")


def test_a_directory_is_replaced_whole(tmp_path):
    assert not (tmp_path / "d" / POINTER).exists()
    put(tmp_path / "d", "1")
    put(tmp_path / "d", "2")
    assert get(tmp_path / "d") == ("2", "2")
    assert (tmp_path / "d" / POINTER).exists()
    assert temporary(tmp_path / "d") == []


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_a_failed_write_of_a_directory_leaves_the_old_one(tmp_path, error):
    with pytest.raises(error), write_directory(tmp_path / "d"):
        raise error
    assert not (tmp_path / "d" / POINTER).exists()
    put(tmp_path / "d", "old")
    with suppress(error), write_directory(tmp_path / "d") as folder:
        (folder / "a.txt").write_text("half")
        raise error
    assert get(tmp_path / "d") == ("old", "old")
    assert temporary(tmp_path / "d") == []


def test_a_reader_keeps_the_version_before_and_older_ones_go(tmp_path):
    readers = []
    for content in "1234":
        put(tmp_path / "d", content)
        readers.append(read_directory(tmp_path / "d"))
    assert [reader.exists() for reader in readers] == [False, False, True, True]
    assert (readers[2] / "a.txt").read_text() == "3"


KILLED = """
import os, signal, sys
from pathlib import Path
from anna_core import storage
path, moment = Path(sys.argv[1]), sys.argv[2]


def die(*_, **__):
    os._exit(9) if sys.argv[3] == "exit" else os.kill(os.getpid(), signal.SIGKILL)



if moment == "before the pointer":
    storage.write_text = die
if moment == "before the old go":
    storage._remove_versions = die
with storage.write_directory(path) as folder:
    (folder / "a.txt").write_text("new")
    if moment == "in the middle":
        die()
    (folder / "sub").mkdir()
    (folder / "sub" / "b.txt").write_text("new")
"""


@pytest.mark.parametrize("how", ["exit", "kill"])
@pytest.mark.parametrize(
    ("moment", "seen"), [("in the middle", "old"), ("before the pointer", "old"), ("before the old go", "new")]
)
def test_a_killed_writer_never_leaves_a_half(tmp_path, moment, seen, how):
    put(tmp_path / "d", "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "d"), moment, how], check=False)
    assert done.returncode == (9 if how == "exit" else -signal.SIGKILL)
    assert get(tmp_path / "d") == (seen, seen)
    put(tmp_path / "d", "newer")  # the lock went with its owner
    assert get(tmp_path / "d") == ("newer", "newer")
    assert temporary(tmp_path / "d") == []  # and so did its claim on what it left


def test_what_another_writer_is_at_stays(tmp_path):
    with storage.scratch_folder(tmp_path) as scratch, storage.write_file(tmp_path / "b.csv.gz") as path:
        path.write_text("half")
        write_text(tmp_path / "a.csv", "x")
        assert (scratch.is_dir(), path.read_text()) == (True, "half")
        assert len(temporary(tmp_path)) == 4
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "b.csv.gz"]


def test_a_full_disk_leaves_no_claims(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(storage.platform, "node", Mock(side_effect=full))
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a.csv", "x")
    assert os.listdir(tmp_path) == []


def test_a_file_among_many_is_not_claimed_as_its_owner_removes_what_is_left(tmp_path):
    with write_file(tmp_path / "a.npy", among_many=True) as path:
        path.write_text("x")
        assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("what", ["of another machine", "no locks"])
def test_what_may_be_in_use_stays_for_a_day(tmp_path, monkeypatch, what):
    (tmp_path / ".tmp-1.csv").write_text("half")
    (tmp_path / ".claim-1").write_text("elsewhere" if what == "of another machine" else platform.node())
    if what == "no locks":
        monkeypatch.setattr(storage.fcntl, "flock", Mock(side_effect=OSError(errno.ENOLCK, "No locks available")))
    write_text(tmp_path / "a.csv", "x")
    assert sorted(temporary(tmp_path)) == [".claim-1", ".tmp-1.csv"]
    for name in temporary(tmp_path):
        os.utime(tmp_path / name, (storage.time.time() - 2 * DAY,) * 2)
    write_text(tmp_path / "a.csv", "x")
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_later_write_sweeps_what_was_left_a_day_ago(tmp_path):
    put(tmp_path / "d", "1")
    for name, age in ((".tmp-old", 2 * DAY), (".tmp-running", DAY / 2)):
        (tmp_path / "d" / name).mkdir()
        (tmp_path / "d" / name / "half").write_text("x")
        os.utime(tmp_path / "d" / name, (storage.time.time() - age,) * 2)
    (tmp_path / "d" / ".tmp-file.json").write_text("x")
    os.utime(tmp_path / "d" / ".tmp-file.json", (storage.time.time() - 2 * DAY,) * 2)
    put(tmp_path / "d", "2")
    assert temporary(tmp_path / "d") == [".tmp-running"]


def test_writing_a_file_sweeps_its_folder_too(tmp_path):
    (tmp_path / ".tmp-old.csv").write_text("half")
    os.utime(tmp_path / ".tmp-old.csv", (storage.time.time() - 2 * DAY,) * 2)
    write_text(tmp_path / "a.csv", "x")
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_temporary_that_vanishes_while_it_is_looked_at_does_not_matter(tmp_path, monkeypatch):
    class Gone(type(tmp_path)):
        def glob(self, pattern):
            return [self / ".tmp-gone"]

    storage._sweep(Gone(tmp_path))


def test_two_writers_at_once_leave_the_last_to_finish(tmp_path):
    with write_directory(tmp_path / "d") as slow:
        (slow / "a.txt").write_text("slow")
        (slow / "sub").mkdir()
        (slow / "sub" / "b.txt").write_text("slow")
        put(tmp_path / "d", "quick")
        assert get(tmp_path / "d") == ("quick", "quick")
    assert get(tmp_path / "d") == ("slow", "slow")


def test_a_writer_never_removes_what_another_is_about_to_point_to(tmp_path, monkeypatch):
    """The other writer publishes between a version's arrival and its pointer."""
    put(tmp_path / "d", "0")
    others, real = [], storage._pointer

    def pointer(path):
        if not others:
            others.append(threading.Thread(target=put, args=(path, "other")))
            others[0].start()
            others[0].join(0.2)  # without a lock it finishes here; with one it waits
        return real(path)

    monkeypatch.setattr(storage, "_pointer", pointer)
    put(tmp_path / "d", "one")
    others[0].join()
    monkeypatch.undo()
    assert get(tmp_path / "d") == ("other", "other")


BUSY = """
import sys
from pathlib import Path
from anna_core.storage import write_directory
for i in range(15):
    with write_directory(Path(sys.argv[1])) as folder:
        for name in "ab":
            (folder / name).write_text(f"{sys.argv[2]} {i}")
"""


def test_processes_that_write_one_artifact_leave_one_whole_version(tmp_path):
    jobs = [subprocess.Popen([sys.executable, "-c", BUSY, str(tmp_path / "d"), str(n)]) for n in range(3)]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    current = read_directory(tmp_path / "d")
    assert (current / "a").read_text() == (current / "b").read_text()
    assert (current / "a").read_text().endswith(" 14")
    versions = [entry for entry in (tmp_path / "d").iterdir() if entry.is_dir()]
    assert len(versions) == 2


def test_what_was_never_written_is_told(tmp_path):
    with pytest.raises(ArtifactError, match="nothing was written here yet; materialize the asset that makes it"):
        read_directory(tmp_path / "d")


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_pointer_is_mended_by_the_next_write(tmp_path, content):
    (tmp_path / storage.POINTER).write_text(content)
    with pytest.raises(ArtifactError, match="nothing was written here yet"):
        storage.read_directory(tmp_path)
    with storage.write_directory(tmp_path) as folder:
        (folder / "a").touch()
    assert (storage.read_directory(tmp_path) / "a").exists()


def test_a_version_that_somebody_removed_is_told(tmp_path):
    put(tmp_path / "d", "1")
    (tmp_path / "d" / "current.json").write_text(json.dumps({"version": "gone"}))
    with pytest.raises(ArtifactError, match="version gone is gone from the disk; materialize its asset again"):
        read_directory(tmp_path / "d")


def test_whether_something_is_there_is_what_a_reader_would_find(tmp_path):
    assert not has_directory(tmp_path / "d")
    with suppress(ValueError), write_directory(tmp_path / "d"):
        raise ValueError("the first writer died")
    assert (tmp_path / "d").is_dir()
    assert not has_directory(tmp_path / "d")
    put(tmp_path / "d", "1")
    assert has_directory(tmp_path / "d")
    (tmp_path / "d" / "current.json").write_text(json.dumps({"version": "gone"}))
    assert not has_directory(tmp_path / "d")


def test_storage_is_a_path_or_a_file_url(tmp_path):
    assert local_root(f"file://{tmp_path}") == local_root(str(tmp_path)) == tmp_path
    for url in ("s3://bucket/x", "hdfs://name/x"):
        with pytest.raises(ArtifactError, match="is not supported; use a path or a file: URL"):
            local_root(url)
