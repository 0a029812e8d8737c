import dataclasses
import datetime as dt
import math
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.models.nets.batch import EventStore
from anna_core.models.nets.code_embedding import embedding_width
from anna_core.models.nets.input_stats import measure_inputs
from anna_core.models.nets.inputs import EventInputs, signed_log
from anna_core.models.nets.numbers import Periodic, Piecewise
from anna_core.models.nets.time_features import (
    Granularity,
    calendar,
    day_of_month,
    granularity_of,
    log_age,
    log_gap,
)
from anna_core.models.nets.vocabulary import slots
from anna_core.tasks.net import NetSpec, NumbersName
from anna_tests.unit.nets_toy import AS_OF, make_sequences


def gather(sequences, rows):
    return EventStore(sequences, torch.device("cpu")).gather(rows)


def test_embedding_width_follows_the_rule_and_its_cap():
    assert [embedding_width(n, widest=32) for n in (1, 3, 10, 100, 100_000)] == [2, 3, 6, 22, 32]


def test_signed_log_keeps_the_sign():
    values = torch.tensor([-(math.e - 1), 0.0, math.e - 1])
    torch.testing.assert_close(signed_log(values), torch.tensor([-1.0, 0.0, 1.0]))


@settings(max_examples=200, deadline=None)
@given(st.dates())
def test_day_of_month_is_that_of_the_calendar(date):
    days = (np.datetime64(date) - np.datetime64("1970-01-01")).astype(np.int64)
    assert day_of_month(np.array([days])).tolist() == [date.day]


def _batch(times):
    """One row with these event times, as of 2024-03-01."""
    micro = np.array(times, dtype="datetime64[us]").astype(np.int64)
    return gather(dataclasses.replace(make_sequences([len(times)]), event_time=micro), np.array([0]))


