"""The check `in_time` of production's scores: that a month is missing is seen there, whatever the cause."""

import datetime as dt

import dagster as dg
import pytest

from anna_tests.graph.conftest import TRAINED, Clock, Deployment
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import follow

pytestmark = pytest.mark.xdist_group("trained")


def tick(deployment: Deployment, cursor: str | None) -> tuple[dict[str, dg.RunRequest], list[str], str | None]:
    """What the sensor asks for, what it tells of the check, and its cursor."""
    context = dg.build_sensor_context(
        instance=deployment.instance, resources=deployment.defs.resources, definitions=deployment.defs, cursor=cursor
    )
    with context:
        result = deployment.defs.resolve_sensor_def("production")(context)
    assert isinstance(result, dg.SensorResult)
    checks = [event for event in result.asset_events or () if isinstance(event, dg.AssetCheckEvaluation)]
    told = [f"{check.passed}: {check.description}" for check in checks]
    return {request.tags["anna/production"]: request for request in result.run_requests or ()}, told, result.cursor


def test_a_month_that_is_not_scored_in_time_fails_the_check_until_it_is(trained: Deployment, clock: Clock) -> None:
    well = "True: Each champion has scored the latest period that is over for long enough."
    _, told, cursor = tick(trained, None)
    assert told == [well]
    press(trained, tag=TRAINED[0])
    _, told, cursor = tick(trained, cursor)
    assert told == []  # it was just made champion
    clock.seconds += 86_500
    _, [late], cursor = tick(trained, cursor)
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert late.startswith(f"False: churn 2024-03 should have been scored by {until:%Y-%m-%d}")
    assert late.endswith("UTC; none is scored yet.")
    assert tick(trained, cursor)[1] == []  # it is told
    follow(trained)
    pair = dg.MultiPartitionKey({"period": "2024-03-01", "task": "churn"})
    executed = trained.materialize("production/scores", partition=pair).get_asset_check_evaluations()
    assert [(one.check_name, one.passed) for one in executed] == [("in_time", True)]
    assert tick(trained, cursor)[1] == [well]


def test_what_the_sensor_asks_for_has_no_step_for_the_check(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    press(trained, tag=TRAINED[1])
    [request] = tick(trained, None)[0].values()
    assert {key.asset_key.to_user_string() for key in request.asset_check_keys or ()} == {"production/monitoring"}
