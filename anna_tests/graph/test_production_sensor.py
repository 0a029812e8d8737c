"""What the sensor `production` asks for once more, and what it waits with."""

import time

import dagster as dg

from anna_assets.production.production_sensor import _may_begin
from anna_resources.names import PRODUCTION_TAG


@dg.op
def _nothing() -> None:
    pass


@dg.job
def _empty() -> None:
    _nothing()


def test_what_succeeds_and_is_wanted_again_at_once_is_paused_and_told(clock) -> None:
    told, waits = list[str](), list[str]()
    with dg.DagsterInstance.ephemeral() as instance:

        def begins() -> bool:
            return _may_begin(instance, "churn.q1 2024-03", time.time(), told, waits)

        for _ in range(6):
            assert begins()  # late events may come time after time
            _empty.execute_in_process(instance=instance, tags={PRODUCTION_TAG: "churn.q1 2024-03"})
        assert not begins()
        assert "churn.q1 2024-03 came to its end 6 times within hours, and is wanted once more" in told[0]
        clock.seconds += 40
        assert begins()
        _empty.execute_in_process(instance=instance, tags={PRODUCTION_TAG: "churn.q1 2024-03"})
        clock.seconds += 40
        assert not begins()
        clock.seconds += 6 * 3600
        assert begins()
    assert waits == []
