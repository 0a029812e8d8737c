"""How a share is told to people."""

from decimal import Decimal
from math import isclose

_EXACT, _ROUNDED = 3, 2  # digits


def percent(share: float) -> str:
    """A share as a percentage: 0.1%, 2.5%, 12.5%, 43%.

    As it is where three digits are enough for that, as what people set is told as they set it; else rounded to two
    digits, or to a whole number from 10% on. Only what is zero is told as 0%.
    """
    exact = f"{100 * share:.{_EXACT}g}"
    if isclose(float(exact), 100 * share):
        told = exact
    else:
        told = f"{100 * share:.0f}" if abs(share) >= 0.1 else f"{100 * share:.{_ROUNDED}g}"
    return f"{Decimal(told):f}%"
