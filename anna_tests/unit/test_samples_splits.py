import datetime as dt
import hashlib
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.columns.shares import percent
from anna_core.errors import SampleError
from anna_core.samples.splits import assign_folds, assign_splits, client_buckets, refuse_empty_parts
from anna_core.tasks.task import SplitSpec

JUNE = dt.date(2024, 6, 1)


def rows_of(clients: list, as_of: dt.date | list = JUNE, **columns) -> pl.DataFrame:
    dates = as_of if isinstance(as_of, list) else [as_of] * len(clients)
    schema = {"client_id": pl.String, "as_of": pl.Date, "group_id": pl.String, "split": pl.String}
    data = {"client_id": [str(c) for c in clients], "as_of": dates, **columns}
    return pl.DataFrame(data, schema={name: schema[name] for name in data})


def is_test(key: str, seed: int = 0) -> bool:
    """The protocol of the benchmarks, word for word."""
    return int(hashlib.md5(f"{seed}:{key}".encode()).hexdigest()[:8], 16) % 100 < 20


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_the_client_split_follows_the_benchmarks_protocol(seed):
    rows = rows_of([f"клиент {i}" for i in range(500)])
    split, how = assign_splits(rows, SplitSpec(seed=seed), None)
    assert (split == "test").tolist() == [is_test(client, seed) for client in rows["client_id"]]
    tested, validated = (int((split == name).sum()) for name in ("test", "valid"))
    assert how == (
        f"By client: {tested} of 500 clients ({percent(tested / 500)} of the rows) are held out; {validated} of the "
        f"other {500 - tested} clients ({percent(validated / 500)} of the rows) validate."
    )
    assert 0.16 < (split == "test").mean() < 0.24
    assert 0.12 < (split == "valid").mean() < 0.20


def test_known_keys_have_known_buckets():
    keys = pl.Series(["1", "2", "42", "1"])
    assert client_buckets(keys, 0).tolist() == [28, 0, 38, 28]


def test_the_group_stands_for_the_client_where_there_is_one():
    rows = rows_of(range(200), group_id=[f"g{i // 4}" if i < 100 else None for i in range(200)])
    split, _ = assign_splits(rows, SplitSpec(), None)
    keys = [f"g{i // 4}" if i < 100 else str(i) for i in range(200)]
    assert (split == "test").tolist() == [is_test(key) for key in keys]
    for first in range(0, 100, 4):
        assert len(set(split[first : first + 4])) == 1


KEYS = st.integers(0, 30)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(KEYS, st.integers(0, 5), st.sampled_from([None, "g1", "g2", "g3"])), min_size=1, max_size=60),
    st.integers(0, 3),
    st.sampled_from(["auto", "client"]),
    st.booleans(),
)
def test_validation_rows_never_belong_to_training_clients(drawn, seed, test, grouped):
    clients = [c for c, _, _ in drawn]
    group_of = {c: g for c, _, g in drawn}  # a client has one group
    columns = {"group_id": [group_of[c] for c in clients]} if grouped else {}
    rows = rows_of(clients, [dt.date(2024, 1 + m, 1) for _, m, _ in drawn], **columns)
    split, _ = assign_splits(rows, SplitSpec(test=test, seed=seed), None)
    keys = np.array([(group_of[c] if grouped else None) or str(c) for c in clients])
    assert set(split) <= {"train", "valid", "test"}
    assert not set(keys[split == "train"]) & set(keys[split == "valid"])
    if test == "client":
        assert not set(keys[split == "test"]) & set(keys[split != "test"])


def months(*counts: int) -> list[dt.date]:
    return [dt.date(2024, 1 + month, 1) for month, count in enumerate(counts) for _ in range(count)]


@pytest.mark.parametrize(
    ("counts", "held_out"),
    [
        ((80, 20), 20),  # the latest date holds a fifth
        ((70, 15, 15), 30),  # one date is too few, two are enough
        ((50, 50), 50),  # half is still taken
        ((40, 60), None),  # more than half: too little would be left
        ((100,), None),  # one date only
        ((1, 99), None),
    ],
)
def test_out_of_time_is_taken_where_the_dates_allow_it(counts, held_out):
    dates = months(*counts)
    split, how = assign_splits(rows_of(range(100), dates), SplitSpec(), None)
    if held_out is None:
        assert how.startswith("By client: ")
        return
    first = sorted(dates)[-held_out]
    assert how.startswith(f"Out of time: rows as of {first} and later ({held_out}%) are held out; ")
    assert (split == "test").tolist() == [date >= first for date in dates]
    assert set(split[:-held_out]) == {"train", "valid"}


def test_a_tail_of_less_than_a_tenth_is_not_taken_by_default():
    rows = rows_of(range(100), months(94, 6))
    assert assign_splits(rows, SplitSpec(test_share=0.05), None)[1].startswith("By client: ")
    split, how = assign_splits(rows, SplitSpec(test_share=0.05, test="out_of_time"), None)
    assert how.startswith("Out of time: ")
    assert (split == "test").sum() == 6


