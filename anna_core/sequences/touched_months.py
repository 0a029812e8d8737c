"""Which months of marts the windows of rows touch."""

import datetime as dt
from collections.abc import Iterable

import numpy as np

from anna_core.domains import Domain
from anna_core.months import date_spans, months_between
from anna_core.sequences.visibility import visible_window


def months_needed(domain: Domain, as_of: np.ndarray) -> list[dt.date]:
    """Months that the windows of rows with these as_of dates (n,) touch, ascending; none between windows far apart."""
    return months_of_spans(domain, date_spans(np.unique(as_of).astype("datetime64[D]").tolist()))


def months_of_spans(domain: Domain, spans: Iterable[tuple[dt.date, dt.date]]) -> list[dt.date]:
    """Months that the windows of rows touch whose as_of dates lie in these spans (`date_spans`), ascending."""
    months: set[dt.date] = set()
    for span in spans:
        first, end = visible_window(np.array(span, dtype="datetime64[D]"), domain)
        months.update(months_between(_moment(first[0]).date(), _moment(end[1] - 1).date()))
    return sorted(months)


def history_months(domain: Domain, as_of: dt.date) -> list[dt.date]:
    """The months that a history as of a date reads: those its windows reach into."""
    return months_needed(domain, np.array([as_of], dtype="datetime64[D]"))


def _moment(microseconds: np.int64) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=int(microseconds))