def test_time_features_have_expected_values():
    assert np.datetime64("2024-03-01") == AS_OF
    batch = _batch(["2024-02-28T12:00", "2024-02-29T06:00"])  # a Wednesday and a Thursday
    torch.testing.assert_close(log_age(batch), torch.log1p(torch.tensor([36.0, 18.0])))
    torch.testing.assert_close(log_gap(batch), torch.log1p(torch.tensor([0.0, 18 * 60.0])))
    waves = calendar(batch, Granularity.HOUR)
    week = 2 * math.pi * torch.tensor([2.0, 3.0]) / 7
    torch.testing.assert_close(waves[:, 0], torch.sin(week))
    month = 2 * math.pi * torch.tensor([27.0, 28.0]) / 31
    torch.testing.assert_close(waves[:, 2], torch.sin(month))
    torch.testing.assert_close(waves[:, 4], torch.tensor([0.0, 1.0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2024-01-05T10:00", "2024-01-06T00:00"], Granularity.HOUR),
        (["2024-01-05", "2024-01-06"], Granularity.DAY),
        (["2024-01-31", "2024-02-01", "2024-02-29"], Granularity.MONTH),
    ],
)
def test_calendar_goes_no_finer_than_the_time_stamps(times, expected):
    batch = _batch(times)
    assert granularity_of(batch.event_time) is expected
    assert calendar(batch, expected).shape == (len(times), {"hour": 6, "day": 4, "month": 0}[expected])


@settings(max_examples=100)
@given(date=st.dates(dt.date(1600, 1, 1), dt.date(2600, 12, 31)))
def test_days_of_any_century_have_their_waves(date):
    [found] = calendar(_batch([date.isoformat()]), Granularity.DAY)
    angles = 2 * math.pi * torch.tensor([date.weekday() / 7, (date.day - 1) / 31])
    wanted = torch.stack([torch.sin(angles), torch.cos(angles)], dim=1).flatten()
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


def test_statistics_come_from_the_given_rows_only():
    amounts = np.concatenate([np.full(10, 1.0), np.full(5, 1e6)])
    stats = measure_inputs(make_sequences([4, 6, 5], amounts=amounts), np.array([0, 1]), 0, NetSpec())
    assert stats.numbers["amount"].spread.mean == pytest.approx(math.log(2))
    assert stats.numbers["amount"].spread.std == 1.0  # what does not vary standardises to 0
    assert not stats.numbers["amount"].has_missing
    assert not stats.numbers["amount"].has_zero
    assert stats.length.mean == pytest.approx((math.log(5) + math.log(7)) / 2)


def test_numbers_are_standardised_and_missing_ones_told():
    amounts = np.array([0.0, np.nan, 3.0, -3.0, 0.0, 5.0])
    sequences = make_sequences([3, 3], amounts=amounts)
    inputs = EventInputs(measure_inputs(sequences, np.array([0, 1]), 0, NetSpec()), NetSpec()).eval()
    batch = gather(sequences, np.array([0, 1]))
    in_order = batch.grid[0].flatten()
    number, missing, zero = (column[in_order] for column in inputs._number("amount", batch.numbers["amount"]))
    logs = signed_log(torch.tensor([0.0, 3.0, -3.0, 0.0, 5.0]))
    expected = (logs - logs.mean()) / logs.std(correction=0)
    torch.testing.assert_close(number, torch.cat([expected[:1], torch.zeros(1), expected[1:]]))
    assert missing.tolist() == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert zero.tolist() == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def test_codes_from_after_training_are_unknown():
    known = make_sequences([5], kinds=[0, 0, 2, 0, 1])
    later = make_sequences([5], kinds=[6, 65_535, 2, 99, 1])
    inputs = EventInputs(measure_inputs(known, np.array([0]), 0, NetSpec()), NetSpec()).eval()
    rows = np.array([0])
    torch.testing.assert_close(inputs(gather(known, rows)), inputs(gather(later, rows)), rtol=0, atol=0)


def test_unknown_is_trained_by_random_replacement():
    sequences = make_sequences([3000], kinds=np.full(3000, 3))
    inputs = EventInputs(measure_inputs(sequences, np.array([0]), 0, NetSpec()), NetSpec())
    torch.manual_seed(0)
    inputs(gather(sequences, np.array([0]))).square().sum().backward()
    assert inputs.embeddings["field_kind"].weight.grad[0].abs().sum() > 0
    inputs.zero_grad()
    inputs.eval()(gather(sequences, np.array([0]))).square().sum().backward()
    assert inputs.embeddings["field_kind"].weight.grad[0].abs().sum() == 0


@pytest.mark.parametrize("numbers", get_args(NumbersName))
def test_width_is_as_said(numbers):
    sequences = make_sequences([5, 2])
    inputs = EventInputs(measure_inputs(sequences, np.array([0, 1]), 0, NetSpec()), NetSpec(numbers=numbers)).eval()
    events = inputs(gather(sequences, np.array([0, 1])))
    assert events.shape == (7, inputs.width)
    assert torch.isfinite(events).all()


@pytest.mark.parametrize("numbers", ["periodic", "piecewise"])
def test_encodings_stand_beside_what_there_was(numbers):
    sequences = make_sequences([50, 20])
    stats = measure_inputs(sequences, np.array([0, 1]), 0, NetSpec())
    plain, encoded = (EventInputs(stats, NetSpec(numbers=name)).eval() for name in ("log", numbers))
    assert encoded.width == plain.width + {"periodic": 8, "piecewise": 16}[numbers]
    batch = gather(sequences, np.array([0, 1]))
    columns = 2 + 2 + 6  # the number and missing; gap and age; calendar
    torch.testing.assert_close(encoded(batch)[:, -columns:], plain(batch)[:, -columns:])


def test_quantiles_are_those_of_training_events():
    amounts = np.concatenate([np.expm1(np.arange(17.0)), np.full(5, 1e30)])
    number = measure_inputs(make_sequences([17, 5], amounts=amounts), np.array([0]), 0, NetSpec()).numbers["amount"]
    assert number.quantiles == pytest.approx((np.arange(17) - 8) / np.arange(17).std(), abs=1e-5)


def test_equal_quantiles_are_one():
    amounts = np.concatenate([np.zeros(90), np.arange(1, 11)])
    number = measure_inputs(make_sequences([100], amounts=amounts), np.array([0]), 0, NetSpec()).numbers["amount"]
    assert len(number.quantiles) == 3  # 0, the one between the last two sixteenths, and the largest
    assert measure_inputs(make_sequences([9], amounts=np.full(9, 5.0)), np.array([0]), 0, NetSpec()).numbers[
        "amount"
    ].quantiles == (0.0,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=17))
