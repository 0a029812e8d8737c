"""Pauses before something that failed is tried again.

What passes soon, such as a restart, costs little time; what lasts, such as a full disk or a wrong column, costs few
tries, and no more than an hour once it has passed.
"""

_FIRST, _LONGEST = 30.0, 3600.0  # seconds
_GROWTH, _GROWTHS = 4, 16  # ever more; after so many every pause is the longest


def pause_end(failures: int, last: float, now: float, first: float = _FIRST, longest: float = _LONGEST) -> float:
    """When what failed is tried again.

    Args:
        failures: how often it failed in a row.
        last: Unix time of the last failure.
        now: Unix time; a clock that was put back makes no pause longer.
        first: seconds of the first pause.
        longest: seconds that no pause exceeds.

    Returns:
        Unix time of the pause's end; 0 where it is over, or nothing failed.
    """
    if not failures:
        return 0.0
    end = last + min(first * _GROWTH ** min(failures - 1, _GROWTHS), longest)
    return end if last <= now < end else 0.0
