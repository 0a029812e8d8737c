"""A range of clients becomes mart events: runs are merged, categories coded, and repeated events dropped."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from anna_core.domains import Domain
from anna_core.marts.dictionary import Dictionary
from anna_core.marts.runs import TIME_BITS, Run, sorting_key
from anna_core.sources.door import TIME, field_names, key_names, version_names
from anna_core.sources.fingerprints import column_hash, mixed, summed
from anna_core.sources.scanning import FILE

Codes = dict[str, np.ndarray]  # categorical column → (v,) the dictionary's code of each of a run's v values
APART = dt.timedelta(days=7)  # corrections move an event by less: a payment is booked some days after it is made
_CLIENT, _PLACE, _ALIKE, _VALUES = "client", "place", "alike", "values"
_STAYS, _AWAY, _CLASHES, _MONTH = "stays", "away", "clashes", "month"


@dataclass(frozen=True)
class Merged:
    """Mart events of a range of clients.

    Attributes:
        clients: (c,) the clients, text, ascending.
        place: (n,) the position of each event's client in `clients`, ascending.
        events: n rows with the time and the fields, by the names of `anna_core.sources.door`.
        repeated: number of events dropped because another delivery of them is kept.
        apart: number of these that lie more than `APART` from the delivery that is kept, and do not clash.
        clashing: number of these that are no deliveries of it, as they hold other values, and the file whose delivery
            is kept has several of the key; always 0 in a domain with versions.
    """

    clients: pl.Series
    place: np.ndarray
    events: pl.DataFrame
    repeated: int
    apart: int
    clashing: int


def code_tables(run: Run, dictionary: Dictionary) -> Codes:
    """The dictionary's codes of a run's values, in the smallest type that holds them."""
    own = field_names(dictionary.domain)
    return {own[name]: dictionary.codes_of(name, run.values[own[name]]) for name in dictionary.domain.categorical}


def merge(runs: list[Run], codes: list[Codes], domain: Domain, first: dt.datetime) -> Merged:
    """Merge the runs of one range of clients.

    Args:
        runs: one or more.
        codes: for each run, what `code_tables` returns.
        domain: the domain.
        first: the month's first moment.
    """
    encoded = [
        run.events.with_columns(pl.Series(name, table[run.events[name].to_numpy()]) for name, table in tables.items())
        for run, tables in zip(runs, codes, strict=True)
    ]
    if len(runs) == 1:
        clients, events = runs[0].clients, encoded[0]
        place = np.repeat(np.arange(len(clients)), np.diff(runs[0].bounds))
        key = sorting_key(place, events[TIME], first)
    else:
        clients = pl.concat([run.clients for run in runs]).unique().sort()
        places = [np.repeat(clients.search_sorted(run.clients).to_numpy(), np.diff(run.bounds)) for run in runs]
        events = pl.concat(encoded)
        key = sorting_key(np.concatenate(places), events[TIME], first)
        order = pl.Series(key).arg_sort()
        key, events = key[order.to_numpy()], events[order]
    return settled(clients, (key >> np.uint64(TIME_BITS)).astype(np.uint32), key, events, domain)


def settled(clients: pl.Series, place: np.ndarray, key: np.ndarray, events: pl.DataFrame, domain: Domain) -> Merged:
    """Settle the order of events that are sorted by client and time, and which delivery of each stays.

    Args:
        clients: (c,) as of `Merged`.
        place: (n,) uint32, likewise.
        key: (n,) numbers, equal where client and moment are.
        events: columns as in `anna_core.marts.pieces.carried`; categories are the dictionary's codes.
        domain: the domain.
    """
    events = _in_total_order(events, key, domain)
    kept, apart, clashing = _once(events, place, domain)
    count = len(events)
    events = events.select(TIME, *field_names(domain).values())
    if kept is not None:
        events, place = events.filter(pl.Series(kept)), place[kept]
    return Merged(clients, place, events, count - len(events), apart, clashing)


def content_by_day(part: Merged) -> pl.DataFrame:
    """Day of the month, number of its events, and the sum of their hashes, modulo 2^64: columns day, events, hash.

    The sum depends neither on the events' order nor on their division into ranges.
    """
    clients = part.clients.to_frame("client_id").select(column_hash("client_id", pl.String(), 0)).to_series()
    columns = [column_hash(name, kind, seed) for seed, (name, kind) in enumerate(part.events.schema.items(), 1)]
    hashes = mixed([pl.lit(clients[pl.Series(part.place)]), *columns])
    found = part.events.select(pl.col(TIME).dt.day().alias("day"), hashes.alias("hash"))
    return found.group_by("day").agg(pl.len().alias("events"), pl.col("hash").sum())


def _in_total_order(events: pl.DataFrame, key: np.ndarray, domain: Domain) -> pl.DataFrame:
    """Sort events of one client and moment by key and fields, so that the same rows always give the same mart."""
    same = key[1:] == key[:-1]
    if not same.any():
        return events
    tied = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
    columns = [*key_names(domain), *field_names(domain).values()]
    ranked = events[tied].select(pl.Series(_CLIENT, key[tied]), *columns, pl.Series(_PLACE, tied))
    order = np.arange(len(events))
    order[tied] = ranked.sort(_CLIENT, *columns)[_PLACE].to_numpy()
    return events[order]


def _once(events: pl.DataFrame, place: np.ndarray, domain: Domain) -> tuple[np.ndarray | None, int, int]:
    """Decide which events to keep, (n,) bool; None: all. Also how many others lie apart or clash, as of `Merged`.

    Of a client's events with the same key the last delivery is kept, of equal deliveries the one in the later month
    (a mart has one alone), and of these the first one in total order.
    """
    keys = key_names(domain)
    if not keys or events.is_empty():
        return None, 0, 0
    hashed = events.select(summed(pl.col(name).hash(seed=i) for i, name in enumerate(keys)).hash(seed=0)).to_series()
    client = place.astype(np.uint64) << np.uint64(TIME_BITS)
    # Numbers that begin with the client are nearly in order, and so quickly sorted.
    alike = pl.Series(client | (hashed.to_numpy() >> np.uint64(64 - TIME_BITS)))
    ordered = alike.sort().to_numpy()
    met = pl.Series(ordered[1:][ordered[1:] == ordered[:-1]])
    if met.is_empty():
        return None, 0, 0
    doubtful = np.flatnonzero(alike.is_in(met.implode()).to_numpy())  # hashes may be equal by chance
    rank = [*version_names(domain), FILE]
    places = pl.Series(_CLIENT, place[doubtful]), alike[doubtful].alias(_ALIKE), pl.Series(_PLACE, doubtful)
    own = [TIME, *field_names(domain).values()]
    values = mixed(column_hash(name, events.schema[name], seed) for seed, name in enumerate(own))
    month = pl.col(TIME).dt.truncate("1mo").alias(_MONTH)
    found = events[doubtful].select(*keys, *rank, TIME, month, *places, values.alias(_VALUES))
    found = found.sort(*rank, _MONTH, _PLACE, descending=[*(True for _ in rank), True, False], nulls_last=True)
    keyless = pl.any_horizontal(pl.col(name).is_null() for name in keys)
    stays = keyless | pl.struct(_CLIENT, *keys).is_first_distinct()
    # Beside the one that stays, the first of its key; hashes that are alike by chance are too rare to tell in a count.
    away = (pl.col(TIME) - pl.col(TIME).first().over(_ALIKE)).abs() > APART
    differs = pl.col(_VALUES) != pl.col(_VALUES).first().over(_ALIKE)
    same_file = pl.col(FILE) == pl.col(FILE).first().over(_ALIKE)
    clashes = differs & (differs & same_file).any().over(_ALIKE) if domain.version is None else pl.lit(value=False)
    found = found.select(_PLACE, stays.alias(_STAYS), away.alias(_AWAY), clashes.alias(_CLASHES))
    kept = np.ones(len(events), dtype=bool)
    kept[found[_PLACE].to_numpy()] = found[_STAYS].to_numpy()
    lost = found.filter(~pl.col(_STAYS))
    return kept, int((lost[_AWAY] & ~lost[_CLASHES]).sum()), int(lost[_CLASHES].sum())
