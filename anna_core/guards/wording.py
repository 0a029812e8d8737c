"""Aggregates in words: `amount__last` is "the amount of the last event", for people who have never seen the code."""

import re

from anna_core.domains import Domain, FieldKind
from anna_core.marts.dictionary import UNKNOWN, Dictionary

_LAST = "last event"
_HISTORY = {
    "events": "the number of events",
    "days_since_last": f"the days since the {_LAST}",
    "days_since_first": "the days since the first event",
    "span_days": "the days from the first to the last event",
    "active_days": "the number of days with events",
    "events_per_active_day": "the number of events on a day that has any",
    "mean_gap_days": "the mean number of days between events",
}
_FIELD = {
    "last": f"the {{field}} of the {_LAST}",
    "first": "the {field} of the first event",
    "distinct": "how many of the most frequent values of {field} occur",
    "missing": "the number of events whose {field} is missing",
    "sum": "the sum of {field}",
    "sum_positive": "the sum of the positive values of {field}",
    "sum_negative": "the sum of the negative values of {field}",
    "mean": "the mean of {field}",
    "std": "the standard deviation of {field}",
    "min": "the smallest {field}",
    "max": "the largest {field}",
}
_CODE = {
    "count": "the number of events whose {field} is {value}",
    "share": "the share of events whose {field} is {value}",
    "gap_before": "the mean time to an event whose {field} is {value} from the one before it",
    "gap_after": "the mean time from an event whose {field} is {value} to the next one",
    "gap_change": "how much longer it is from an event whose {field} is {value} to the next than from the one before",
}
_BOOLEANS = ("missing", "false", "true")
_WINDOW = re.compile(r"(.+)_(\d+)d(__share)?")
_BACK = re.compile(r"(.+?)(?:_but)?_(\d+)")
_NTH_LAST = {"1": "second-last event", "2": "third-last event"}
_DIGITS = 4  # of a figure in a sentence


def column_in_words(column: str, domain: Domain, dictionary: Dictionary) -> str:
    """A column of `aggregate` in words that name the field; the column's own name where there are no words for it.

    Args:
        column: `<domain>__…`.
        domain: the domain that the column belongs to.
        dictionary: gives the values behind codes.
    """
    rest = column.removeprefix(f"{domain.name}__")
    field = _field_of(rest, domain)
    if field is None:
        return _phrase(rest, _HISTORY) or column
    rest = rest.removeprefix(f"{field}__")
    code, _, counted = rest.partition("__")
    if code.isdigit() and counted:
        value = _value(field, int(code), domain, dictionary)
        number, _, taken = counted.rpartition("__")
        if number == "then" and taken.isdigit():
            other = _value(field, int(taken), domain, dictionary)
            return f"how often an event whose {field} is {value} is followed by one where it is {other}"
        if number:
            return f"{_phrase(taken, _FIELD).format(field=number)} over events whose {field} is {value}"
        return _phrase(counted, _CODE).format(field=field, value=value) or column
    return _phrase(rest, _FIELD).format(field=field) or column


def code_in_words(column: str, code: int, domain: Domain, dictionary: Dictionary) -> str:
    """The value behind a code in a column of `aggregate` that holds codes (`code_columns`)."""
    field = _field_of(column.removeprefix(f"{domain.name}__"), domain)
    return str(code) if field is None else _value(field, code, domain, dictionary)


def figure(value: float) -> str:
    """A number for a sentence: whole where it is, or where it is large; never as a power of ten that is not tiny."""
    if value.is_integer() or abs(value) >= 10**_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.{_DIGITS}g}"


def _field_of(rest: str, domain: Domain) -> str | None:
    """The field that a column, without its domain, is made of; None where it is made of the events' times."""
    return max((name for name in domain.fields if rest.startswith(f"{name}__")), key=len, default=None)


def _phrase(name: str, words: dict[str, str]) -> str:
    """The words for an aggregate, also for one over the last days or some events back; empty where there are none."""
    if name in words:
        return words[name]
    if found := _WINDOW.fullmatch(name):
        if found[1] not in words:
            return ""
        what = "the share of events that lie" if found[3] else words[found[1]]
        return f"{what} in the last {found[2]} days"
    if (found := _BACK.fullmatch(name)) and found[1] in words and found[2] in _NTH_LAST:
        return words[found[1]].replace(_LAST, _NTH_LAST[found[2]])
    return ""


def _value(field: str, code: int, domain: Domain, dictionary: Dictionary) -> str:
    if domain.fields[field] is FieldKind.BOOLEAN:
        return _BOOLEANS[code]
    if code == UNKNOWN:
        return "a value that the dictionary does not know"
    known = dictionary.table.filter(field=field, code=code)["value"].to_list()
    if not known:
        return f"code {code}"
    return f"'{known[0]}'" if known[0] is not None else f"one of several rare values (code {code})"
