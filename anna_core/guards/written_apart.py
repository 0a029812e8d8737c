"""Whether domains write the same clients in different ways: each is then several clients with half a history."""

from collections.abc import Mapping

import polars as pl

from anna_core.guards.spellings import likely_cause

_SHOWN = 3


def written_apart(clients: Mapping[str, pl.Series]) -> list[str]:
    """Sentences about domains whose clients no other domain knows because it writes them otherwise.

    Args:
        clients: name of each domain → its different clients, as text.
    """
    told = []
    names = [name for name, ids in clients.items() if len(ids)]
    for place, name in enumerate(names):
        for other in names[:place]:
            ours, theirs = clients[name], clients[other]
            unmet = ours.filter(~ours.is_in(theirs.implode())).sort()
            if len(unmet) and (cause := likely_cause(unmet, theirs)):
                told.append(
                    f"{name} and {other} write clients in different ways: {cause}. {name} has "
                    f"{', '.join(unmet.head(_SHOWN))}; {other} has {', '.join(theirs.sort().head(_SHOWN))}. Each such "
                    "client is scored twice, and each time by a part of the events. Write clients in one way."
                )
    return told
