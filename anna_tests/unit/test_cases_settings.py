"""The corpus of settings: each mistake is told with file, line or setting, and cure."""

import pytest

from anna_core.errors import AnnaError
from anna_tests.cases.settings import CASES, SettingsCase, settings_refusals
from anna_tests.conftest import ROOT


def told(case: SettingsCase) -> str:
    return case.told


@pytest.mark.parametrize("case", CASES, ids=told)
def test_settings_that_were_hardly_meant_are_refused(tmp_path, case):
    with pytest.raises(AnnaError) as caught:
        case.read(tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / case.file))
    assert [words for words in case.says if words not in message] == []


def test_the_page_shows_what_is_said():
    written = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert settings_refusals() in written, "make it anew: python -m anna_tests.cases > docs/errors.md"