def test_piecewise_encoding_rises_through_bin_after_bin(quantiles):
    encoding = Piecewise(tuple(sorted(quantiles)))
    edges, values = encoding.edges, torch.linspace(-9, 9, 500)
    encoded = encoding(values)
    assert encoded.shape == (500, encoding.width)
    assert ((encoded >= 0) & (encoded <= 1)).all()
    assert (encoded.diff(dim=0) >= 0).all()
    # Continuous: at an edge one bin is full and the next is empty; and the encoding tells the value within the edges.
    at_edges = encoding(edges)
    torch.testing.assert_close(at_edges, torch.ones(len(edges), encoding.width).tril(-1)[:, : encoding.width])
    if encoding.width:
        told = edges[0] + (encoded * edges.diff()).sum(1)
        torch.testing.assert_close(told, values.clamp(edges[0], edges[-1]), atol=1e-4, rtol=0)


def test_periodic_encoding_is_waves_mixed_and_cut():
    torch.manual_seed(0)
    encoding, values = Periodic(), torch.linspace(-3, 3, 7)
    angles = 2 * math.pi * values[:, None] * encoding.frequencies
    wanted = encoding.mix(torch.cat([angles.sin(), angles.cos()], dim=1)).clamp(min=0)
    torch.testing.assert_close(encoding(values), wanted)
    encoding(values).sum().backward()
    assert encoding.frequencies.grad.abs().sum() > 0


def test_rare_codes_of_a_large_dictionary_share_vectors():
    rng = np.random.default_rng(0)
    kinds = np.minimum(rng.zipf(1.3, 5000), 60_000)
    sequences = make_sequences([5000], kinds=kinds, cardinality=60_001)
    spec = NetSpec(vocabulary=100, code_width=8)
    stats = measure_inputs(sequences, np.array([0]), 0, spec)
    inputs = EventInputs(stats, spec)
    embedding = inputs.embeddings["field_kind"]
    assert embedding.weight.shape == (100, 8)
    counts = np.bincount(kinds)
    assert counts[list(stats.frequent["kind"])].min() >= np.sort(counts)[-74]
    assert embedding.slots[list(stats.frequent["kind"])].tolist() == list(range(1, 75))
    assert "online" not in stats.frequent
    events = inputs.eval()(gather(sequences, np.array([0])))
    assert events.shape == (5000, inputs.width)
    later = dataclasses.replace(sequences, columns={**sequences.columns, "kind": np.full(5000, 65_535, np.uint16)})
    torch.testing.assert_close(inputs(gather(later, np.array([0])))[:, :8], embedding.weight[:1].expand(5000, 8))


def test_hash_spreads_a_hundred_thousand_codes_evenly():
    found = slots(100_000, (7, 99_999), 10_000)
    assert found[0] == 0
    assert found[[7, 99_999]].tolist() == [1, 2]
    shared = np.bincount(np.delete(found, [0, 7, 99_999]), minlength=10_000)
    assert shared[:7500].sum() == 0
    assert shared[7500:].min() >= 30  # 40 each on average
    assert shared.max() <= 50
    assert len(shared) == 10_000
