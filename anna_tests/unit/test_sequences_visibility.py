"""Point in time: whatever events, dates, lags and lookbacks, a row sees what is in its window, and nothing else."""

import datetime as dt
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import polars as pl
from hypothesis import event, given, settings
from hypothesis import strategies as st

from anna_core import storage
from anna_core.domains import Domain
from anna_core.marts import output
from anna_core.months import month_of, next_month
from anna_core.sequences.cut import bisect, cut
from anna_core.sequences.ragged import Sequences, SequencesMeta
from anna_core.sequences.visibility import outside_window, visible_window
from anna_tests.unit.conftest import MARCH, Bank, events_frame

MICROSECOND, MINUTE, DAY = dt.timedelta(microseconds=1), dt.timedelta(minutes=1), dt.timedelta(days=1)
FIRST_DAY, LAST_DAY = dt.date(2024, 2, 26), dt.date(2024, 4, 4)  # as_of dates around two month's ends
CLIENTS = ["ann", "bob", "клиент 3"]


class Event(NamedTuple):
    client: str
    time: dt.datetime
    kind: str | None
    online: bool | None
    amount: float | None


class Case(NamedTuple):
    events: list[Event]
    rows: list[tuple[str, dt.date]]
    settings: dict


def midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time())


@st.composite
def cases(draw) -> Case:
    """Rows, and events at the edges of the rows' windows, a microsecond beside them, and anywhere."""
    lag = draw(st.sampled_from([0, 1, 60, 13 * 60, 1440, 1441, 10 * 1440])) * MINUTE
    lookback = lag + draw(st.sampled_from([60, 90, 1440, 7 * 1440, 45 * 1440])) * MINUTE
    day = st.dates(FIRST_DAY, LAST_DAY)
    rows = draw(st.lists(st.tuples(st.sampled_from(CLIENTS), day), min_size=1, max_size=8))
    owner = st.sampled_from([*rows, *((client, LAST_DAY) for client in CLIENTS)])
    edge = st.sampled_from([lookback, lag, (lookback + lag) / 2])
    near = st.integers(-1, 1).map(lambda nudge: nudge * MICROSECOND)
    far = st.integers(-3 * 1440, 3 * 1440).map(lambda minutes: minutes * MINUTE)
    place = st.builds(
        lambda row, edge, nudge: (row[0], midnight(row[1]) - edge + nudge), owner, edge, near | near | far
    )
    one = st.builds(
        lambda place, kind, online, amount: Event(*place, kind, online, amount),
        place,
        st.sampled_from(["x", "y", "z", None]),
        st.sampled_from([True, False, None]),
        st.sampled_from([1.0, -2.5, 0.1, None]),
    )
    longest = draw(st.sampled_from([1, 2, 3, 512]))
    events = draw(st.lists(one, max_size=20))
    if draw(st.booleans()):
        rows.insert(draw(st.integers(0, len(rows))), ("unknown", draw(day)))
    return Case(
        events,
        rows,
        {"availability_lag": lag, "lookback": lookback, "max_length": longest},
    )


def naive(case: Case, codes: dict[str, int], client: str, as_of: dt.date) -> list[tuple]:
    """What the row may see, straight from the definition."""
    lag, lookback, longest = (case.settings[name] for name in ("availability_lag", "lookback", "max_length"))
    seen = [
        (e.time, codes[e.kind or "<missing>"], 0 if e.online is None else 1 + e.online, e.amount)
        for e in case.events
        if e.client == client and midnight(as_of) - lookback <= e.time and e.time + lag < midnight(as_of)
    ]
    seen.sort(key=lambda e: (e[0], e[1], e[2], -np.inf if e[3] is None else e[3]))
    return [(*rest, None if amount is None else float(np.float32(amount))) for *rest, amount in seen[-longest:]]


def contents(sequences) -> list[list[tuple]]:
    """Events of each row as (time, codes, number)."""
    epoch = dt.datetime(1970, 1, 1)
    found = []
    for start, length in zip(sequences.start, sequences.length, strict=True):
        span = slice(start, start + length)
        times = [epoch + dt.timedelta(microseconds=int(time)) for time in sequences.event_time[span]]
        kind, online, amount = (sequences.columns[name][span].tolist() for name in ("kind", "online", "amount"))
        found.append([(*e, None if np.isnan(a) else a) for *e, a in zip(times, kind, online, amount, strict=True)])
    return found


def rows_frame(rows: list[tuple[str, dt.date]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"client_id": pl.String, "as_of": pl.Date}, orient="row")


