"""Keys that one file has several times with other values: those of several events, of which one alone would stay.

A bank's document number is that of a debit and of its credit, of an authorization and of its settlement. A file that
delivers an event once more, in a later state, needs a version to say which of them stays.
"""

from anna_core.domains import Domain
from anna_core.sources.left_aside import most_of, refusal


def key_twice(domain: Domain) -> str:
    """The reason that is counted of rows that lose to another of the same event key in the same file."""
    holder = "table" if domain.source.is_lake else "file"
    keys = ", ".join(domain.event_key)
    return f"event_key ({keys}) is also that of a row of the client in the same {holder} that holds other values"


def refuse_clashes(domain: Domain, place: str, clashing: int, rows: int, share: float) -> None:
    """Refuse a month of which too many rows lose to others that cannot be deliveries of the same events.

    Args:
        domain: the domain.
        place: the month, as text.
        clashing: number of these rows.
        rows: number of all rows of the month.
        share: of them that may be left aside, 0 to 1.

    Raises:
        SourceError: they are more than may be left aside.
    """
    if clashing > most_of(rows, share):
        reason = key_twice(domain)
        cure = (
            "name columns in `event_key` that tell a client's events apart, such as the year of a number that "
            "restarts; or, where such rows are states of one event, the column of their order as `version`"
        )
        raise refusal(domain, place, {reason: clashing}, rows, share, {reason: ("", cure)})
