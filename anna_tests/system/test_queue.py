"""Six samples dropped at once: no more run than the limit says, the others wait, all end."""

import pytest

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


def test_six_samples_wait_for_their_turn_and_all_end(running: Running) -> None:
    from anna_resources.settings import Limits

    keys = [running.drop("queued", f"s{index}", rows=400 + index) for index in range(6)]
    seen_waiting = False
    most = 0

    def all_ended() -> bool:
        nonlocal seen_waiting, most
        launches = running.runs(pipelineName="train", tags=[{"key": "anna/task", "value": "queued"}])
        states = [run["status"] for run in launches]
        most = max(most, sum(state in ("STARTING", "STARTED", "CANCELING") for state in states))
        seen_waiting |= "QUEUED" in states
        return len(states) == 6 and all(state in ("SUCCESS", "FAILURE", "CANCELED") for state in states)

    running.until("six launches", all_ended)
    assert {key: [run["status"] for run in running.launches(key)] for key in keys} == {key: ["SUCCESS"] for key in keys}
    assert most == Limits().launches
    assert seen_waiting
