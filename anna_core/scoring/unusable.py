"""What of the events given cannot be used: counted, or refused where it is too much, as a source's file is judged."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.scoring.client_events import DomainEvents
from anna_core.sources.door import CLIENT, TIME, Door
from anna_core.sources.faults import Fault
from anna_core.sources.left_aside import Example, refusal, told, too_many, valued

PLACE = "what was given"  # in place of a file's name
_EXAMPLES = 3


@dataclass(frozen=True)
class Unusable:
    """What cannot be used.

    Attributes:
        counts: reason → number of events.
        events: (f,) int64 positions of these, an event once for each of its reasons.
    """

    counts: Counter[str]
    events: np.ndarray


def find_unusable(given: DomainEvents, table: pl.DataFrame, door: Door, values: pl.DataFrame, share: float) -> Unusable:
    """Look for what cannot be used; only where a canonical value is missing there can be anything.

    Args:
        given: the events.
        table: the same, with columns as the door calls them.
        door: the door of such a table.
        values: the canonical columns but the client, as far as they are typed row by row.
        share: of the events that may be left aside, 0 to 1.

    Raises:
        SourceError: it is more than that.
    """
    found: dict[str, np.ndarray] = {}
    lacking = {name for name in values.columns if values[name].has_nulls()}
    if not lacking.intersection(fault.canonical for fault in (*door.undated, *door.dated)):
        return Unusable(Counter(), np.empty(0, dtype=np.int64))
    undated = values[TIME].is_null()
    for faults, among in ((door.undated, undated), (door.dated, ~undated)):
        for fault in faults:
            if fault.canonical == CLIENT or fault.canonical not in lacking:
                continue
            odd = (among & values[fault.canonical].is_null()).arg_true()
            flag = table[odd].select(fault.flag).to_series()
            if flag.any():
                found[fault.reason] = odd.filter(flag).to_numpy()
    counts = Counter({reason: len(events) for reason, events in found.items()})
    if counts:
        _judge(given, table, door, values.filter(~undated), counts, found, share)
    return Unusable(counts, np.concatenate([np.empty(0, dtype=np.int64), *found.values()]))


def _judge(
    given: DomainEvents,
    table: pl.DataFrame,
    door: Door,
    dated: pl.DataFrame,
    counts: Counter[str],
    found: dict[str, np.ndarray],
    share: float,
) -> None:
    rows, filled = len(given.row), {name: dated[name].count() for name in valued(door.dated)}
    for faults, values in ((door.undated, {}), (door.dated, filled)):
        if reasons := too_many(counts, faults, rows, share, values):
            by_reason = {fault.reason: fault for fault in faults}
            shown = {reason: _examples(given, table, by_reason[reason], found[reason]) for reason in reasons}
            words = told(faults, reasons, shown)
            raise refusal(given.domain, PLACE, counts, rows, share, words, faults, values)


def _examples(given: DomainEvents, table: pl.DataFrame, fault: Fault, events: np.ndarray) -> list[Example]:
    first = events[:_EXAMPLES]
    values = table[first].select(fault.values).to_series()
    places = [f"column {fault.column}, {given.place(int(event))}" for event in first]
    return [Example(place, value) for place, value in zip(places, values, strict=True)]
