"""Which marts are behind their source.

Each month of a mart keeps the fingerprint of the source rows that it was built from. If the source has another one now,
the month is stale; so is one whose days are not told apart, as an older version built it.
"""

import datetime as dt
from pathlib import Path

from anna_core.marts.footer import read_footer
from anna_core.marts.mart import mart_path
from anna_core.sources.source_state import SourceState


def stale_months(state: SourceState, mart_folder: Path, months: list[dt.date]) -> list[dt.date]:
    """Those of `months` that an observation found and whose mart is missing, damaged, old or built from other rows."""
    return [month for month in months if is_stale(state, mart_folder, month)]


def is_stale(state: SourceState, mart_folder: Path, month: dt.date) -> bool:
    """Whether an observation found a month whose mart is missing, damaged, old or built from other rows."""
    observed = state.months.get(month.isoformat())
    if observed is None:
        return False  # no events, so no mart
    footer = read_footer(mart_path(mart_folder, month))
    return footer is None or footer.source != observed or footer.days is None
