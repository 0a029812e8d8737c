from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from anna_core.errors import TaskError
from anna_core.guards.leakage import Verdict, history_of, probe_as_of
from anna_core.tasks.task import TaskType, parse_request
from anna_tests.unit.guards_toy import DOMAIN, coin, make_sample, make_sequences, probe, with_last

N = 800
HISTORY = history_of(DOMAIN)


def verdicts(probes):
    return {finding.subject: finding.verdict for finding in probes.findings}


def harmless_but(**others):
    every = {HISTORY: "harmless", **{f"cards.{field}": "harmless" for field in DOMAIN.fields}}
    return every | {f"cards.{field}": verdict for field, verdict in others.items()}


@pytest.mark.parametrize(
    ("field", "values", "told_by"),
    [
        ("amount", lambda y: 1e4 + y, "amount"),
        ("kind", lambda y: 2 * np.random.default_rng(0).integers(1, 19, N) + y, "the kind of the last event"),
        ("online", lambda y: np.where(y, 2, 1), "the online of the last event"),
    ],
)
def test_a_field_of_any_kind_that_gives_the_target_away_is_named(field, values, told_by):
    y = coin(N)
    sample = make_sample(y)
    probes = probe(with_last(make_sequences(sample), field, values(y)), sample)
    assert verdicts(probes) == harmless_but(**{field: "leak"})
    first = probes.findings[0]
    assert first.strength.measure == "Gini"
    assert first.strength.value > 0.99
    assert told_by in first.told_by
    assert probes.rows == N * 4 // 5


def test_a_thousand_codes_of_a_few_rows_each_give_the_target_away():
    y = coin(6000)
    sample = make_sample(y)
    codes = np.random.default_rng(0).integers(0, 500, len(y)) * 2 + y
    sequences = make_sequences(sample)
    wide = replace(sequences, columns={**sequences.columns, "kind": sequences.columns["kind"].astype(np.uint16)})
    assert verdicts(probe(with_last(wide, "kind", 1 + codes), sample)) == harmless_but(kind="leak")


def test_a_rare_outcome_among_many_rows_is_found():
    y = coin(40_000, share=0.005)  # 160 outside the test: they are drawn before the others
    sample = make_sample(y)
    sequences = make_sequences(sample, length=np.full(len(y), 2))
    probes = probe(with_last(sequences, "amount", np.where(y, 1e4, 5)), sample)
    assert probes.rows == 20_000
    assert verdicts(probes)["cards.amount"] == "leak"


def test_a_class_a_label_or_an_amount_that_is_given_away_is_named():
    random = np.random.default_rng(3)
    classes = random.integers(0, 3, 1500)
    sample = make_sample(np.array(["a", "b", "c"])[classes], kind=TaskType.MULTICLASS)
    [leak] = probe(with_last(make_sequences(sample), "kind", 1 + (classes == 1)), sample).of(Verdict.LEAK)
    assert (leak.subject, leak.strength.outcome) == ("cards.kind", "b")

    labels = np.stack([coin(N, seed=4), coin(N, seed=5)], axis=1)
    sample = make_sample(labels, kind=TaskType.MULTILABEL)
    [leak] = probe(with_last(make_sequences(sample), "amount", 1e4 + labels[:, 1]), sample).of(Verdict.LEAK)
    assert (leak.subject, leak.strength.outcome) == ("cards.amount", "target_b")

    amounts = random.lognormal(0, 3, N)
    sample = make_sample(amounts, kind=TaskType.REGRESSION)
    sequences = with_last(make_sequences(sample), "amount", 1e-3 + 1e-3 * np.log(amounts))
    [leak] = probe(sequences, sample).of(Verdict.LEAK)
    assert (leak.subject, leak.strength.measure) == ("cards.amount", "rank correlation")


@pytest.mark.parametrize("kind", [TaskType.BINARY, TaskType.REGRESSION])
def test_honest_data_pass(kind):
    y = coin(N) if kind is TaskType.BINARY else np.random.default_rng(0).lognormal(0, 2, N)
    sample = make_sample(y, kind=kind)
    strong = (y > np.median(y) if kind is TaskType.REGRESSION else y) + np.random.default_rng(2).normal(0, 0.6, N)
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + strong), sample)
    assert verdicts(probes) == harmless_but()
    assert 0.4 < probes.findings[0].strength.value < 0.85
    assert probes.findings[0].subject == "cards.amount"


def test_what_tells_almost_all_is_suspicious_but_does_not_block():
    y = coin(3000)
    sample = make_sample(y)
    wrong = coin(len(y), share=0.03, seed=9)
    probes = probe(with_last(make_sequences(sample), "online", 1 + (y ^ wrong)), sample)
    assert verdicts(probes) == harmless_but(online="suspicious")


@pytest.mark.parametrize(
    ("y", "clients", "reason"),
    [
        (coin(120), None, "there are 96 rows, and 100 are needed"),
        (np.arange(1000) < 20, None, "there are 16 clients on the smaller side of the outcome, and 20 are needed"),
        (np.arange(1000) % 31 < 15, np.arange(1000) % 31, "15 clients on the smaller side"),
    ],
    ids=["few rows", "few positives", "few clients"],
)
def test_of_a_tiny_sample_nothing_is_said(y, clients, reason):
    y = np.asarray(y).astype(int)
    sample = make_sample(y, clients=clients, as_of=np.datetime64("2020-01-01") + np.arange(len(y)))
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + y), sample)
    assert probes.findings == ()
    assert reason in probes.not_probed


