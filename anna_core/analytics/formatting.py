"""Numbers as text, the same in sentences, tables and plots."""

import numpy as np

from anna_core.metrics.bootstrap import Interval


def format_value(value: float) -> str:
    """A metric or an amount: three digits after the point, fewer for large numbers; n/a for NaN."""
    if np.isnan(value):
        return "n/a"
    digits = 3 if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def format_signed(value: float) -> str:
    """A difference: as `format_value`, with its sign; without one where it rounds to 0."""
    text = format_value(value)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def format_interval(low: float, high: float) -> str:
    """An interval; empty where it is not defined."""
    return "" if np.isnan(low) or np.isnan(high) else f"[{format_value(low)}, {format_value(high)}]"


def format_lead(lead: Interval | None) -> str:
    """A difference with its interval, signed; empty where there is none."""
    if lead is None:
        return ""
    return f"{format_signed(lead.value)} [{format_signed(lead.low)}, {format_signed(lead.high)}]"
