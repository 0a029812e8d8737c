from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anna_core.errors import KeyNameError
from anna_core.keys import SampleKey, check_domain, check_key, check_task, parse_sample_key, sample_key

# Mostly characters of keys, so that many examples are accepted; the rest tries to break out of a folder or a key.
ALMOST_KEYS = st.text(alphabet="ab9A._-" * 4 + "/\\|~ \n\x00:,*[]é", max_size=12)


@given(ALMOST_KEYS)
def test_an_accepted_key_is_one_path_part_and_a_dagster_key(key):
    try:
        check_key(key)
    except KeyNameError:
        return
    root = Path("/storage/sample")
    assert (root / key).resolve() == root / key
    assert (root / key).parent == root
    dg.StaticPartitionsDefinition([key])  # raises for what Dagster refuses
    both = dg.MultiPartitionKey({"sample": key, "month": "2024-03-01"})
    assert both.keys_by_dimension == {"sample": key, "month": "2024-03-01"}


@pytest.mark.parametrize("key", ["", ".", "..", "a..b", "a.", "a.lock", "a b", "a/b", "a\n", "é", "a|b", "a" * 101])
def test_an_unsafe_key_is_refused(key):
    with pytest.raises(KeyNameError, match=r"cannot name a sample: use Latin letters, digits, .*, 1 to 100"):
        check_key(key)


@pytest.mark.parametrize("key", ["a", "2024-03-01", "churn.2024q1", "A_b-c.d", "a.lock.b", "lock", "x" * 100])
def test_a_usable_key_is_returned(key):
    assert check_key(key) == key


@given(st.text("aZ9_-", min_size=1, max_size=60), st.text("aZ9._-", min_size=1, max_size=39))
def test_a_sample_key_reads_back_as_its_parts(task, sample):
    try:
        key = sample_key(task, sample)
    except KeyNameError:
        return
    assert str(key) == f"{task}.{sample}"
    assert parse_sample_key(str(key)) == key == SampleKey(task, sample)


def test_the_sample_may_hold_dots_and_the_task_none():
    assert parse_sample_key("churn.2024.q1") == ("churn", "2024.q1")
    with pytest.raises(KeyNameError, match="cannot name a task"):
        sample_key("churn.2024", "q1")


@pytest.mark.parametrize("key", ["churn", "churn.", ".2024", "", "a b.c"])
def test_what_is_no_sample_key_is_refused(key):
    with pytest.raises(KeyNameError):
        parse_sample_key(key)


@pytest.mark.parametrize("sample", ["task", ".hidden", "_writing"])
def test_a_sample_that_the_inbox_would_not_take_is_refused(sample):
    with pytest.raises(KeyNameError, match="cannot name a sample"):
        sample_key("churn", sample)


def test_task_and_sample_together_fit_into_a_hundred_characters():
    assert len(str(sample_key("t" * 60, "s" * 39))) == 100
    with pytest.raises(KeyNameError, match="1 to 100"):
        sample_key("t" * 60, "s" * 40)


@pytest.mark.parametrize("task", ["", "a.b", "a b", "t" * 61, "задача", "a\n"])
def test_an_unusable_task_is_refused(task):
    with pytest.raises(KeyNameError, match="no dot, no space"):
        check_task(task)


@pytest.mark.parametrize("name", ["", "Cards", "1cards", "card-s", "card.s", "c" * 42, "cards\n"])
def test_an_unusable_domain_name_is_refused(name):
    with pytest.raises(KeyNameError, match="begin with a lower-case Latin letter"):
        check_domain(name)


def test_a_domain_is_not_called_as_the_trees_are():
    with pytest.raises(KeyNameError, match="ANNA calls its trees so"):
        check_domain("boosting")
    assert check_domain("boostings") == "boostings"
