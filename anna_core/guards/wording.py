"""Aggregates in words: `amount__last` is "the last amount", for people who have never seen the code."""

import re

from anna_core.domains import Domain, FieldKind
from anna_core.marts.dictionary import UNKNOWN, Dictionary

_HISTORY = {
    "events": "the number of events",
    "days_since_last": "the days since the last event",
    "days_since_first": "the days since the first event",
    "span_days": "the days from the first to the last event",
    "active_days": "the number of days with events",
    "events_per_active_day": "the events on a day that has any",
    "mean_gap_days": "the mean gap between events",
}
_FIELD = {
    "last": "the last value of {field}",
    "first": "the first value of {field}",
    "distinct": "how many of the most frequent values of {field} occur",
    "missing": "how often {field} is missing",
    "sum": "the sum of {field}",
    "sum_positive": "the sum of the positive values of {field}",
    "sum_negative": "the sum of the negative values of {field}",
    "mean": "the mean of {field}",
    "std": "the standard deviation of {field}",
    "min": "the smallest value of {field}",
    "max": "the greatest value of {field}",
}
_CODE = {
    "count": "how often {field} is {value}",
    "share": "the share of events whose {field} is {value}",
    "gap_before": "the mean time from the event before to one whose {field} is {value}",
    "gap_after": "the mean time from an event whose {field} is {value} to the next",
    "gap_change": "how much longer it is from an event whose {field} is {value} to the next than from the one before",
}
_BOOLEANS = ("missing", "false", "true")
_WINDOW = re.compile(r"(.+)_(\d+)d(__share)?")
_BACK = re.compile(r"(.+?)(?:_but)?_(\d+)")


def column_in_words(column: str, domain: Domain, dictionary: Dictionary) -> str:
    """A column of `aggregate` in words that name the field; the column's own name where there are no words for it.

    Args:
        column: `<domain>__…`.
        domain: the domain that the column belongs to.
        dictionary: gives the values behind codes.
    """
    rest = column.removeprefix(f"{domain.name}__")
    field = max((name for name in domain.fields if rest.startswith(f"{name}__")), key=len, default=None)
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
            return f"{_phrase(taken, _FIELD).format(field=number)} where {field} is {value}"
        return _phrase(counted, _CODE).format(field=field, value=value) or column
    return _phrase(rest, _FIELD).format(field=field) or column


def _phrase(name: str, words: dict[str, str]) -> str:
    """The words for an aggregate, also for one over the last days or some events back; empty where there are none."""
    if name in words:
        return words[name]
    if found := _WINDOW.fullmatch(name):
        share = "the share of " if found[3] else ""
        return f"{share}{words[found[1]]} in the last {found[2]} days" if found[1] in words else ""
    if found := _BACK.fullmatch(name):
        return f"{words[found[1]]} but {found[2]}" if found[1] in words else ""
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
