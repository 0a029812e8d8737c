"""The page docs/errors.md: every refusal of the corpus, as a user sees it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from anna_tests.cases import csv_files, samples, settings, tables, values
from anna_tests.cases.case import Case, outcome

SOURCES = {"CSV files": csv_files.CASES, "Values": values.CASES, "Tables": tables.CASES}
_HEAD = """\
# What ANNA says of data that it cannot use

Made by `python -m anna_tests.cases > docs/errors.md`; a test holds this page to the code. Each message stands in the
run that failed; what the first rows of a source's files show, `anna doctor` says, too.
"""
_SOURCES = """
## Sources

What cannot be used is counted by reason, on the pages of `source/<domain>` and `mart/<domain>` and in their logs. Up
to a share of the rows (`left_aside` in anna.yaml, 10% by default) that is all, of single values to the same share
of the rows that have a value in their column; beyond it the month is refused, or the file, if its rows have no time
that tells their month. What is refused leaves the marts as they were. A file is judged
when it is observed, a month when it is built: another share holds for all files from the next observation on, but for
a month that is built already only once its rows change, or it is materialized again.
"""


def source_refusals() -> str:
    """The part of the page on sources."""
    return _SOURCES + "".join(_section(title, cases, _refusal) for title, cases in SOURCES.items())


# Each part is a function that returns its text.
PARTS: list[Callable[[], str]] = [source_refusals, samples.sample_refusals, settings.settings_refusals]


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(part() for part in PARTS)


def _refusal(case: Case) -> str:
    with tempfile.TemporaryDirectory() as home:
        return outcome(case, Path(home).resolve()).refusal


def _section(title: str, cases: list[Case], refusal: Callable[[Case], str]) -> str:
    told = [
        f"\n**{case.what[0].upper()}{case.what[1:]}**\n\n```\n{refusal(case)}\n```\n" for case in cases if case.refused
    ]
    return f"\n### {title}\n{''.join(told)}"
