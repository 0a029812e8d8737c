"""How much memory a step may work with, and how many events that is."""

DEFAULT_MEMORY = 2**30  # bytes; the setting `limits.memory`
MOST_EVENTS = 2**22  # in one piece: a client's place and a moment of the month then fit into one 64-bit sorting key


def events_within(memory: int, event_bytes: int) -> int:
    """Events that may be in work at once.

    Args:
        memory: bytes for the whole working set.
        event_bytes: bytes of one event with everything that is held for it while it is in work.

    Returns:
        1 to `MOST_EVENTS`.
    """
    return max(1, min(memory // event_bytes, MOST_EVENTS))
