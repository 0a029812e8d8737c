import numpy as np
import polars as pl
import pytest

from anna_core.aggregates.columns import aggregate
from anna_core.domains import Domain
from anna_core.guards.rows import client_folds, pick_rows
from anna_core.guards.strength import Outcome, auc_bound, strength
from anna_core.guards.wording import column_in_words
from anna_core.marts.dictionary import Dictionary
from anna_core.samples.drawing import draw_evenly, strata
from anna_core.tasks.task import Task, TaskType
from anna_tests.unit.guards_toy import DOMAIN, NO_CODES, coin, make_sample, make_sequences


@pytest.mark.parametrize(("auc", "positives", "negatives"), [(1.0, 20, 20), (0.99, 30, 3000), (0.6, 500, 500)])
def test_the_bound_is_where_newcombe_s_equation_holds(auc, positives, negatives):
    low = auc_bound(auc, positives, negatives)
    half = (positives + negatives) / 2 - 1
    variance = low * (1 - low) * (1 + half * (1 - low) / (2 - low) + half * low / (1 + low)) / (positives * negatives)
    assert auc - low == pytest.approx(1.96 * variance**0.5, rel=1e-6)


def test_the_bound_lies_below_the_true_value_about_39_times_in_40():
    random, m, n, shift = np.random.default_rng(0), 60, 140, 1.5
    true = 0.85558  # Φ(1.5 / √2)
    below = 0
    for _ in range(1000):
        positives, negatives = random.normal(shift, 1, m), random.normal(0, 1, n)
        below += auc_bound((positives[:, None] > negatives).mean(), m, n) <= true
    assert 960 <= below <= 995


@pytest.mark.parametrize(("each", "blocks"), [(100, False), (170, True)])
def test_how_many_rows_it_takes_to_block(each, blocks):
    assert (2 * auc_bound(1.0, each, each) - 1 >= 0.975) is blocks


def test_noise_tells_nothing_however_many_columns_there_are():
    random, n = np.random.default_rng(0), 400
    noise = pl.DataFrame(random.normal(size=(n, 300)).astype(np.float32))
    found = strength(noise, [Outcome("", coin(n).astype(float))], np.arange(n), np.arange(n) % 3)
    assert abs(found.value) < 0.2


def test_rows_are_drawn_evenly_and_within_the_limits():
    rare = np.arange(1000) < 30
    candidates = np.arange(1000) + 5000
    rows = pick_rows(candidates, rare, np.ones(1000), most_rows=100, most_events=1000)
    assert len(rows) == len(set(rows)) == 100
    assert ((rows - 5000) < 30).sum() == 30
    assert (np.diff(rows) > 0).all()
    assert len(pick_rows(candidates, rare, np.full(1000, 7), most_rows=100, most_events=70)) == 10
    assert (pick_rows(candidates, rare, np.ones(1000), 10_000, 10_000) == candidates).all()


def test_rows_of_several_labels_are_drawn_by_the_rarest_that_they_have():
    target = np.zeros((1000, 3))
    target[:, 1] = 1
    target[::3, 0] = 1
    target[:5, 2] = 1
    stratum = strata(target, Task(name="t", type=TaskType.MULTILABEL, metric="mean_roc_auc"))
    assert [len(set(stratum[:5])), len(set(stratum))] == [1, 3]
    assert target[draw_evenly(stratum, 100), 2].sum() == 5


def test_some_rows_have_the_aggregates_they_had_among_all():
    sequences = make_sequences(make_sample(coin(50)))
    codes = {"kind": np.arange(1, 5), "online": np.array([1, 2])}
    rows = np.array([3, 17, 40])
    assert aggregate(sequences.take(rows), codes).equals(aggregate(sequences, codes)[rows], null_equal=True)


def test_a_client_and_a_group_are_in_one_fold():
    rows = pl.DataFrame({"client_id": [f"c{i % 50}" for i in range(300)]})
    client, fold = client_folds(rows)
    assert (client[:50] == client[50:100]).all()
    assert (fold[:50] == fold[50:100]).all()
    assert set(fold) == {0, 1, 2}
    grouped, folds = client_folds(rows.with_columns(group_id=pl.lit("g")))
    assert len(set(grouped)) == len(set(folds)) == 1


def test_every_aggregate_has_words():
    sequences = make_sequences(make_sample(coin(50)))
    columns = aggregate(sequences).columns
    assert [column for column in columns if column_in_words(column, DOMAIN, NO_CODES) == column] == []
    assert all("{" not in column_in_words(column, DOMAIN, NO_CODES) for column in columns)


def test_words_name_fields_values_and_windows():
    domain = Domain.model_validate(
        {
            "name": "cards",
            "source": {"path": "x"},
            "fields": {"a": "categorical", "a__b": "numeric", "online": "boolean"},
        }
    )
    table = pl.DataFrame({"field": ["a"], "value": ["closed"], "code": [3]}, schema_overrides={"code": pl.UInt32})
    dictionary = Dictionary(domain, table)
    words = {
        "cards__a__3__count": "the number of events whose a is 'closed'",
        "cards__a__3__count_30d": "the number of events whose a is 'closed' in the last 30 days",
        "cards__a__0__share": "the share of events whose a is a value that the dictionary does not know",
        "cards__a__3__a__b__mean": "the mean of a__b over events whose a is 'closed'",
        "cards__a__3__gap_before": "the mean time to an event whose a is 'closed' from the one before it",
        "cards__online__2__then__1": "how often an event whose online is true is followed by one where it is false",
        "cards__a__last_2": "the a of the third-last event",
        "cards__a__b__sum_7d": "the sum of a__b in the last 7 days",
        "cards__online__2__count": "the number of events whose online is true",
        "cards__events_90d__share": "the share of events that lie in the last 90 days",
        "cards__days_since_last_but_1": "the days since the second-last event",
        "cards__novelty": "cards__novelty",
    }
    assert {column: column_in_words(column, domain, dictionary) for column in words} == words
    assert column_in_words("cards__a__3__count", domain, Dictionary(domain)) == "the number of events whose a is code 3"
