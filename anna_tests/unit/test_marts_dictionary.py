import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anna_core.domains import Domain
from anna_core.errors import ArtifactError
from anna_core.marts.counting import Counts
from anna_core.marts.dictionary import Dictionary, extend_dictionary, read_dictionary
from anna_core.marts.footer import read_footer
from anna_core.marts.mart import mart_path
from anna_resources.artifacts.events import StoredDictionary
from anna_tests.unit.conftest import MARCH, Bank, events_frame

DOMAIN = Domain.model_validate(
    {"name": "d", "source": {"path": "x"}, "fields": {"a": "categorical", "b": "categorical", "flag": "boolean"}}
)
SCHEMA = {"field": pl.String, "value": pl.String, "count": pl.UInt32}


def counted(rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").unique(["field", "value"], keep="first", maintain_order=True)


def codes(dictionary: Dictionary) -> dict[tuple[str, str], int]:
    return {(field, value): code for field, value, code in dictionary.table.iter_rows()}


BATCH = st.lists(st.tuples(st.sampled_from("ab"), st.text("xyzж ", max_size=2), st.integers(1, 5)), max_size=8)


@settings(max_examples=80, deadline=None)
@given(st.lists(BATCH, max_size=6))
def test_codes_never_change_have_no_gaps_and_never_are_zero(batches):
    dictionary, seen = Dictionary(DOMAIN), set()
    for batch in batches:
        before = codes(dictionary)
        dictionary = dictionary.extended([counted(batch)])
        after = codes(dictionary)
        seen |= {(field, value) for field, value, _ in batch}
        assert before.items() <= after.items()
        assert after.keys() == seen
        for field in "ab":
            given_ = sorted(code for (name, _), code in after.items() if name == field)
            assert given_ == list(range(1, len(given_) + 1))
        assert len(dictionary.table) == len(after)
        assert dictionary.cardinalities == {f: 1 + sum(k[0] == f for k in after) for f in "ab"} | {"flag": 3}


def test_new_values_come_by_count_then_by_name():
    dictionary = Dictionary(DOMAIN).extended([counted([("a", "rare", 1), ("a", "often", 9), ("a", "also rare", 1)])])
    assert codes(dictionary) == {("a", "often"): 1, ("a", "also rare"): 2, ("a", "rare"): 3}
    dictionary = dictionary.extended([counted([("a", "most", 99), ("a", "rare", 99)])])
    assert codes(dictionary)["a", "most"] == 4


def test_nothing_new_leaves_the_dictionary_as_it_is(tmp_path):
    first = extend_dictionary(DOMAIN, tmp_path, [counted([("a", "x", 1)])])
    written = (tmp_path / "dictionary.parquet").stat().st_mtime_ns
    again = extend_dictionary(DOMAIN, tmp_path, [counted([("a", "x", 5)]), counted([])])
    assert (tmp_path / "dictionary.parquet").stat().st_mtime_ns == written
    assert codes(again) == codes(first)


def test_counts_of_several_frames_are_joined(tmp_path):
    counts = [counted([("a", "x", 2), ("a", "y", 3)]), counted([("a", "x", 2)])]
    dictionary = extend_dictionary(DOMAIN, tmp_path, counts)
    assert codes(dictionary) == {("a", "x"): 1, ("a", "y"): 2}
    assert codes(read_dictionary(DOMAIN, tmp_path)) == codes(dictionary)


def test_the_version_tells_the_number_of_values():
    dictionary = Dictionary(DOMAIN).extended([counted([("a", "x", 2), ("a", "y", 3), ("b", "x", 1)])])
    assert dictionary.version == "a:2-b:1"
    assert Dictionary(DOMAIN).version == "a:0-b:0"


def test_a_folder_without_a_dictionary_has_an_empty_one(tmp_path):
    dictionary = read_dictionary(DOMAIN, tmp_path / "none")
    assert dictionary.cardinalities == {"a": 1, "b": 1, "flag": 3}
    assert dictionary.codes_of("a", pl.Series(["x"])).tolist() == [0]


def capped(most: int) -> Domain:
    return DOMAIN.model_copy(update={"max_categories": most})


def test_a_field_that_is_full_shares_codes_and_stays_so():
    dictionary = Dictionary(capped(20)).extended(
        [counted([("a", f"v{i:02}", 99 - i) for i in range(23)] + [("b", "x", 1)])]
    )
    assert dictionary.cardinalities == {"a": 1 + 20 + 2, "b": 2, "flag": 3}
    assert dictionary.shared == {"a": range(21, 23)}
    values = pl.Series([f"v{i:02}" for i in range(25)])
    before = dictionary.codes_of("a", values)
    assert before[:20].tolist() == list(range(1, 21))  # the most frequent have their own
    assert set(before[20:]) == {21, 22}
    wider = Dictionary(capped(1000), dictionary.table).extended([counted([("a", f"v{i:02}", 1) for i in range(25)])])
    assert wider.codes_of("a", values).tolist() == before.tolist()
    assert wider.table.equals(dictionary.table)


def test_shared_codes_are_the_same_in_every_release():
    dictionary = Dictionary(capped(30)).extended([counted([("a", str(i), 1) for i in range(31)])])
    rare = pl.Series(["магазин", "a shop", ""])
    assert dictionary.codes_of("a", rare).tolist() == [32, 31, 31]
    assert dictionary.codes_of("b", rare).tolist() == [0, 0, 0]


@settings(max_examples=80, deadline=None)
@given(st.lists(BATCH, max_size=6), st.integers(1, 6), st.integers(1, 6))
def test_a_code_once_given_never_changes_whatever_the_cap(batches, most, later):
    dictionary, given_ = Dictionary(capped(most)), {}
    for place, batch in enumerate(batches):
        if place == len(batches) // 2:
            dictionary = Dictionary(capped(later), dictionary.table)
        dictionary = dictionary.extended([counted(batch)])
        for field in "ab":
            values = sorted({value for name, value, _ in batch if name == field})
            for value, code in zip(values, dictionary.codes_of(field, pl.Series(values, dtype=pl.String)), strict=True):
                assert 0 < code < dictionary.cardinalities[field]
                assert given_.setdefault((field, value), code) == code
        for field in "ab":
            known = dictionary.table.filter(field=field)["code"].to_list()
            assert known == list(range(1, len(known) + 1))
            own = len(known) - len(dictionary.shared.get(field, ()))
            assert own <= max(most, later)


@pytest.mark.parametrize("memory", [1, 2000, 10**9])
def test_counting_within_little_memory_gives_the_same_codes(tmp_path, memory):
    counts = Counts(tmp_path, memory)
    rows = [("ab"[i % 2], f"v{i * 7919 % 400}", i % 5 + 1) for i in range(1000)]
    for start in range(0, 1000, 90):
        counts.add(counted(rows[start : start + 90]))
    dictionary = Dictionary(capped(150)).extended(counts.parts())
    total: dict[tuple[str, str], int] = {}
    for start in range(0, 1000, 90):
        for field, value, count in counted(rows[start : start + 90]).iter_rows():
            total[field, value] = total.get((field, value), 0) + count
    for field in "ab":
        ranked = sorted((-count, value) for (name, value), count in total.items() if name == field)
        assert dictionary.table.filter(field=field)["value"].to_list()[:150] == [value for _, value in ranked[:150]]


@pytest.mark.parametrize("memory", [1, 20_000, 10**9])
def test_each_value_lies_in_one_part_with_all_its_counts(tmp_path, memory):
    counts, total = Counts(tmp_path, memory), dict[tuple[str, str], int]()
    for size in (10, 300, 20, 1, 500):  # those that are larger than the memory are written at once
        batch = [("ab"[i % 2], f"v{i}", size) for i in range(size)]
        counts.add(counted(batch))
        for field, value, count in batch:
            total[field, value] = total.get((field, value), 0) + count
    parts = [{(field, value): count for field, value, count in part.iter_rows()} for part in counts.parts()]
    assert sum(map(len, parts)) == len(total)
    assert {key: count for part in parts for key, count in part.items()} == total
    assert (len(parts) > 1) == (memory < 10**9)


EXTEND = """
import sys
from pathlib import Path
from pathlib import Path
import polars as pl
from anna_core.domains import Domain
from anna_core.marts.dictionary import extend_dictionary
me, domain = int(sys.argv[2]), Domain.model_validate_json(sys.argv[3])
schema = {"field": pl.String, "value": pl.String, "count": pl.UInt32}
for i in range(5):
    rows = [("a", f"own {me} {i}", 1), ("a", f"shared {i}", 1), ("b", f"{me % 2} {i}", 1)]
    extend_dictionary(domain, Path(sys.argv[1]), [pl.DataFrame(rows, schema=schema, orient="row")])
"""


def test_processes_that_extend_at_once_lose_nothing(tmp_path):
    command = [sys.executable, "-c", EXTEND, str(tmp_path)]
    jobs = [subprocess.Popen([*command, str(n), DOMAIN.model_dump_json()]) for n in range(3)]
    assert [job.wait() for job in jobs] == [0, 0, 0]
    dictionary = read_dictionary(DOMAIN, tmp_path)
    a = {value: code for (field, value), code in codes(dictionary).items() if field == "a"}
    assert a.keys() == {f"own {n} {i}" for n in range(3) for i in range(5)} | {f"shared {i}" for i in range(5)}
    assert sorted(a.values()) == list(range(1, 21))
    assert dictionary.version == "a:20-b:10"


EVENTS = events_frame(
    [("a", dt.datetime(2024, month, 5, 12), kind, True, 1.0) for month, kind in ((2, "x"), (3, "y"), (3, "z"))]
)
FEBRUARY = dt.date(2024, 2, 1)


def file_of(bank: Bank) -> Path:
    return bank.codes / "dictionary.parquet"


@pytest.mark.parametrize("month", [FEBRUARY, MARCH, dt.date(2024, 4, 1)])
def test_a_lost_dictionary_is_told_and_no_new_codes_are_given(bank, month):
    """With new codes, marts and models of before would mean something else without a word."""
    bank.put(EVENTS)
    bank.build(FEBRUARY)
    bank.build(MARCH)
    kept = file_of(bank).read_bytes()
    file_of(bank).unlink()
    built = mart_path(bank.mart, MARCH)
    content = built.read_bytes()
    told = rf"domain cards: the dictionary .* lacks codes of kind that {built} was .*\(it has 0 of 3\).* Put back the"
    with pytest.raises(ArtifactError, match=told):
        bank.build(month)
    with pytest.raises(ArtifactError, match=told):
        StoredDictionary(bank.codes, bank.domain, bank.mart).read()
    assert not file_of(bank).exists()
    assert built.read_bytes() == content
    file_of(bank).write_bytes(kept)
    assert bank.build(month).dictionary.cardinalities["kind"] == 4


def test_a_damaged_dictionary_is_told_and_stays_as_it_is(bank):
    bank.put(EVENTS)
    bank.build(FEBRUARY)
    file_of(bank).write_bytes(file_of(bank).read_bytes()[:40])
    with pytest.raises(ArtifactError, match=r"domain cards: the dictionary .* is damaged .* Put back the newest copy"):
        bank.build(MARCH)
    assert len(file_of(bank).read_bytes()) == 40


def test_an_older_copy_of_a_dictionary_is_told(bank):
    bank.put(EVENTS)
    bank.build(FEBRUARY)
    older = file_of(bank).read_bytes()
    bank.build(MARCH)
    file_of(bank).write_bytes(older)
    with pytest.raises(ArtifactError, match=r"lacks codes of kind .* \(it has 1 of 3\)"):
        bank.build(FEBRUARY)
    shutil.rmtree(bank.mart)
    shutil.rmtree(bank.codes)
    assert bank.build(FEBRUARY).dictionary.version == "kind:1"


def test_a_field_that_becomes_categorical_needs_no_codes_of_before(tmp_path):
    before = Bank(tmp_path, fields={"online": "boolean", "amount": "numeric"})
    before.put(EVENTS)
    before.build(MARCH)
    assert Bank(tmp_path, fields={"online": "categorical", "kind": "categorical"}).build(FEBRUARY).rows == 1


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_damaged_month_holds_up_no_other_and_is_built_anew(bank, caplog, kept):
    bank.put(EVENTS)
    bank.build(FEBRUARY)
    whole = mart_path(bank.mart, FEBRUARY).read_bytes()
    mart_path(bank.mart, FEBRUARY).write_bytes(whole[:kept])
    assert bank.build(MARCH).rows == 2
    assert f"domain cards: {mart_path(bank.mart, FEBRUARY)} is damaged, and counts as not built: " in caplog.text
    assert read_footer(mart_path(bank.mart, FEBRUARY)).source is None
    made = bank.build(FEBRUARY)
    assert read_footer(mart_path(bank.mart, FEBRUARY)).source == made.source_version
    assert bank.events(FEBRUARY)["kind"].to_list() == [1]  # its code is what it was


def test_a_footer_is_opened_once_as_long_as_its_file_stays_the_same(bank, monkeypatch):
    bank.put(EVENTS)
    real, opened = pl.read_parquet_metadata, []
    monkeypatch.setattr(pl, "read_parquet_metadata", lambda mart: (opened.append(mart), real(mart))[1])
    for month in (FEBRUARY, MARCH, FEBRUARY, MARCH):
        bank.build(month)
    february, march = (mart_path(bank.mart, month) for month in (FEBRUARY, MARCH))
    assert opened == [february, march, february]  # each before the build of another, where it is a new file
    for _ in range(3):
        read_footer(march)
    assert opened == [february, march, february, march]


def test_what_may_pass_is_not_kept_as_damage(bank, monkeypatch):
    bank.put(EVENTS)
    bank.build(MARCH)

    def too_many(_: Path) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as busy:
        busy.setattr(pl, "read_parquet_metadata", too_many)
        assert "Too many open files" in read_footer(mart_path(bank.mart, MARCH)).damage
    assert read_footer(mart_path(bank.mart, MARCH)).codes == {"kind": 3}
