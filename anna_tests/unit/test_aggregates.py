import datetime as dt
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from anna_core.aggregates.columns import aggregate, top_codes
from anna_core.aggregates.events import RowEvents, spans
from anna_core.domains import Domain
from anna_core.sequences.ragged import Sequences, SequencesMeta

DAY = 86_400_000_000


def make_sequences(rows=30, events=400, seed=0):
    """Rows at two dates whose windows overlap in the events table; some are empty, some numbers missing."""
    draws = np.random.default_rng(seed)
    as_of = np.where(np.arange(rows) % 2, np.datetime64("2024-03-01"), np.datetime64("2024-02-01"))
    limit = as_of.astype("datetime64[us]").astype(np.int64)
    time = np.sort(draws.integers(0, 120 * DAY, events)) + np.datetime64("2023-10-01", "us").astype(np.int64)
    start = draws.integers(0, events // 2, rows)
    length = np.where(np.arange(rows) % 5 == 0, 0, draws.integers(1, events // 2, rows))
    length = np.minimum(length, np.searchsorted(time, limit) - start).clip(0).astype(np.int32)
    amount = draws.normal(0, 100, events).astype(np.float32)
    amount[draws.random(events) < 0.1] = np.nan
    domain = Domain(
        name="cards",
        source={"path": "cards"},
        fields={"mcc": "categorical", "amount": "numeric", "online": "boolean"},
        lookback=dt.timedelta(days=365),
    )
    return Sequences(
        meta=SequencesMeta(domain=domain, cardinalities={"mcc": 12, "online": 3}, data_version="test"),
        client_id=pa.array([f"c{i}" for i in range(rows)]),
        as_of=as_of,
        start=start,
        length=length,
        event_time=time,
        columns={
            "mcc": draws.integers(0, 12, events).astype(np.uint8),
            "amount": amount,
            "online": draws.integers(0, 3, events).astype(np.uint8),
        },
    )


def naive(sequences, i, frequent):
    """The same aggregates of one row, one event at a time; `frequent` are the codes of mcc that have pairs."""
    events = range(int(sequences.start[i]), int(sequences.start[i] + sequences.length[i]))
    limit = sequences.as_of[i].astype("datetime64[us]").astype(np.int64)
    age = [(limit - sequences.event_time[e]) / DAY for e in events]
    mcc = [int(sequences.columns["mcc"][e]) for e in events]
    amounts = [float(sequences.columns["amount"][e]) for e in events]
    known = [a for a in amounts if not np.isnan(a)]
    coded = [a for a, m in zip(amounts, mcc, strict=True) if m == 3 and not np.isnan(a)]
    week = [a for a, days in zip(amounts, age, strict=True) if days <= 7 and not np.isnan(a)]
    gap = [np.log1p((older - newer) * 24 * 60) for older, newer in pairwise(age)]
    before = [g for g, m in zip(gap, mcc[1:], strict=True) if m == 3]
    after = [g for g, m in zip(gap, mcc, strict=False) if m == 3]
    late_before = [g for g, m, days in zip(gap, mcc[1:], age[1:], strict=True) if m == 3 and days <= 90]
    late_after = [g for g, m, days in zip(gap, mcc, age, strict=False) if m == 3 and days <= 90]
    first = frequent[0]
    followers = [newer for older, newer in pairwise(mcc) if older == first]
    nan = float("nan")
    return {
        "cards__events": len(age),
        "cards__days_since_last": age[-1] if age else nan,
        "cards__days_since_first": age[0] if age else nan,
        "cards__span_days": age[0] - age[-1] if age else nan,
        "cards__active_days": len({sequences.event_time[e] // DAY for e in events}),
        "cards__days_since_last_but_1": age[-2] if len(age) > 1 else nan,
        "cards__events_30d": sum(days <= 30 for days in age),
        "cards__mcc__distinct": len(set(mcc)),
        "cards__mcc__last": mcc[-1] if mcc else nan,
        "cards__mcc__3__count": mcc.count(3),
        "cards__mcc__3__share": mcc.count(3) / len(mcc) if mcc else nan,
        "cards__mcc__3__count_90d": sum(m == 3 and days <= 90 for m, days in zip(mcc, age, strict=True)),
        "cards__mcc__3__gap_before": np.mean(before) if before else nan,
        "cards__mcc__3__gap_after": np.mean(after) if after else nan,
        "cards__mcc__3__gap_change": np.mean(after) - np.mean(before) if before and after else nan,
        "cards__mcc__3__gap_change_90d": np.mean(late_after) - np.mean(late_before)
        if late_after and late_before
        else nan,
        **{
            f"cards__mcc__{first}__then__{other}": followers.count(other) / len(followers) if followers else nan
            for other in frequent
        },
        "cards__mcc__3__amount__sum": sum(coded),
        "cards__mcc__3__amount__mean": np.mean(coded) if coded else nan,
        "cards__online__1__count": sum(int(sequences.columns["online"][e]) == 1 for e in events),
        "cards__amount__missing": len(amounts) - len(known),
        "cards__amount__sum": sum(known),
        "cards__amount__sum_positive": sum(a for a in known if a > 0),
        "cards__amount__mean": np.mean(known) if known else nan,
        "cards__amount__std": np.std(known) if known else nan,
        "cards__amount__min": min(known) if known else nan,
        "cards__amount__max": max(known) if known else nan,
        "cards__amount__first": amounts[0] if amounts else nan,
        "cards__amount__last": amounts[-1] if amounts else nan,
        "cards__amount__sum_7d": sum(week),
        "cards__amount__mean_7d": np.mean(week) if week else nan,
        "cards__amount__max_7d": max(week) if week else nan,
    }


def test_aggregates_equal_a_loop_over_events():
    sequences = make_sequences()
    codes = top_codes(sequences)
    features, frequent = aggregate(sequences, codes), codes["mcc"][:8].tolist()
    assert f"cards__mcc__{frequent[-1]}__then__{frequent[0]}" in features.columns
    assert f"cards__mcc__{codes['mcc'][8]}__then__{frequent[0]}" not in features.columns
    for i in range(len(sequences)):
        expected = naive(sequences, i, frequent)
        assert set(expected) <= set(features.columns)
        assert features.row(i, named=True) | expected == pytest.approx(
            features.row(i, named=True), rel=1e-4, abs=1e-3, nan_ok=True
        )


def test_order_tells_what_counts_do_not():
    """Two rows with the same events, one in the order of the other turned around within each pair."""
    sequences = make_sequences(rows=2, events=200)
    time = sequences.event_time[0] + np.repeat(np.arange(50), 2) * DAY + np.tile([0, 3_600_000_000], 50)
    kinds = np.concatenate([np.tile([1, 2], 50), np.tile([2, 1], 50)]).astype(np.uint8)
    columns = {"mcc": kinds, "amount": np.ones(200, np.float32), "online": np.ones(200, np.uint8)}
    two = replace(
        sequences,
        as_of=np.array(["2024-03-01"] * 2, dtype="datetime64[D]"),
        start=np.array([0, 100]),
        length=np.array([100, 100], dtype=np.int32),
        event_time=np.tile(time, 2),
        columns=columns,
    )
    plain = aggregate(two, order=False)
    same = [name for name in plain.columns if "last" not in name]
    assert plain[same][0].equals(plain[same][1], null_equal=True)
    told = aggregate(two)
    assert told["cards__mcc__1__gap_change"].to_list() == pytest.approx(
        [np.log1p(60) - np.log1p(23 * 60), np.log1p(23 * 60) - np.log1p(60)], abs=0.01
    )


def test_blocks_and_threads_change_nothing(monkeypatch):
    sequences = make_sequences()
    codes = top_codes(sequences)
    whole = aggregate(sequences, codes)
    for events in (1, 100):
        ends = list(spans(sequences, events))
        assert [first for first, _ in ends] == [0, *(end for _, end in ends[:-1])]
        assert ends[-1][1] == len(sequences)
        assert len(ends) > 3
        monkeypatch.setattr("anna_core.aggregates.columns.spans", partial(spans, events=events))
        for threads in (1, 3):
            assert aggregate(sequences, codes, threads).equals(whole, null_equal=True)


def test_a_row_sees_only_its_own_events():
    sequences = make_sequences()
    codes = top_codes(sequences)
    before = aggregate(sequences, codes)
    first, last = int(sequences.start[1]), int(sequences.start[1] + sequences.length[1])
    outside = np.ones(len(sequences.event_time), dtype=bool)
    outside[first:last] = False
    for name in ("mcc", "online"):
        sequences.columns[name][outside] = 0
    sequences.columns["amount"][outside] = 1e6
    sequences.event_time[outside] = 0
    assert before[1].equals(aggregate(sequences, codes)[1], null_equal=True)


def test_top_codes_count_the_rows_asked_for():
    sequences = make_sequences()
    rows = np.zeros(len(sequences), dtype=bool)
    rows[1] = True
    seen = sequences.columns["mcc"][sequences.start[1] : sequences.start[1] + sequences.length[1]]
    codes = top_codes(sequences, rows)["mcc"]
    assert set(codes) == set(seen)
    counts = [int((seen == code).sum()) for code in codes]
    assert counts == sorted(counts, reverse=True)


def test_no_rows_and_no_events_have_the_same_columns():
    sequences = make_sequences()
    codes = top_codes(sequences)
    nothing = RowEvents.gather(sequences, 0, 0)
    assert nothing.n == 0
    empty = Sequences(
        sequences.meta,
        sequences.client_id,
        sequences.as_of,
        sequences.start * 0,
        sequences.length * 0,
        sequences.event_time[:0],
        {name: column[:0] for name, column in sequences.columns.items()},
    )
    features = aggregate(empty, codes)
    assert features.columns == aggregate(sequences, codes).columns
    assert features["cards__events"].sum() == 0
    assert features["cards__days_since_last"].is_nan().all()
    assert aggregate(empty).height == len(empty)
