"""The data's own first month: where a deployment begins that names none."""

import datetime as dt
from collections.abc import Iterable, Mapping

# A few rows with a stray date (an empty field read as 1970, a mistyped year) would make decades of empty months.
STRAY_SHARE = 0.001
# A month that a deployment has is kept as its share falls because newer data comes in, down to a tenth of that: or the
# sparse first months of a growing bank would vanish one by one, and with them what its models see.
KEPT_SHARE = 0.0001


def first_month(
    domains: Iterable[Mapping[dt.date, int]], last: dt.date, so_far: dt.date | None = None
) -> dt.date | None:
    """The month in which the data of a deployment begins.

    Of each domain it is the first month before which less than `STRAY_SHARE` of its rows lie; of these, the earliest.

    Args:
        domains: of each, month → number of its rows.
        last: later months count as stray, too.
        so_far: what it was; it does not move on while a domain has `KEPT_SHARE` of its rows from there on.

    Returns:
        None where no domain has rows.
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
    """Rows of the months before one."""
    return sum(count for at, count in rows.items() if at < month)


def _until(rows: Mapping[dt.date, int], last: dt.date) -> dict[dt.date, int]:
    return {month: count for month, count in rows.items() if count and month <= last}


def _begin(rows: Mapping[dt.date, int], share: float) -> dt.date:
    total = sum(rows.values())
    return max(month for month in rows if rows_before(rows, month) < share * total)
