"""Pauses before something that failed is tried again.

What passes soon, such as a restart, costs little time; what lasts, such as a full disk or a wrong column, costs few
tries, and no more than an hour once it has passed.
"""

_FIRST, _GROWTH, _LONGEST = 30, 4, 3600  # seconds


def pause_end(failures: int, last: float, now: float) -> float:
    """When what failed is tried again.

    Args:
        failures: how often it failed in a row.
        last: Unix time of the last failure.
        now: Unix time; a clock that was put back makes no pause longer.

    Returns:
        Unix time of the pause's end; 0 where it is over, or nothing failed.
    """
    if not failures:
        return 0.0
    end = last + min(_FIRST * _GROWTH ** (failures - 1), _LONGEST)
    return end if last <= now < end else 0.0
