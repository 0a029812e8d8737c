"""Pauses before another try: they grow, and no clock makes one longer than it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_assets.pauses import pause_end


@pytest.mark.parametrize(("failures", "pause"), [(1, 30), (2, 120), (3, 480), (4, 1920), (5, 3600), (1000, 3600)])
def test_each_pause_is_four_times_as_long_up_to_an_hour(failures: int, pause: int) -> None:
    assert pause_end(failures, 100.0, 100.0) == 100.0 + pause
    assert pause_end(failures, 100.0, 99.0 + pause) == 100.0 + pause
    assert pause_end(failures, 100.0, 100.0 + pause) == 0


def test_what_did_not_fail_does_not_pause() -> None:
    assert pause_end(0, 100.0, 100.0) == 0


@given(st.integers(0, 50), st.floats(1, 2e9), st.floats(1, 2e9))
def test_nobody_waits_for_more_than_an_hour(failures: int, last: float, now: float) -> None:
    assert pause_end(failures, last, now) <= now + 3600
