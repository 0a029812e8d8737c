"""The outbox of what launches say to MLflow: nothing said is lost, whoever is killed when."""

import errno
import os
import threading
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_resources.tracking import outbox as module
from anna_resources.tracking import pause as pauses
from anna_resources.tracking.courier import Courier
from anna_resources.tracking.outbox import Outbox, RunFile, RunReport
from anna_resources.tracking.pause import Pause

PATIENCE = 30  # seconds; only a broken test waits that long
ROOT = "0d2f6a0e-4b3c-4a51-9d0f-7f4f5f0f8f11"


@pytest.fixture
def box(tmp_path):
    return Outbox.of(tmp_path).launch("churn.q1", ROOT)


def metric(value, at=1):
    return RunReport(at=at, metrics={"loss": value}, step=3)


def test_what_was_said_is_read_until_it_is_marked_as_sent(box):
    box.own.append(RunReport(at=1, params={"type": "binary"}))
    box.own.append(metric(0.5))
    entries, position = box.own.unsent()
    assert [entry.params for entry in entries] == [{"type": "binary"}, {}]
    assert (entries[1].metrics, entries[1].step) == ({"loss": 0.5}, 3)
    box.own.append(metric(0.25))  # while the others were under way
    box.own.mark(position)
    entries, _ = box.own.unsent()
    assert [entry.metrics for entry in entries] == [{"loss": 0.25}]
    assert not box.is_sent


def test_a_figure_that_is_not_a_number_stays_one(box):
    box.own.append(metric(float("nan")))
    box.own.append(metric(float("inf")))
    first, second = box.own.unsent()[0]
    assert first.metrics["loss"] != first.metrics["loss"]
    assert second.metrics["loss"] == float("inf")


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.integers(0, 40)), max_size=8))
def test_a_writer_killed_in_the_middle_of_a_line_loses_that_line_alone(tmp_path_factory, said):
    file = RunFile(tmp_path_factory.mktemp("outbox") / "launch.jsonl")
    expected = []
    for value, torn in said:
        file.append(metric(value))
        expected.append(value)
        with file.path.open("ab") as half:  # the beginning of a line, of any length, without its end
            half.write(metric(value).model_dump_json().encode()[:torn])
    assert [entry.metrics["loss"] for entry in file.unsent()[0]] == expected


@given(st.lists(st.integers(1, 30), max_size=9), st.booleans())
def test_a_line_that_the_system_takes_in_parts_is_said_whole_or_not_at_all(tmp_path_factory, parts, full):
    """A disk that takes a few bytes at a time, and at last, where it is full, none."""
    file = RunFile(tmp_path_factory.mktemp("outbox") / "launch.jsonl")
    file.append(metric(0.5))
    before, left, real = file.path.read_bytes(), list(parts), os.write

    def write(descriptor, content):
        if left:
            return real(descriptor, content[: left.pop(0)])
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, content)

    line = metric(0.25).model_dump_json(exclude_defaults=True) + "\n"
    fits = not full or sum(parts) >= len(line)
    with patch.object(module.os, "write", write), nullcontext() if fits else pytest.raises(OSError, match="No space"):
        file.append(metric(0.25))
    assert file.path.read_bytes() == before + (line.encode() if fits else b"")
    file.append(metric(0.125))
    assert [entry.metrics["loss"] for entry in file.unsent()[0]] == ([0.5, 0.25, 0.125] if fits else [0.5, 0.125])


def test_a_system_that_takes_nothing_is_told(box, monkeypatch):
    monkeypatch.setattr(module.os, "write", lambda descriptor, content: 0)
    with pytest.raises(OSError, match=r"nothing could be written: '.*launch\.jsonl'"):
        box.own.append(metric(0.5))


def test_writers_beside_each_other_do_not_mix_their_lines(box):
    def write(first):
        for place in range(200):
            box.own.append(metric(float(first + place)))

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    values = [entry.metrics["loss"] for entry in box.own.unsent()[0]]
    assert sorted(values) == [float(first + place) for first in (0, 1000, 2000) for place in range(200)]


def test_an_end_is_taken_back_by_what_is_said_after_it(box):
    box.own.append(RunReport(at=5, status="FAILED"))
    assert box.own.ended.status == "FAILED"
    box.own.append(metric(0.5))
    assert box.own.ended is None


def test_an_end_is_found_behind_reports_of_any_length_and_before_half_a_line(box):
    long = RunReport(at=1, params={"settings": "x" * 10_000})
    box.own.append(long)
    assert box.own.ended is None
    box.own.append(RunReport(at=2, status="FINISHED"))
    assert box.own.ended.at == 2
    with box.own.path.open("a") as file:
        file.write('{"at": 3, "params": {"settings": "' + "x" * 10_000)  # its writer was killed
    assert box.own.ended.at == 2
    box.own.append(long)
    assert box.own.ended is None


def test_a_new_try_ends_what_a_killed_one_left_open_and_nothing_else(box):
    killed, other, done = box.open_part("cards"), box.open_part("accounts"), box.open_part("cards_online")
    killed.append(metric(0.5)), other.append(metric(0.5)), done.append(RunReport(at=1, status="FINISHED"))
    again = box.open_part("cards")
    assert again.path != killed.path
    assert killed.ended.status == "KILLED"
    assert other.ended is None
    assert done.ended.status == "FINISHED"


