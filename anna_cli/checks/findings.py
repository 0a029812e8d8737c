"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out; the values are the marks on the screen."""

    GOOD = "✓"
    WARNING = "!"
    BAD = "✗"


@dataclass(frozen=True)
class Finding:
    """One line of `anna doctor`; `cure` says what to do about it."""

    verdict: Verdict
    text: str
    cure: str = ""


def good(text: str) -> Finding:
    """All is well."""
    return Finding(Verdict.GOOD, text)


def warning(text: str, cure: str) -> Finding:
    """ANNA works, but not as well as it could."""
    return Finding(Verdict.WARNING, text, cure)


def bad(text: str, cure: str) -> Finding:
    """ANNA does not work."""
    return Finding(Verdict.BAD, text, cure)