@settings(max_examples=60)
@given(cases(), st.sampled_from([1, 2, 3]), st.sampled_from([1, 1000]))
def test_a_row_sees_every_event_inside_its_window_and_none_outside(case, row_group, memory):
    """In one range of clients, and in as many as little memory and small row groups make."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(storage, "flush"),  # fsync takes most of the time
        mock.patch.object(output, "ROW_GROUP", row_group),
    ):
        bank = Bank(Path(folder), **case.settings)
        bank.put(events_frame(case.events))
        for month in sorted({month_of(e.time) for e in case.events}):
            bank.build(month)
        made, history = bank.sequences(rows_frame(case.rows)), bank.history()
        little, little_history = bank.sequences(rows_frame(case.rows), memory), bank.history(memory=memory)
        codes = dict(bank.dictionary.table.select("value", "code").iter_rows())

    assert contents(made) == [naive(case, codes, client, as_of) for client, as_of in case.rows]
    assert contents(little) == contents(made)
    assert contents(little_history) == contents(history)
    assert little.meta == made.meta
    assert little_history.meta == history.meta
    assert made.client_id.to_pylist() == [client for client, _ in case.rows]
    assert made.as_of.astype(object).tolist() == [as_of for _, as_of in case.rows]
    assert outside_window(made) == 0
    event(f"events seen: {'none' if not made.length.any() else 'some'}")

    everyone = {client: naive(case, codes, client, next_month(MARCH)) for client in sorted(CLIENTS)}
    expected = {client: seen for client, seen in everyone.items() if seen}
    assert dict(zip(history.client_id.to_pylist(), contents(history), strict=True)) == expected
    assert set(history.as_of.tolist()) <= {next_month(MARCH)}


DOMAIN = Domain.model_validate({"name": "d", "source": {"path": "x"}, "fields": {"amount": "numeric"}})


def cut_out(domain: Domain, events: pl.DataFrame, rows: pl.DataFrame) -> Sequences:
    """What rows see of events sorted by client and time, without marts."""
    clients = events["client_id"].unique().sort()
    low, high = (clients.search_sorted(rows["client_id"], side).to_numpy() for side in ("left", "right"))
    bounds = np.concatenate([[0], np.cumsum([events["client_id"].eq(client).sum() for client in clients])])
    time, as_of = events["event_time"].to_physical().to_numpy(), rows["as_of"].to_numpy()
    seen = cut(time, bounds[low].astype(np.int64), bounds[high].astype(np.int64), as_of, domain)
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities={}, data_version=""),
        client_id=rows["client_id"].to_arrow(),
        as_of=as_of,
        start=seen.start,
        length=seen.length,
        event_time=time[seen.kept],
        columns={"amount": events["amount"].to_numpy()[seen.kept]},
    )


@settings(max_examples=200)
@given(cases())
def test_windows_are_cut_right_out_of_sorted_events(case):
    """The same rule on the core alone, where many more cases fit; `amount` numbers the events."""
    domain = DOMAIN.model_copy(update=case.settings)
    ordered = sorted(case.events, key=lambda e: (e.client, e.time))
    events = pl.DataFrame(
        {
            "client_id": pl.Series([e.client for e in ordered], dtype=pl.String),
            "event_time": pl.Series([e.time for e in ordered], dtype=pl.Datetime("us")),
            "amount": pl.Series(range(len(ordered)), dtype=pl.Float32),
        }
    )
    rows = rows_frame(case.rows)
    made = cut_out(domain, events, rows)
    for i, (client, as_of) in enumerate(case.rows):
        inside = [
            n
            for n, e in enumerate(ordered)
            if e.client == client and midnight(as_of) - domain.lookback <= e.time
            and e.time + domain.availability_lag < midnight(as_of)
        ]  # fmt: skip
        span = slice(made.start[i], made.start[i] + made.length[i])
        assert made.columns["amount"][span].tolist() == inside[-domain.max_length :]
    used = {n for s, k in zip(made.start, made.length, strict=True) for n in range(s, s + k)}
    assert used == set(range(len(made.event_time)))  # an event that no row sees is not kept


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=6).map(sorted), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 10)), max_size=8),
)
def test_bisect_finds_the_first_value_not_below_the_bound(spans, searches):
    values = np.array([value for span in spans for value in span], dtype=np.int64)
    ends = np.cumsum([len(span) for span in spans])
    which = np.array([n % len(spans) for n, _ in searches], dtype=np.int64)
    bound = np.array([bound for _, bound in searches], dtype=np.int64)
    low = (ends - [len(span) for span in spans])[which]
    found = bisect(values, low, ends[which], bound)
    expected = [int(np.searchsorted(spans[n], b)) for n, b in zip(which, bound, strict=True)]
    assert (found - low).tolist() == expected


def test_the_window_is_half_open_in_microseconds():
    domain = DOMAIN.model_copy(update={"lookback": 2 * DAY, "availability_lag": MINUTE})
    first, end = visible_window(np.array(["2024-03-01"], dtype="datetime64[D]"), domain)
    day = int((dt.datetime(2024, 2, 28) - dt.datetime(1970, 1, 1)) / MICROSECOND)
    assert first.tolist() == [day]
    assert end.tolist() == [day + 2 * 86_400_000_000 - 60_000_000]


def planted(times: list[dt.datetime]):
    events = events_frame([Event("a", time, "x", True, 1.0) for time in times])
    domain = DOMAIN.model_copy(update={"lookback": 10 * DAY, "availability_lag": DAY})
    rows = rows_frame([("a", dt.date(2024, 3, 11)), ("nobody", dt.date(2024, 3, 11))])
    return cut_out(domain, events, rows)


def test_a_planted_violation_is_caught():
    good = planted([dt.datetime(2024, 3, 1), dt.datetime(2024, 3, 10) - MICROSECOND])
    assert good.length.tolist() == [2, 0]
    assert outside_window(good) == 0
    for place, nudge in ((0, -1), (1, 1)):
        time = good.event_time.copy()
        time[place] += nudge
        assert outside_window(replace(good, event_time=time)) == 1
    late = replace(good, as_of=good.as_of + 1)  # the first event is now too old
    assert outside_window(late) == 1
    early = replace(good, as_of=good.as_of - 1)  # the last is now in the lag
    assert outside_window(early) == 1
