import numpy as np
import pytest

from anna_core.models.training.schedule import WARM_UP_SHARE, Schedule


def _shares(schedule):
    shares = []
    while not schedule.finished:
        shares.append(schedule.share)
        schedule.advance()
    return shares


def test_climbs_to_the_peak_and_anneals_to_nothing():
    shares = np.array(_shares(Schedule(100)))
    peak = int(shares.argmax())
    assert peak in (19, 20)
    assert shares[0] == pytest.approx(0.5 / 100 / WARM_UP_SHARE)
    assert shares[peak] == pytest.approx(1, abs=0.03)
    assert (np.diff(shares[: peak + 1]) > 0).all()
    assert (np.diff(shares[peak:]) < 0).all()
    assert shares[60] == pytest.approx(0.5, abs=0.02)  # half of the cosine
    assert shares[-1] < 1e-3


@pytest.mark.parametrize("done", [0, 5, 20, 50, 90])
def test_an_earlier_end_is_annealed_to_without_a_jump(done):
    schedule = Schedule(100)
    for _ in range(done):
        schedule.advance()
    before = schedule.share
    schedule.end_at(done + 40 if done < 50 else done + 8)
    shares = _shares(schedule)
    assert shares[0] == pytest.approx(before, abs=0.15)
    assert shares[-1] < 0.02
    assert schedule.step == (done + 40 if done < 50 else done + 8)


def test_the_end_it_has_anyway_changes_nothing_and_no_end_lies_behind():
    plain, told = Schedule(30), Schedule(30)
    told.end_at(30)
    assert _shares(told) == _shares(plain)
    told.end_at(3)
    assert told.finished
    assert told.steps == 30


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_a_rate(steps):
    assert all(share > 0 for share in _shares(Schedule(steps)))
