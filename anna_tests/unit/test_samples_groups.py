import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.samples.groups import join_groups
from anna_core.samples.splits import client_key

GROUPS = st.sampled_from([None, "g1", "g2", "g3", "g4"])


def rows_of(client, group):
    return pl.DataFrame(
        {"client_id": client, "group_id": group}, schema={"client_id": pl.String, "group_id": pl.String}
    )


def test_rows_without_groups_or_with_one_each_stay_as_they_are():
    plain = pl.DataFrame({"client_id": ["a", "b"]})
    assert join_groups(plain) == (plain, 0)
    rows = rows_of(["a", "a", "b", "c"], ["g1", "g1", "g1", None])
    joined, torn = join_groups(rows)
    assert torn == 0
    assert joined.equals(rows)


def test_a_client_who_moves_joins_two_households():
    rows = rows_of(["a", "a", "b", "c", "d", "e"], ["g1", "g2", "g2", "g1", "g3", None])
    joined, torn = join_groups(rows)
    assert torn == 1
    assert joined["group_id"].to_list() == ["g1", "g1", "g1", "g1", "g3", None]
    assert joined["client_id"].to_list() == rows["client_id"].to_list()


def test_a_client_whose_group_is_known_at_some_rows_only_stays_in_it():
    joined, torn = join_groups(rows_of(["a", "a", "b"], ["g1", None, "g1"]))
    assert torn == 1
    assert client_key(joined).n_unique() == 1


def test_numbers_of_clients_are_not_those_of_groups():
    joined, torn = join_groups(rows_of(["5", "7", "8", "9", "9"], [None, "5", "5", None, "6"]))
    assert torn == 1
    assert joined["group_id"].to_list() == [None, "5", "5", "6", "6"]
    assert client_key(joined).to_list() == ["client 5", "5", "5", "6", "6"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), GROUPS), min_size=1, max_size=40))
def test_all_that_a_client_or_a_group_holds_has_one_key_and_no_more_is_joined(drawn):
    rows = rows_of([f"c{client}" for client, _ in drawn], [group for _, group in drawn])
    key = client_key(join_groups(rows)[0]).to_list()
    parts = [{f"c{client}"} | ({group} if group else set()) for client, group in drawn]
    for _ in parts:  # the slow way: parts that overlap grow together
        parts = [set().union(*(other for other in parts if other & part)) for part in parts]
    for i, one in enumerate(parts):
        assert [key[i] == other for other in key] == [bool(one & part) for part in parts]
