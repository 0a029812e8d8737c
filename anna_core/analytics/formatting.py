"""Numbers as text, the same in sentences, tables and plots."""

import numpy as np


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