def test_the_end_of_a_launch_ends_all_that_is_open(box):
    open_, done = box.open_part("cards"), box.open_part("accounts")
    open_.append(metric(0.5)), done.append(RunReport(at=1, status="FINISHED"))
    box.end("KILLED")
    assert [file.ended.status for file in (open_, done, box.own)] == ["KILLED", "FINISHED", "KILLED"]


def test_a_box_whose_files_are_being_moved_does_not_rest(box):
    box.own.append(metric(0.5))
    os.utime(box.own.path, (0, 0))
    assert box.rested > 0
    listed = [box.own.path, box.folder / ".tmp-1234.sent"]  # moved since it was listed
    with patch.object(Path, "iterdir", return_value=iter(listed)):
        assert box.rested == 0


def test_launches_wait_until_they_are_sent_and_what_could_not_be_sent_for_long_is_given_up(tmp_path):
    outbox = Outbox.of(tmp_path)
    sent, stuck, new = (outbox.launch(key, ROOT) for key in ("churn.sent", "churn.stuck", "loan.new+1"))
    for box in (sent, stuck, new):
        box.own.append(metric(0.5))
    sent.end("FINISHED")
    sent.drop()
    assert [box.key for box in outbox.waiting()] == ["churn.stuck", "loan.new+1"]
    assert outbox.waiting(rested_seconds=3600) == []
    assert outbox.sweep() == []
    for box, days in ((sent, module.SENT_KEPT_DAYS), (stuck, module.KEPT_DAYS)):
        for path in box.folder.iterdir():
            long_ago = path.stat().st_mtime - days * 86_400 - 60
            os.utime(path, (long_ago, long_ago))
    assert [box.key for box in outbox.sweep()] == ["churn.stuck"]
    assert [box.key for box in outbox.launches()] == ["loan.new+1"]


def test_a_problem_is_told_once_a_launch(box):
    box.own.append(metric(0.5))
    assert [box.tell_once(), box.tell_once()] == [True, False]


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_000_000.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(pauses, "time", clock)
    return clock


def test_pauses_grow_while_the_server_stays_ill_and_end_when_it_is_well(tmp_path, clock):
    pause = Pause(tmp_path / "outbox" / "pause.json")
    assert pause.seconds_left == 0
    lengths = []
    for _ in range(7):
        pause.begin("HTTP 500")
        lengths.append(pause.seconds_left)
        pause.begin("HTTP 500")  # another process, at the same time
        clock.now += lengths[-1]
        assert pause.seconds_left == 0
    assert lengths == [30, 60, 120, 240, 480, 600, 600]
    assert pause.problem == "HTTP 500"
    pause.end()
    assert (pause.seconds_left, pause.problem) == (0, "")


def test_a_clock_that_was_put_back_does_not_make_a_pause_longer(tmp_path, clock):
    pause = Pause(tmp_path / "pause.json")
    pause.begin("HTTP 500")
    clock.now -= 86_400
    assert pause.seconds_left == 30


def test_a_courier_delivers_after_each_call_and_tells_the_last_problem():
    problems = iter(["HTTP 500", None, "HTTP 503"])
    delivered, done = [], threading.Semaphore(0)

    def deliver():
        delivered.append(threading.current_thread().name)
        done.release()
        return next(problems)

    courier = Courier(deliver)
    for _ in range(3):
        courier.wake()
        assert done.acquire(timeout=PATIENCE)
    assert courier.close(PATIENCE) == "HTTP 503"
    assert delivered == ["mlflow"] * 3


def test_a_courier_closes_when_all_that_was_said_is_delivered_however_it_was_said():
    said, sent = [], []
    courier = Courier(lambda: sent.extend(said[len(sent) :]))
    for place in range(2000):
        said.append(place)
        courier.wake()
    assert courier.close(PATIENCE) is None
    assert sent == said


def test_a_courier_that_hangs_holds_up_nobody():
    release = threading.Event()
    courier = Courier(lambda: release.wait(PATIENCE) and None)
    courier.wake()
    assert courier.close(0.01) == "no end after 0.01 s"
    assert courier.is_late
    release.set()


def test_a_courier_that_was_never_called_has_nothing_to_wait_for(tmp_path: Path):
    assert Courier(lambda: "never called").close(PATIENCE) is None


def test_a_box_stays_until_its_launch_has_ended_though_all_was_sent(tmp_path):
    outbox = Outbox(tmp_path / "outbox")
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "x+y").write_text("a stray file")
    box = outbox.launch("churn.q1", "run")
    box.own.append(metric(0.5))
    box.drop()
    for path in box.folder.iterdir():
        two_days_ago = path.stat().st_mtime - 2 * 86_400
        os.utime(path, (two_days_ago, two_days_ago))
    assert outbox.sweep() == []  # of a deployment that was off for two days while its launch went on
    assert [one.key for one in outbox.launches()] == ["churn.q1"]


@pytest.mark.parametrize("mark", ["", "{}", "[1]", '{"position": 100000}'])
def test_where_nobody_knows_what_was_sent_all_is_sent_again(box, mark):
    box.own.append(metric(0.5))
    box.own.mark(box.own.unsent()[1])
    assert box.own.is_sent
    box.own.path.with_suffix(".sent").write_text(mark)
    assert len(box.own.unsent()[0]) == 1
    assert box.own.unsent()[1] == box.own.path.stat().st_size
