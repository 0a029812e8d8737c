"""Which marts are behind their source.

Each month of a mart keeps the fingerprint of the source rows that it was built from. If the source has another one now,
the month is stale.
"""

import datetime as dt
from pathlib import Path

from anna_core.marts.footer import read_footer
from anna_core.marts.mart import mart_path
from anna_core.months import parse_month
from anna_core.sources.source_state import SourceState


def stale_months(state: SourceState, mart_folder: Path, months: list[dt.date]) -> list[dt.date]:
    """Those of `months` that an observation found and whose mart is missing, damaged or built from other rows."""
    observed = {parse_month(key): fingerprint for key, fingerprint in state.months.items()}
    return [m for m in months if m in observed and built_from(mart_path(mart_folder, m)) != observed[m]]


def built_from(mart: Path) -> str | None:
    """The fingerprint of the source rows that a mart's file was built from; None if it is missing or damaged."""
    footer = read_footer(mart)
    return None if footer is None else footer.source
