import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.nets.batch import gather
from anna_core.nets.batching import length_batches
from anna_core.sequences.ragged import Sequences
from anna_tests.unit.nets_toy import AS_OF, make_sequences

LENGTHS = st.lists(st.integers(0, 12), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(lengths=LENGTHS, data=st.data())
def test_gather_equals_a_loop_over_rows(lengths, data):
    sequences = make_sequences(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=8)), dtype=np.int64)
    batch = gather(sequences, rows)
    assert batch.lengths.tolist() == [lengths[row] for row in rows]
    for place, row in enumerate(rows):
        begin, length = sequences.start[row], lengths[row]
        pairs = [(batch.event_time, sequences.event_time), (batch.numbers["amount"], sequences.columns["amount"])]
        pairs += [(batch.codes[name], sequences.columns[name]) for name in ("kind", "online")]
        for padded, column in pairs:
            np.testing.assert_array_equal(padded[place, :length].numpy(), column[begin : begin + length])
            assert not padded[place, length:].any()
    assert torch.equal(batch.mask.sum(dim=1), batch.lengths)


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
    np.testing.assert_array_equal(batch.codes["kind"][0].numpy(), sequences.columns["kind"][2:6])
    np.testing.assert_array_equal(batch.codes["kind"][1].numpy(), sequences.columns["kind"][0:4])


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