def test_a_small_sample_does_not_block_however_well_a_field_tells_it():
    y = coin(200)
    sample = make_sample(y)
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + y), sample)
    assert probes.findings[0].strength.value > 0.95
    assert verdicts(probes)["cards.amount"] == "suspicious"


def test_many_rows_of_few_clients_do_not_block():
    clients = np.arange(4000) // 50
    y = clients % 2
    sample = make_sample(y, clients=clients, as_of=np.datetime64("2020-01-01") + np.arange(4000))
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + y), sample)
    assert probes.findings[0].strength.value > 0.99
    assert verdicts(probes)["cards.amount"] == "suspicious"


def test_a_field_that_the_task_allows_passes():
    y = coin(N)
    sample = make_sample(y, allow=("cards.amount", "loans.kind"))
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + y), sample)
    assert verdicts(probes) == harmless_but(amount="allowed")


def test_what_a_task_allows_is_a_field_of_a_domain():
    assert parse_request({"guards": {"allow": ["cards.amount"]}}, "x").guards.allow == ("cards.amount",)
    with pytest.raises(TaskError, match=r"guards\.allow"):
        parse_request({"guards": {"allow": ["amount"]}}, "x")


def test_histories_that_give_the_target_away_warn_and_no_field_is_blamed():
    y = coin(N)
    sample = make_sample(y)
    sequences = make_sequences(sample, length=np.where(y, 12, 3))
    probes = probe(sequences, sample)
    assert verdicts(probes) == harmless_but() | {HISTORY: "suspicious"}
    assert probes.findings[0].told_by == "the number of events"
    leaking = with_last(sequences, "kind", np.where(y, 7, 8))
    assert verdicts(probe(leaking, sample)) == harmless_but(kind="leak") | {HISTORY: "suspicious"}


def test_recency_that_gives_the_target_away_warns():
    y = coin(N)
    sample = make_sample(y)
    sequences = make_sequences(sample)
    row = np.repeat(np.arange(N), sequences.length)
    earlier = sequences.event_time - y[row] * 250 * 86_400_000_000
    probes = probe(replace(sequences, event_time=earlier), sample)
    assert verdicts(probes) == harmless_but() | {HISTORY: "suspicious"}


def test_test_rows_are_not_looked_at():
    y = coin(N)
    sample = make_sample(y)
    test = sample.split == "test"
    honest = make_sequences(sample)
    last = honest.columns["amount"][honest.start + honest.length - 1]
    planted = with_last(honest, "amount", np.where(test, 1e4 + y, last))
    assert probe(planted, sample) == probe(honest, sample)


def test_a_domain_without_events_says_so_and_a_constant_field_is_harmless():
    sample = make_sample(coin(N))
    empty = make_sequences(sample, length=np.zeros(N))
    assert probe(empty, sample).not_probed == "no row has events"
    sequences = make_sequences(sample)
    constant = {name: np.ones_like(column) for name, column in sequences.columns.items()}
    missing = constant | {"amount": np.full_like(constant["amount"], np.nan)}
    for columns in (constant, missing):
        assert verdicts(probe(replace(sequences, columns=columns), sample)) == harmless_but()


def test_a_date_that_gives_the_target_away_warns():
    random, y = np.random.default_rng(0), coin(1000)
    months = np.datetime64("2023-01", "M") + random.integers(0, 12, 1000)
    honest = make_sample(y, as_of=months.astype("datetime64[D]"))
    assert verdicts(probe_as_of(honest)) == {"as_of": "harmless"}
    day = np.where(y, random.integers(1, 28, 1000), 0)  # the outcome's own day, or the month's first
    probes = probe_as_of(make_sample(y, as_of=months.astype("datetime64[D]") + day))
    assert verdicts(probes) == {"as_of": "suspicious"}
    assert probes.findings[0].told_by == "the day of the month"
    after = np.where(y, np.datetime64("2024-02-01"), np.datetime64("2024-01-01"))
    assert verdicts(probe_as_of(make_sample(y, as_of=after))) == {"as_of": "suspicious"}


def test_one_date_or_few_rows_are_not_probed():
    assert probe_as_of(make_sample(coin(N))).not_probed == "all rows have one date"
    dates = np.datetime64("2024-01-01") + np.arange(50)
    assert probe_as_of(make_sample(coin(50), as_of=dates)).not_probed == "there are 40 rows, and 100 are needed"


def test_clients_of_one_group_count_as_one():
    y = (np.arange(N) % 31 < 15).astype(int)
    sample = make_sample(y)
    grouped = sample.rows.with_columns(group_id=pl.Series([f"g{i % 31}" for i in range(N)]))
    probes = probe(with_last(make_sequences(sample), "amount", 1e4 + y), replace(sample, rows=grouped))
    assert "15 clients on the smaller side" in probes.not_probed