def test_the_user_decides_between_time_and_clients():
    dates = months(40, 60)
    by_time, _ = assign_splits(rows_of(range(100), dates), SplitSpec(test="out_of_time"), None)
    assert (by_time == "test").sum() == 60
    by_client, how = assign_splits(rows_of(range(100), months(80, 20)), SplitSpec(test="client"), None)
    assert how.startswith("By client")
    assert (by_client == "test").tolist() == [is_test(str(i)) for i in range(100)]


def test_out_of_time_needs_two_dates():
    with pytest.raises(
        SampleError, match=r"leave no row to train on. Bring earlier dates, or say `split: {test: client}`"
    ):
        assign_splits(rows_of(range(5)), SplitSpec(test="out_of_time"), None)


def test_the_samples_own_split_wins():
    own = ["train", " Valid", "TEST", "test"] * 5
    split, how = assign_splits(rows_of(range(20), split=own), SplitSpec(), None)
    assert split.tolist() == ["train", "valid", "test", "test"] * 5
    assert how == "The sample's own split column is used."


def test_validation_rows_are_taken_from_training_where_the_split_has_none():
    own = ["train", "train", "train", "test"] * 50
    split, how = assign_splits(rows_of(range(200), split=own), SplitSpec(), None)
    assert (split == "test").tolist() == [value == "test" for value in own]
    assert 0.1 < (split == "valid").mean() < 0.2
    counted = rf"; {(split == 'valid').sum()} of the other 150 clients \(\d+% of the rows\) validate\.$"
    assert re.search(counted, how)


def test_other_values_of_the_split_are_told():
    with pytest.raises(SampleError, match=r"found \['\(empty\)', 'dev'\]; every row must say train, valid or test"):
        assign_splits(rows_of(range(3), split=["train", "dev", None]), SplitSpec(), None)


