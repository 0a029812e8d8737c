"""What makes months of scores doubtful, told once for all the months that it is true of."""

import re
from collections.abc import Mapping

_FIGURES = re.compile(r"[\d,]+")  # how many clients it concerns, and which, differs from month to month


def joint_doubts(doubts: Mapping[str, str]) -> list[str]:
    """Sentences, each behind the months that it is about; of those that differ in figures alone, the last month's.

    Args:
        doubts: month, as 2024-03 → what is doubtful of it.
    """
    months: dict[str, list[str]] = {}
    for month in sorted(doubts):
        months.setdefault(_FIGURES.sub("", doubts[month]), []).append(month)
    return [f"{_span(alike)}: {doubts[alike[-1]]}" for alike in months.values()]


def _span(months: list[str]) -> str:
    return months[0] if len(months) == 1 else f"{months[0]} to {months[-1]} ({len(months)} months)"
