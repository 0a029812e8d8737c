"""How clients' events are distributed, and how far that moved: the reference is what a launch was trained on.

Each client counts alike, whether ten of its events are seen or a thousand: shares are of a client's events, and of them
the mean over the clients who have some.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from anna_core.metrics.stability import chance, cuts_of, index
from anna_core.sequences.ragged import Sequences

_NOTHING = 1e-9  # a share
_CODES = 30  # the most frequent ones are told apart; all others are one bin


class FieldShares(BaseModel):
    """The distribution of a field's values.

    Attributes:
        codes: of a category or a boolean, the codes that have a bin each; empty for a number.
        cuts: of a number, the upper bounds of all bins but the last; empty for codes.
        shares: of each bin; of codes the last bin has all others, of a number it has those that are missing.
    """

    model_config = ConfigDict(frozen=True)

    codes: tuple[int, ...] = ()
    cuts: tuple[float, ...] = ()
    shares: tuple[float, ...]


class DomainShares(BaseModel):
    """The distribution of a domain's events.

    Attributes:
        rows: number of rows: of a sample, or clients.
        covered: share of the rows that have an event, 0 to 1.
        events: mean number of events of these.
        fields: name → its distribution; empty where no row has an event.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    covered: float
    events: float
    fields: dict[str, FieldShares]


def shares_of(sequences: Sequences, like: DomainShares | None = None, rows: int | None = None) -> DomainShares:
    """The distribution of the events that n rows see.

    Args:
        sequences: of the rows.
        like: a distribution whose bins are to be used; None: bins of their own.
        rows: how many rows there are, where those without events are not among the sequences.
    """
    count, length = rows or len(sequences), np.asarray(sequences.length)
    present = length > 0
    if not present.any() or (like is not None and not like.fields):
        return DomainShares(rows=count, covered=float(present.sum() / max(count, 1)), events=0.0, fields={})
    weight = _weights(sequences, present)
    fields = {}
    for name in sequences.domain.fields if like is None else like.fields:
        known, values = like.fields[name] if like else None, sequences.columns[name]
        bins = _numbers if name in sequences.domain.numeric else _codes
        fields[name] = bins(np.asarray(values), weight, known)
    return DomainShares(
        rows=count, covered=float(present.sum() / count), events=float(length[present].mean()), fields=fields
    )


def field_drift(reference: DomainShares, found: DomainShares) -> dict[str, float]:
    """Field → its characteristic stability index: the population stability index of its distribution."""
    smallest = 0.5 / min(_known(reference), _known(found))  # half a client
    return {
        name: index(np.asarray(shares.shares), np.asarray(found.fields[name].shares), smallest)
        for name, shares in reference.fields.items()
        if name in found.fields
    }


def drift_by_chance(reference: DomainShares, found: DomainShares) -> dict[str, float]:
    """Field → the index that unmoved distributions stay below in 95 of a hundred cases: by its bins, and the rows.

    Only rows with events tell something of a field. A row's events say less than as many of other rows would, so a row
    counts as one, however many it has.
    """
    return {
        name: chance(_known(reference), _known(found), max(2, _filled(shares, found.fields[name])))
        for name, shares in reference.fields.items()
        if name in found.fields
    }


def _known(shares: DomainShares) -> float:
    """Number of rows with events."""
    return max(1.0, shares.rows * shares.covered)


def _filled(reference: FieldShares, found: FieldShares) -> int:
    """Number of bins in which there is anything, but for what adding up leaves over."""
    return int((np.asarray(reference.shares) + np.asarray(found.shares) > _NOTHING).sum())


def _weights(sequences: Sequences, present: np.ndarray) -> np.ndarray:
    """Weight of each event (E,), 1 in all: each row with events has the same, divided among its events.

    Windows of rows may overlap, so weights are added up by where they begin and end.
    """
    start, length = np.asarray(sequences.start)[present], np.asarray(sequences.length)[present].astype(np.int64)
    share = 1 / length / len(length)
    steps = np.zeros(len(sequences.event_time) + 1)
    np.add.at(steps, start, share)
    np.add.at(steps, start + length, -share)
    return np.clip(np.cumsum(steps)[:-1], 0, None)


def _codes(values: np.ndarray, weight: np.ndarray, like: FieldShares | None) -> FieldShares:
    mass = np.bincount(values, weights=weight)
    chosen = (
        like.codes if like else tuple(int(code) for code in np.argsort(-mass, kind="stable")[:_CODES] if mass[code])
    )
    known = np.array([mass[code] if code < len(mass) else 0.0 for code in chosen])
    return FieldShares(codes=chosen, shares=(*known.tolist(), max(0.0, float(mass.sum() - known.sum()))))


def _numbers(values: np.ndarray, weight: np.ndarray, like: FieldShares | None) -> FieldShares:
    missing = np.isnan(values)
    cuts = np.asarray(like.cuts if like else cuts_of(values[~missing], weight[~missing]), dtype=np.float64)
    place = np.where(missing, len(cuts) + 1, np.searchsorted(cuts, values, side="left"))
    mass = np.bincount(place, weights=weight, minlength=len(cuts) + 2)
    return FieldShares(cuts=tuple(cuts.tolist()), shares=tuple(mass.tolist()))
