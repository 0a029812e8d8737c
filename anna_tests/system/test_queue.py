"""Four samples dropped at once: no more run than the limit says, the others wait, all end, though the daemon dies."""

import signal

import pytest

from anna_tests.system.conftest import Running

pytestmark = pytest.mark.system


def test_samples_wait_for_their_turn_and_a_killed_daemon_loses_none(running: Running) -> None:
    from anna_resources.settings import Limits

    keys = [running.drop("queued", f"s{index}", rows=400 + index) for index in range(4)]
    killed, most = False, 0

    def all_ended() -> bool:
        nonlocal killed, most
        launches = running.runs(pipelineName="train", tags=[{"key": "anna/task", "value": "queued"}])
        states = [run["status"] for run in launches]
        most = max(most, sum(state in ("STARTING", "STARTED", "CANCELING") for state in states))
        if "QUEUED" in states and not killed:
            [daemon] = [p for p in running.processes("dagster._daemon") if "tie.py" not in " ".join(p.cmdline()[:4])][
                :1
            ]
            daemon.send_signal(signal.SIGKILL)
            killed = True
        return len(states) == len(keys) and all(state in ("SUCCESS", "FAILURE", "CANCELED") for state in states)

    running.until("four launches", all_ended)
    assert {key: [run["status"] for run in running.launches(key)] for key in keys} == {key: ["SUCCESS"] for key in keys}
    assert most == Limits().launches
    assert killed
