"""The corpus of samples: what is refused says so with file, row or line, and cure; the rest is read rightly."""

import pytest

from anna_core.errors import AnnaError, SampleError
from anna_core.samples.sample import make_sample
from anna_core.tasks.task import TaskRequest
from anna_tests.cases import samples
from anna_tests.cases.samples import KEY, READ, REFUSED, SampleCase
from anna_tests.conftest import ROOT

ALL_REFUSED = [case for cases in REFUSED.values() for case in cases]
FOREIGN_WORDS = ("truncate_ragged_lines", "infer_schema", "polars", "ComputeError", "Schema", "dtype", "ignore_errors")


def told(case: SampleCase) -> str:
    return case.told


@pytest.mark.parametrize("case", ALL_REFUSED, ids=told)
def test_a_sample_that_cannot_be_used_is_refused_with_its_cure(tmp_path, case):
    with pytest.raises(AnnaError) as caught:
        case.bring(tmp_path)
    message = str(caught.value)
    assert [words for words in case.says if words not in message] == []
    assert case.file in message
    assert [word for word in FOREIGN_WORDS if word in message] == []
    assert not list((tmp_path / "inbox").rglob("q1*"))


@pytest.mark.parametrize("case", ALL_REFUSED, ids=told)
def test_a_file_in_the_inbox_is_refused_in_the_same_words(tmp_path, case):
    """A launch that reads the inbox shows the innermost cause of its failure, which has to be the whole message."""
    path = case.put(tmp_path)
    with pytest.raises(AnnaError) as caught:
        make_sample(path, str(KEY), TaskRequest.model_validate(case.options))
    assert [words for words in case.says if words not in str(caught.value)] == []
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("case", READ, ids=told)
def test_a_sample_that_is_only_odd_is_read(tmp_path, case):
    made = case.bring(tmp_path)
    assert case.right(made)
    staged = {path.name for path in (tmp_path / "inbox").rglob("*") if path.is_file()} - {"q1.yaml"}
    assert staged == {case.file.lower()}


def test_a_sample_that_lies_there_twice_is_refused_by_name(tmp_path):
    with pytest.raises(
        SampleError, match=r"sample churn\.q1: found 2 files: q1\.csv, q1\.parquet; there should be one"
    ):
        samples.two_files_of_one_sample(tmp_path)


def test_the_page_shows_what_is_said():
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert samples.sample_refusals() in written, "make it anew: python -m anna_tests.cases > docs/errors.md"