def test_every_fitted_row_is_in_one_fold_and_clients_stay_together():
    rows = rows_of([i // 2 for i in range(2000)])
    split, _ = assign_splits(rows, SplitSpec(), None)
    fold = assign_folds(rows, split, 5, 0, None)
    assert (fold[split == "test"] == -1).all()
    assert (fold[split == "valid"] == 0).all()
    assert set(fold[split == "train"]) == {1, 2, 3, 4}
    assert (fold.reshape(-1, 2)[:, 0] == fold.reshape(-1, 2)[:, 1]).all()
    shares = np.bincount(fold[split == "train"])[1:] / (split == "train").sum()
    assert shares == pytest.approx([0.25] * 4, abs=0.06)


def test_validation_rows_of_the_user_are_the_only_ones_judged():
    split = ["train"] * 6 + ["valid"] * 2 + ["test"] * 2
    rows = rows_of(list(range(10)), split=split)
    assert assign_folds(rows, np.array(split), 5, 0, None).tolist() == [-1] * 6 + [0] * 2 + [-1] * 2
    taken = rows_of(list(range(100)), split=["train"] * 80 + ["test"] * 20)
    ours, _ = assign_splits(taken, SplitSpec(), None)
    assert assign_folds(taken, ours, 5, 0, None).max() == 4  # ANNA chose these validation rows


def test_one_fold_is_the_validation_rows():
    rows = rows_of(list(range(500)))
    split, _ = assign_splits(rows, SplitSpec(), None)
    assert (assign_folds(rows, split, 1, 0, None) == np.where(split == "valid", 0, -1)).all()


RARE = st.integers(5, 40)


@settings(max_examples=40)
@given(RARE, st.integers(0, 5), st.sampled_from([1, 3]))
def test_clients_of_a_rare_outcome_are_divided_evenly(rare, seed, months_each):
    clients = [i for i in range(2_000) for _ in range(months_each)]
    rows = rows_of(clients, [dt.date(2024, 1 + m, 1) for _ in range(2_000) for m in range(months_each)])
    outcomes = np.array([[i < rare, i >= rare] for i in clients])
    split, _ = assign_splits(rows, SplitSpec(seed=seed, test="client"), outcomes)
    fold = assign_folds(rows, split, 5, seed, outcomes)
    is_rare, last = outcomes[:, 0], rows["as_of"] == rows["as_of"][0]
    held = is_rare & last.to_numpy()
    tested = int(((split == "test") & held).sum())
    validated = int(((split == "valid") & held).sum())
    assert abs(tested - 0.2 * rare) <= 1
    assert abs(validated - 0.2 * (rare - tested)) <= 1
    assert min(tested, validated) >= 1
    counts = np.bincount(fold[held & (split == "train")], minlength=5)[1:]
    assert counts.max() - counts.min() <= 1
    common, _ = assign_splits(rows, SplitSpec(seed=seed, test="client"), None)
    assert (common == split)[~is_rare].all()  # others stay where their hashes put them
    for part in np.array(clients)[is_rare].reshape(-1, months_each):
        assert len(set(split[np.isin(clients, part[:1])])) == 1


def test_the_rarest_of_a_clients_outcomes_decides():
    clients = list(range(60))
    both = np.array([[i % 2 == 0, i < 10] for i in clients])
    split, _ = assign_splits(rows_of(clients), SplitSpec(), both)
    assert (split[:10] == "test").sum() == 2


@pytest.mark.parametrize("rest", [["test"] * 3, ["valid"] * 3, ["valid", "test", "test"]])
def test_a_split_of_ones_own_has_rows_to_train_on(rest):
    with pytest.raises(SampleError, match=r"no row says train; leave the column out"):
        assign_splits(rows_of(range(3), split=rest), SplitSpec(), None)


def test_a_split_with_validation_rows_of_training_clients_says_so():
    rows = rows_of([1, 1, 2, 3, 3, 4], split=["train", "valid", "train", "train", "valid", "test"])
    _, how = assign_splits(rows, SplitSpec(), None)
    assert how.endswith("clients with rows in both train and valid: 2, so validation flatters.")


def test_a_split_with_test_rows_of_training_clients_says_so():
    rows = rows_of([1, 1, 2, 3, 3, 4], split=["train", "test", "train", "train", "test", "valid"])
    _, how = assign_splits(rows, SplitSpec(), None)
    assert how == (
        "The sample's own split column is used; clients with rows in both train and test: 2, so the test flatters."
    )


def test_a_group_that_holds_more_than_the_test_share_is_told_with_what_came_of_it():
    rows = rows_of(range(200), group_id=["none known" if i % 10 else f"g{i}" for i in range(200)])
    split, how = assign_splits(rows, SplitSpec(), None)
    held_out = int((split == "test").sum())
    assert held_out < 20
    assert how.startswith(f"By client: {held_out} of 21 groups ({percent(held_out / 200)} of the rows) are held out; ")
    assert how.endswith(
        "Group 'none known' has 180 of 200 rows, which stay together, so the parts cannot have their shares; where "
        "this group means that none is known, leave group_id empty."
    )


def test_a_group_disturbs_no_test_that_is_out_of_time():
    rows = rows_of(range(200), months(160, 40), group_id=["none known" if i % 10 else f"g{i}" for i in range(200)])
    split, how = assign_splits(rows, SplitSpec(), None)
    validated = percent((split == "valid").mean())
    assert how.startswith("Out of time: rows as of 2024-02-01 and later (20%) are held out; ")
    assert how.endswith(f" of the other 17 groups ({validated} of the rows) validate.")


@pytest.mark.parametrize(
    ("grouped", "divided", "what"),
    [(400, 200, "groups"), (300, 250, "clients and groups"), (0, 400, "clients")],
)
def test_what_is_counted_is_named(grouped, divided, what):
    """Households of two among 400 clients: those that have one are divided by it."""
    rows = rows_of(range(400), group_id=[f"h{i // 2}" if i < grouped else None for i in range(400)])
    split, how = assign_splits(rows, SplitSpec(), None)
    key = np.array([f"h{i // 2}" if i < grouped else str(i) for i in range(400)])
    tested, validated = (len(set(key[split == part])) for part in ("test", "valid"))
    assert f": {tested} of {divided} {what} (" in how
    assert f"; {validated} of the other {divided - tested} {what} (" in how


@pytest.mark.parametrize(
    ("train", "valid", "test", "told"),
    [
        (1, 2, 3, ""),
        (1, 1, 2, "; clients with rows in both train and valid: 2, so validation flatters"),
        (1, 2, 2, "; clients with rows in both train and test: 1, so the test flatters"),
        (
            2,
            3,
            1,
            "; clients with rows in both train and test: 1, so the test flatters; all test rows, up to 2024-01-01, are "
            "earlier than all rows to train on, so models know what came after: hold out the latest instead",
        ),
    ],
)
def test_a_split_of_ones_own_that_is_out_of_time_flatters_nobody(train, valid, test, told):
    """Its clients are in several parts by design, if each part's dates are later than those of all before it."""
    parts = {"train": train, "valid": valid, "test": test}
    clients = [1, 2, 3, 1, 2, 1]
    split = ["train"] * 3 + ["valid"] * 2 + ["test"]
    rows = rows_of(clients, [dt.date(2024, parts[part], 1) for part in split], split=split)
    assert assign_splits(rows, SplitSpec(), None)[1] == f"The sample's own split column is used{told}."


def test_a_test_of_ones_own_that_is_out_of_time_flatters_nobody_where_anna_picks_who_validates():
    rows = rows_of([*range(50), *range(50)], months(50, 50), split=["train"] * 50 + ["test"] * 50)
    assert assign_splits(rows, SplitSpec(), None)[1].endswith(" validate.")


def test_a_group_of_a_usual_size_is_not_told():
    rows = rows_of(range(200), group_id=[f"g{i // 40}" for i in range(200)])
    assert assign_splits(rows, SplitSpec(), None)[1].endswith(" validate.")


@pytest.mark.parametrize(
    ("split", "missing"), [(["train", "test"], "valid"), (["train"], "valid and no test"), (["train", "valid"], "test")]
)
def test_a_part_without_rows_is_refused(split, missing):
    with pytest.raises(SampleError, match=f"^q1.csv: the sample has no {missing} rows. All are one client. Bring"):
        refuse_empty_parts(np.array(split), "q1.csv: ", "All are one client.")
