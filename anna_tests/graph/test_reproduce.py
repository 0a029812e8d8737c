"""A launch made once more: the same where all is as it was, and what differs is named."""

import os
from pathlib import Path

import polars as pl
import pytest

from anna_assets import reproduce
from anna_cli.commands.reproduce import _environment
from anna_resources import settings
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.ledger.ledger import Ledger
from anna_tests.graph.conftest import TRAINED, Deployment, events

pytestmark = pytest.mark.xdist_group("trained")


def again(deployment: Deployment, tag: str, storage: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """What `anna reproduce` does, in this process; the exit code."""
    launch = Ledger.of(deployment.settings).read(tag)
    zone = CandidateFolder.below(deployment.settings.storage, tag).facts().time_zone
    with monkeypatch.context() as patch:
        for name, value in _environment(deployment.settings, launch, zone, storage).items():
            if os.environ.get(name) != value:
                patch.setenv(name, value)
        settings._load.cache_clear()
        code = reproduce.main(str(deployment.settings.storage), tag)
    settings._load.cache_clear()
    return code


def test_a_launch_comes_out_the_same_from_what_is_on_record_of_it(
    trained: Deployment, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    tag = TRAINED[1]
    # Since then another launch, and a value of a field that nobody had known: codes must be as they were.
    newer = events(1, "2024-01-01").with_columns(kind=pl.lit("a new kind"))
    trained.rewrite_month(
        "cards", "2024-01-01", pl.concat([events(1, "2024-01-01"), newer.with_columns(pl.col("event_id") + 5_000)])
    )
    before = Ledger.of(trained.settings).repository.head("task/churn")
    assert again(trained, tag, tmp_path_factory.mktemp("again"), monkeypatch) == 1
    told = capsys.readouterr().err
    assert f"{tag} cannot be made once more, as these months hold other rows than then: cards 2024-01. Bring" in told

    trained.rewrite_month("cards", "2024-01-01", events(1, "2024-01-01"))
    assert again(trained, tag, tmp_path_factory.mktemp("again"), monkeypatch) == 0
    assert f"{tag}: the scores of all 60 rows are the same, bit for bit." in capsys.readouterr().out
    assert Ledger.of(trained.settings).repository.head("task/churn") == before  # the deployment is as it was


def test_scores_that_differ_are_told_with_what_differs(
    trained: Deployment, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    kept = trained.warehouse.candidate(TRAINED[0]).current() / "scores.parquet"
    moved = pl.read_parquet(kept).with_columns(pl.col("score") + 0.25)
    kept.unlink()  # it may be the launch's own file, too
    moved.write_parquet(kept)
    assert again(trained, TRAINED[0], tmp_path_factory.mktemp("again"), monkeypatch) == 1
    told = capsys.readouterr().err
    assert f"{TRAINED[0]}: the scores differ by up to 0.25 (mean 0.25). Nothing on record differs" in told
