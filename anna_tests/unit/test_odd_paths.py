"""Paths with `[`, `*` or `?` are names, not patterns: what lies there is read, and not what else fits."""

import ast
import datetime as dt
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from anna_core.guards.matching import match_sample
from anna_core.models.scores_file import read_scores, score_frame
from anna_core.samples.origins import fetch
from anna_core.samples.resting import stamps_of
from anna_core.samples.sample import Sample, make_sample
from anna_core.sequences.nothing_seen import why_unseen
from anna_core.tasks.task import TaskRequest
from anna_resources.artifacts.results import ScoresFile
from anna_tests.conftest import PACKAGES, ROOT
from anna_tests.unit.conftest import MARCH, Bank, events_frame

READERS = {"read_csv", "scan_csv", "read_parquet", "scan_parquet", "read_ipc", "scan_ipc", "read_ndjson", "scan_ndjson"}
NAMES = {"a[12]": "a1", "b*": "bb", "c?": "cc", "d{1,2}": "d1", "month=2024-03": "e"}  # folder → another that fits
AS_OF = dt.date(2024, 4, 1)


def patterns(source: str) -> Iterator[int]:
    """Lines in which Polars reads files whose paths it would take for patterns."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READERS:
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if ast.unparse(node.func.value) == "pl" and given.get("glob") != "False":
                yield node.lineno


def test_no_path_is_taken_for_a_pattern():
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    found = [f"{file}:{line}" for file in files for line in patterns(file.read_text(encoding="utf-8"))]
    assert found == [], "say `glob=False`"


def test_a_reader_that_would_take_patterns_is_found():
    assert list(patterns("pl.read_csv(a, glob=False)\npl.scan_parquet([a], n_rows=1)\npl.read_csv(a, glob=True)")) == [
        2,
        3,
    ]


def upload(kind: str) -> pl.DataFrame:
    return pl.DataFrame({"client_id": [f"{kind}{i}" for i in range(40)], "as_of": ["2024-04-01"] * 40,
                         "target": [i % 2 for i in range(40)]})  # fmt: skip


@pytest.mark.parametrize(("name", "other"), NAMES.items())
def test_samples_are_read_where_they_lie(tmp_path, name, other):
    for folder, kind in ((tmp_path / name, "right"), (tmp_path / other, "wrong")):
        folder.mkdir()
        upload(kind).write_csv(folder / "q1.csv")
        (folder / "parts").mkdir()
        for part, form in (("part1.parquet", "first"), ("part[1].parquet", "second")):
            with (folder / "parts" / part).open("wb") as stream:
                upload(f"{kind}, {form} ").write_parquet(stream)
    made = make_sample(tmp_path / name / "q1.csv", "churn.q1", TaskRequest())
    assert made.rows["client_id"][0] == "right0"
    whole = tmp_path / name / "q1.parquet"
    fetch(str(tmp_path / name / "parts"), whole, stamps_of(str(tmp_path / name / "parts")))
    assert pl.read_parquet(whole, glob=False)["client_id"].gather([0, 40]).to_list() == [
        "right, first 0", "right, second 0",
    ]  # fmt: skip
    assert len(make_sample(whole, "churn.q1", TaskRequest())) == 80
    made.write(tmp_path / name)
    assert Sample.open("churn.q1", tmp_path / name).rows.equals(made.rows)


@pytest.mark.parametrize(("name", "other"), NAMES.items())
def test_marts_dictionary_and_scores_are_read_where_they_lie(tmp_path, name, other):
    noon = dt.datetime(2024, 3, 5, 12)
    wrong, right = Bank(tmp_path / other), Bank(tmp_path / name)
    for bank, rows in ((wrong, [("x", noon, "no", False, 1.0)]), (right, [("a", noon, "yes", True, 2.0)] * 3)):
        bank.put(events_frame(rows))
        bank.build()
    assert right.dictionary.table["value"].to_list() == ["yes"]
    rows = pl.DataFrame({"client_id": ["a"], "as_of": [AS_OF]})
    assert right.sequences(rows).length.tolist() == [3]
    assert match_sample(rows, [(right.domain, right.mart)]).met == 1
    unknown = rows.with_columns(client_id=pl.lit("x"))
    told = why_unseen(right.domain, unknown, {MARCH: 3}, lambda month: True, right.mart)
    assert "a, …" in told
    scores = score_frame(rows["client_id"], rows["as_of"], np.array([[0.25]]), ("score",), "v")
    ScoresFile(tmp_path / name / "scores.parquet").write(scores)
    assert ScoresFile(tmp_path / name / "scores.parquet").read().equals(scores)
    assert read_scores(tmp_path / name / "scores.parquet", ("score",)).tolist() == [[0.25]]
