"""When assets are rebuilt without anybody asking: conditions on data versions, never on mere events."""

import dagster as dg

_Condition = dg.AutomationCondition


def refresh_mart() -> dg.AutomationCondition:
    """Build a mart's month that is missing, and rebuild one whose source month's content changed.

    A month that failed is not tried again until somebody asks or its source is observed again, which gives the month
    another data version (`source_versions.py`): otherwise a source with a wrong column would be read in a loop. A
    change that was observed while the month was being built asks for another build: only a request answers it, for what
    was built may be older.
    """
    missing = _Condition.missing() & ~_Condition.execution_failed()
    changed = _content_changed()
    pending = changed.since(_Condition.newly_requested() & ~changed)
    return ((missing | pending) & ~_Condition.any_deps_missing() & ~_Condition.in_progress()).with_label(
        "source changed"
    )


def refresh_history() -> dg.AutomationCondition:
    """Rebuild a history that exists when a mart in its window changed; histories are first built on demand.

    Without the data version in the condition, every rebuild of a mart, even one with equal content, would rebuild all
    histories whose window holds it.
    """
    ready = ~_Condition.any_deps_in_progress() & ~_Condition.in_progress()
    changed = _content_changed().since(_Condition.newly_requested() | _Condition.newly_updated())
    return (~_Condition.missing() & changed & ready).with_label("mart changed")


def _content_changed() -> dg.AutomationCondition:
    return _Condition.any_deps_match(_Condition.data_version_changed())
