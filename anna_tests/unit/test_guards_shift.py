import math
from dataclasses import replace

import numpy as np

from anna_tests.unit.guards_toy import coin, make_sample, make_sequences, shift_of

N = 2000


def test_rows_that_are_alike_do_not_warn():
    sample = make_sample(coin(N))
    shift = shift_of(make_sequences(sample), sample)
    assert shift.rows == N
    assert 0.45 < shift.auc < 0.55
    assert not shift.warns


def test_what_moved_is_named_with_its_medians():
    sample = make_sample(coin(N))
    sequences = make_sequences(sample)
    row = np.repeat(np.arange(N), sequences.length)
    amount = np.where((sample.split == "test")[row], sequences.columns["amount"] * 4, sequences.columns["amount"])
    shift = shift_of(replace(sequences, columns={**sequences.columns, "amount": amount}), sample)
    assert shift.warns
    assert shift.low < shift.auc
    first = shift.moved[0]
    assert "amount" in first.name
    assert first.auc > 0.8
    assert first.test > 2 * first.before


def test_later_rows_with_longer_histories_are_told_by_their_spans():
    split = np.where(np.arange(N) < N // 2, "train", "test")
    sample = make_sample(coin(N), split=split)
    length = np.where(split == "test", 20, 6)
    shift = shift_of(make_sequences(sample, length=length), sample)
    assert shift.warns
    assert shift.moved[0].name == "the number of events"
    assert (shift.moved[0].before, shift.moved[0].test) == (6, 20)


def test_a_small_test_is_not_probed():
    sample = make_sample(coin(N), split=np.where(np.arange(N) < 10, "test", "train"))
    shift = shift_of(make_sequences(sample), sample)
    assert shift.not_probed == "10 clients on the smaller side of the outcome being a test row, 20 needed"
    assert math.isnan(shift.auc)
    assert not shift.warns
