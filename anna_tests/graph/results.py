"""What a run in process says of itself."""

import dagster as dg


def problem(result) -> str:
    """What the first failed step or check of a launch told."""
    failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    causes = [error.cause.message if error.cause else error.message for error in failures]
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return " ".join([*causes, *(check.description or "" for check in failed)])


def metadata(result, key: str) -> dict:
    events = [e for e in result.get_asset_materialization_events() if e.asset_key == dg.AssetKey(key.split("/"))]
    assert len(events) == 1
    return dict(events[0].materialization.metadata)
