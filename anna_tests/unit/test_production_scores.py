"""Production's scores on the disk."""

from pathlib import Path

import pytest

from anna_core.periods import Cadence
from anna_resources.artifacts.production import DONE_FILE, ProductionScores


def test_a_mark_that_is_taken_away_while_it_is_asked_for_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored, read = ProductionScores(tmp_path, Cadence.MONTH), Path.read_bytes
    mark = stored.latest / DONE_FILE
    assert stored.latest_done() is None
    stored.latest.mkdir()
    mark.write_text("{}")

    def as_the_scores_are_replaced(file: Path) -> bytes:
        mark.unlink()
        return read(file)

    monkeypatch.setattr(Path, "read_bytes", as_the_scores_are_replaced)
    assert stored.latest_done() is None
