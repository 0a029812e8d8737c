import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.models.nets import batch as batch_module
from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.batching import length_batches
from anna_core.sequences.ragged import Sequences
from anna_tests.unit.nets_toy import AS_OF, make_sequences

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=12)
CPU = torch.device("cpu")


def gather(sequences, rows):
    return EventStore(sequences, CPU).gather(np.asarray(rows))


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, data=st.data())
def test_gather_equals_a_loop_over_rows(lengths, data):
    sequences = make_sequences(lengths)
    rows = data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=8))
    rows = np.array(sorted(rows, key=lambda row: -lengths[row]), dtype=np.int64)
    batch = gather(sequences, rows)
    assert batch.lengths.tolist() == [lengths[row] for row in rows]
    assert list(batch.sizes) == [sum(length > step for length in batch.lengths) for step in range(lengths[rows[0]])]
    grid, there = batch.grid
    assert torch.equal(there.sum(dim=1), batch.lengths)
    for place, row in enumerate(rows):
        begin, length = sequences.start[row], lengths[row]
        events = grid[place, :length]
        pairs = [(batch.event_time, sequences.event_time), (batch.numbers["amount"], sequences.columns["amount"])]
        pairs += [(batch.codes[name], sequences.columns[name]) for name in ("kind", "online")]
        for packed, column in pairs:
            np.testing.assert_array_equal(packed[events].numpy(), column[begin : begin + length])
        time = sequences.event_time[begin : begin + length]
        np.testing.assert_array_equal(batch.gap[events].numpy(), np.diff(time, prepend=time[0]))
        assert (batch.row[events] == place).all()
        assert batch.step[events].tolist() == list(range(length))
        assert batch.last[place] == events[-1]


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, dropout=st.floats(0.01, 0.95), seed=st.integers(0, 9))
def test_events_are_left_out_at_random_but_never_the_latest(lengths, dropout, seed):
    lengths = sorted(lengths, reverse=True)
    sequences = make_sequences(lengths, amounts=np.arange(sum(lengths)))
    rows = np.arange(len(lengths))
    batch = EventStore(sequences, CPU).gather(rows, dropout, np.random.default_rng(seed))
    assert batch.held.tolist() == lengths
    assert batch.lengths.tolist() == [math.ceil((1 - dropout) * length) for length in lengths]
    grid, _ = batch.grid
    for place, row in enumerate(rows):
        events = grid[place, : batch.lengths[place]]
        taken = batch.numbers["amount"][events].numpy().astype(np.int64)
        assert (np.diff(taken) > 0).all()
        assert (taken >= sequences.start[row]).all()
        assert taken[-1] == sequences.start[row] + lengths[row] - 1
        time = sequences.event_time[taken]
        np.testing.assert_array_equal(batch.event_time[events].numpy(), time)
        np.testing.assert_array_equal(batch.gap[events].numpy(), np.diff(time, prepend=time[0]))


def test_each_event_is_left_out_as_often_as_any_other_but_the_latest():
    store, rng = EventStore(make_sequences([5], amounts=np.arange(5)), CPU), np.random.default_rng(0)
    taken = [store.gather(np.array([0]), 0.5, rng).numbers["amount"].long() for _ in range(2000)]
    shares = (torch.cat(taken).bincount() / 2000).tolist()
    assert shares == pytest.approx([0.5] * 4 + [1.0], abs=0.05)  # 3 of 5 stay, the latest always


def test_batches_that_travel_are_prepared_ahead_and_in_order(monkeypatch):
    sequences = make_sequences([5, 4, 3, 2, 1])
    rows = [np.array([0, 1]), np.array([2]), np.array([3, 4])]
    monkeypatch.setattr(batch_module, "_fits", lambda sequences, device: False)
    store = EventStore(sequences, torch.device("meta"))
    monkeypatch.setattr(batch_module, "_moved", lambda batch, device: batch)
    for given_rows, batch in zip(rows, store.batches(rows), strict=True):
        np.testing.assert_array_equal(batch.event_time, gather(sequences, given_rows).event_time)
    assert list(store.batches([])) == []
    with pytest.raises(ValueError, match="falling length"):
        list(store.batches([np.array([1, 0])]))


