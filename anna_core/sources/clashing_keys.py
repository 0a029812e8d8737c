"""Event keys that are those of several events, of which one alone would stay: they are counted, and refused by month.

A bank's document number is that of a debit and of its credit, of an authorization and of its settlement; others restart
each year. A file that delivers an event once more, in a later state, needs a version to say which of them stays.
"""

from anna_core.domains import Domain
from anna_core.sources.left_aside import most_of, refusal

_TELL_APART = (
    "name columns in `event_key` that tell a client's events apart, such as the year of a number that restarts"
)
_OR_VERSION = "; or, where such rows are states of one event, the column of their order as `version`"


def key_twice(domain: Domain) -> str:
    """The reason that is counted of rows that lose to another of the same event key in the same file."""
    holder = "table" if domain.source.is_lake else "file"
    return f"{_key(domain)} is also that of a row of the client in the same {holder} that holds other values"


def key_of_others(domain: Domain) -> str:
    """The reason that is counted of rows that lose to another of the same event key although it lies far away."""
    return f"{_key(domain)} is also that of a row of the client more than a week away"


def refuse_keys(domain: Domain, place: str, left: dict[str, int], rows: int, share: float) -> None:
    """Refuse a month of which too many rows lose to others that cannot be deliveries of the same events.

    Args:
        domain: the domain.
        place: the month, as text.
        left: `key_twice` and `key_of_others` → number of these rows.
        rows: number of all rows of the month.
        share: of them that may be left aside, 0 to 1.

    Raises:
        SourceError: those of one reason are more than may be left aside.
    """
    for reason, cure in ((key_twice(domain), _TELL_APART + _OR_VERSION), (key_of_others(domain), _TELL_APART)):
        if left[reason] > most_of(rows, share):
            raise refusal(domain, place, {reason: left[reason]}, rows, share, {reason: ("", cure)})


def _key(domain: Domain) -> str:
    return f"event_key ({', '.join(domain.event_key)})"
