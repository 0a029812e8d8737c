"""The first month of the data, with which a deployment begins that names no `start_month`."""

import datetime as dt
from collections.abc import Iterable, Mapping

# A few rows with a stray date (an empty field read as 1970, a mistyped year) would make decades of empty months.
STRAY_SHARE = 0.001
# As newer data comes in, the share of the first months falls. They are kept down to a tenth of the above; otherwise the
# sparse first months of a growing bank would vanish one by one, and with them what its models see.
KEPT_SHARE = 0.0001


def first_month(
    domains: Iterable[Mapping[dt.date, int]], last: dt.date, so_far: dt.date | None = None
) -> dt.date | None:
    """The month in which a deployment's data begins.

    A domain's data begin with the latest month before which less than `STRAY_SHARE` of its rows lie; the deployment's
    with the earliest such month of any domain.

    Args:
        domains: for each domain, first day of a month → number of its rows.
        last: first day of the last month; later rows do not count.
        so_far: the result when this was last asked. It moves to a later month only as far as less than `KEPT_SHARE` of
            the rows of each domain lie before that month.

    Returns:
        The month's first day; None if no domain has rows.
    """
    counts = [_until(rows, last) for rows in domains]
    found = [_begin(rows, STRAY_SHARE) for rows in counts if rows]
    if not found:
        return None
    first = min(found)
    if so_far is None or so_far >= first:
        return first
    return max(so_far, min(_begin(rows, KEPT_SHARE) for rows in counts if rows))


def rows_before(rows: Mapping[dt.date, int], month: dt.date) -> int:
    """Number of rows in the months before `month`."""
    return sum(count for at, count in rows.items() if at < month)


def _until(rows: Mapping[dt.date, int], last: dt.date) -> dict[dt.date, int]:
    return {month: count for month, count in rows.items() if count and month <= last}


def _begin(rows: Mapping[dt.date, int], share: float) -> dt.date:
    total = sum(rows.values())
    return max(month for month in rows if rows_before(rows, month) < share * total)