def test_a_batch_wants_the_longest_row_first():
    with pytest.raises(ValueError, match="falling length"):
        gather(make_sequences([2, 5]), [0, 1])
    with pytest.raises(ValueError, match="must have events"):
        gather(make_sequences([2, 0]), [0, 1])


def test_gather_reads_windows_that_overlap_and_memory_maps(tmp_path):
    sequences = make_sequences([6])
    shared = Sequences(
        meta=sequences.meta,
        client_id=sequences.client_id.take([0, 0]),
        as_of=np.full(2, AS_OF),
        start=np.array([0, 2]),
        length=np.array([4, 4], dtype=np.int32),
        event_time=sequences.event_time,
        columns=sequences.columns,
    )
    shared.write(tmp_path)
    batch = gather(Sequences.open(tmp_path), np.array([1, 0]))
    kinds = batch.codes["kind"][batch.grid[0]]
    np.testing.assert_array_equal(kinds[0].numpy(), sequences.columns["kind"][2:6])
    np.testing.assert_array_equal(kinds[1].numpy(), sequences.columns["kind"][0:4])


@pytest.mark.parametrize(
    ("kind", "wide"), [(np.uint8, torch.uint8), (np.uint16, torch.int32), (np.uint32, torch.int64)]
)
def test_the_largest_codes_survive(kind, wide):
    sequences = make_sequences([3])
    largest = np.array([0, 1, np.iinfo(kind).max], dtype=kind)
    codes = gather(dataclasses.replace(sequences, columns={**sequences.columns, "kind": largest}), [0]).codes["kind"]
    assert codes.dtype == wide
    assert codes.tolist() == largest.tolist()


def test_codes_stay_small_until_they_are_looked_up():
    batch = gather(make_sequences([3, 2]), np.array([0, 1]))
    assert batch.codes["online"].dtype == torch.uint8
    assert batch.codes["kind"].dtype == torch.int32
    assert batch.numbers["amount"].dtype == torch.float32


def test_as_of_is_midnight_in_microseconds():
    batch = gather(make_sequences([3]), np.array([0]))
    assert batch.as_of.tolist() == [1_709_251_200_000_000]  # 2024-03-01T00:00


@settings(max_examples=100, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 300), max_size=60),
    batch_rows=st.integers(1, 20),
    batch_events=st.integers(1, 1000),
    seed=st.none() | st.integers(0, 5),
)
def test_every_row_with_events_is_in_one_batch_within_the_budget(lengths, batch_rows, batch_events, seed):
    lengths = np.array(lengths, dtype=np.int32)
    rng = None if seed is None else np.random.default_rng(seed)
    batches = length_batches(lengths, batch_rows, batch_events, rng)
    assert sorted(row for batch in batches for row in batch) == np.flatnonzero(lengths).tolist()
    for batch in batches:
        assert len(batch) <= batch_rows
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= batch_events
        assert (np.diff(lengths[batch]) <= 0).all()


def test_batches_of_like_length_waste_little_and_differ_by_seed():
    lengths = np.random.default_rng(0).geometric(0.01, 5000)
    batches = length_batches(lengths, 128, 16_384, np.random.default_rng(1))
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    assert padded < 1.15 * lengths.sum()
    other = length_batches(lengths, 128, 16_384, np.random.default_rng(2))
    assert {frozenset(batch) for batch in batches} != {frozenset(batch) for batch in other}


@pytest.mark.parametrize("seed", [None, 3])
def test_no_rows_give_no_batches(seed):
    rng = None if seed is None else np.random.default_rng(seed)
    assert length_batches(np.zeros(4, dtype=np.int32), 8, 100, rng) == []


def test_some_rows_of_a_store_are_the_store_of_some_rows():
    sequences, rows = make_sequences([3, 7, 1, 5]), np.array([3, 0])
    ranks = np.arange(4, dtype=np.float16)[:, None]
    some = EventStore(sequences, CPU, ranks).take(rows, ranks[rows]).gather(np.arange(2))
    wanted = EventStore(sequences.take(rows), CPU, ranks[rows]).gather(np.arange(2))
    assert some.event_time.equal(wanted.event_time)
    assert some.as_of.equal(wanted.as_of)
    assert some.aggregates.tolist() == [[3], [0]]
    assert EventStore(sequences, CPU).take(rows, None).gather(np.arange(2)).aggregates.shape == (2, 0)
