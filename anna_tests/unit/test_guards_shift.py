import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from anna_core.guards.shift import _moved, probe_shift
from anna_core.marts.dictionary import Dictionary
from anna_tests.unit.guards_toy import DOMAIN, coin, make_sample, make_sequences, shift_of

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
    before, test = (f"{value:.4g}" for value in (first.before, first.test))
    assert first.told == f"median {before} outside the test and {test} in it"


def test_a_code_that_moved_is_named_with_its_most_frequent_values():
    sample = make_sample(coin(N))
    sequences = make_sequences(sample)
    row = np.repeat(np.arange(N), sequences.length)
    table = pl.DataFrame({"field": ["kind", "kind"], "value": ["RUB", "USD"], "code": [1, 2]})
    dictionary = Dictionary(DOMAIN, table.with_columns(pl.col("code").cast(pl.UInt32)))
    kind = np.where((sample.split == "test")[row], 2, 1).astype(sequences.columns["kind"].dtype)
    moved = probe_shift(replace(sequences, columns={**sequences.columns, "kind": kind}), sample, dictionary).moved
    told = {one.name: one for one in moved}
    last = told["the kind of the last event"]
    assert last.told == "most often 'RUB' outside the test and 'USD' in it"
    assert math.isnan(last.before)


@pytest.mark.parametrize(
    ("before", "test", "told"),
    [
        ([494.0, 12_345.6, 1_234_567.0], [0.12345], "median 12,346 outside the test and 0.1235 in it"),
        ([2.5], [2.5, np.nan], "median 2.5 in both"),
        ([np.nan], [7.0], "median 7 in the test; no other row has it"),
        ([7.0], [np.nan], "median 7 outside the test; no test row has it"),
    ],
)
def test_what_moved_is_told_in_plain_figures(before, test, told):
    column = pl.Series([*before, *test])
    there = np.arange(len(column)) >= len(before)
    assert _moved(column, there, "the amount of the last event").told == told


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
    assert shift.not_probed == (
        "there are 10 clients on the smaller side of the outcome 'in the test or not', and 20 are needed"
    )
    assert math.isnan(shift.auc)
    assert not shift.warns
