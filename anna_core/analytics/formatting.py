"""Numbers as text, the same in sentences, tables and plots."""

import numpy as np

from anna_core.metrics.bootstrap import Interval

SAME = "the same"  # a lead that is 0 on the rows and on every resample: equal scores, or scores of equal order
_DIGITS, _MOST_DIGITS = 3, 6  # after the point; scores are float32, of seven digits


def format_value(value: float, digits: int = _DIGITS) -> str:
    """A metric or an amount: `digits` after the point, fewer for large numbers; n/a for NaN."""
    if np.isnan(value):
        return "n/a"
    digits = digits if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def format_signed(value: float, digits: int = _DIGITS) -> str:
    """A difference: as `format_value`, with its sign; without one where it rounds to 0."""
    text = format_value(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def format_interval(low: float, high: float) -> str:
    """An interval; empty where it is not defined."""
    return "" if np.isnan(low) or np.isnan(high) else f"[{format_value(low)}, {format_value(high)}]"


def format_lead(lead: Interval | None) -> str:
    """A difference with its interval, signed, with so many digits that its bounds differ.

    Without the interval where that is not defined; empty where there is no difference to tell.
    """
    if lead is None or np.isnan(lead.value):
        return ""
    if lead == (0, 0, 0):
        return SAME
    if np.isnan(lead.low) or np.isnan(lead.high):
        return format_signed(lead.value)
    digits = _DIGITS
    while digits < _MOST_DIGITS and format_value(lead.low, digits) == format_value(lead.high, digits):
        digits += 1
    value, low, high = (format_signed(part, digits) for part in lead)
    return f"{value} [{low}, {high}]"
