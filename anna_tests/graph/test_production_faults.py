"""A press or scoring is killed, two press at once, the disk is full: nothing is half, and the next one ends it."""

import errno
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from anna_core.periods import Period
from anna_resources.ledger.champions import Champions
from anna_tests.graph.conftest import TRAINED, Clock, Deployment
from anna_tests.graph.dying import after, at_once, before, dies, halfway
from anna_tests.graph.test_champion import champion, press
from anna_tests.graph.test_production import IN_MARCH, MARCH, follow, scores

pytestmark = pytest.mark.xdist_group("trained")
FIRST, SECOND = TRAINED


def promotes(deployment: Deployment, tag: str) -> bool:
    return press(deployment, tag=tag, check=False).success


def scores_march(deployment: Deployment) -> bool:
    return deployment.materialize("production/scores", partition=IN_MARCH, check=False).success


@pytest.mark.parametrize(
    ("at", "how", "is_made"),
    [
        ("anna_assets.production.pressing:judge", after, False),
        ("anna_resources.ledger.repository:write_commit", after, False),  # which no branch holds yet
        ("anna_resources.ledger.repository:Repository._remember", before, True),
    ],
)
def test_a_press_that_is_killed_has_made_its_champion_or_not_and_the_next_one_is_whole(
    trained: Deployment, at: str, how: Callable[..., NoReturn], is_made: bool
) -> None:
    press(trained, tag=FIRST)
    dies(trained.home, partial(promotes, tag=SECOND), at, how)
    champions = Champions.of(trained.settings)
    assert champion(trained).tag == (SECOND if is_made else FIRST)
    if is_made:
        press(trained, button="ROLLBACK", override={})
    else:
        press(trained, tag=SECOND)
    assert [past.tag for past in reversed(champions.past("churn"))] == [FIRST, SECOND, FIRST][: 3 if is_made else 2]
    assert champions.repository.problem() == ""
    champions.repository.git.run("fsck", "--strict")


def test_of_two_who_press_at_once_one_makes_a_champion_time_after_time(trained: Deployment) -> None:
    press(trained, tag=FIRST)
    champions = Champions.of(trained.settings)
    for _ in range(3):
        then = len(champions.past("churn"))
        other = SECOND if champion(trained).tag == FIRST else FIRST
        works: list[Callable[[Deployment], bool]] = [partial(promotes, tag=other)] * 2
        done = at_once(trained.home, works, "anna_resources.ledger.champions:Champions.make")
        assert sorted(done) == [False, True]
        assert (champion(trained).tag, len(champions.past("churn"))) == (other, then + 1)


@pytest.mark.parametrize(
    ("at", "how"),
    [
        ("polars:DataFrame.write_parquet", halfway),
        ("anna_resources.artifacts.production:write_json", after),
        ("anna_resources.artifacts.production:shutil.copyfile", halfway),
    ],
)
def test_scores_whose_writer_is_killed_are_not_read_by_halves_and_come_by_themselves(
    trained: Deployment, at: str, how: Callable[..., NoReturn]
) -> None:
    press(trained, tag=FIRST)
    follow(trained)
    old = scores(trained).of(Period(MARCH)).read()
    press(trained, tag=SECOND)
    dies(trained.home, scores_march, at, how)
    found = scores(trained)
    if (done := found.latest_done()) is not None:  # as long as there is a mark, what stands beside it is whole
        assert (done.model, len(pl.read_parquet(found.latest / "scores.parquet"))) == (FIRST, done.rows)
    done = found.of(Period(MARCH)).done()
    assert done is not None
    assert set(found.of(Period(MARCH)).read()["model"]) == {done.model}
    if done.model == FIRST:
        assert_frame_equal(found.of(Period(MARCH)).read(), old)
    assert follow(trained) == [f"{SECOND} 2024-03"]
    now = found.of(Period(MARCH)).read()
    assert set(now["model"]) == {SECOND}
    assert_frame_equal(pl.read_parquet(found.latest / "scores.parquet"), now)
    assert not list(found.path.rglob(".tmp-*"))


@pytest.mark.parametrize(
    "at",
    [
        "polars.DataFrame.write_parquet",
        "anna_resources.artifacts.production.write_json",
        "anna_resources.artifacts.production.shutil.copyfile",
    ],
)
def test_scores_that_a_full_disk_cut_off_are_never_read_and_come_again(
    trained: Deployment, monkeypatch: pytest.MonkeyPatch, clock: Clock, at: str
) -> None:
    press(trained, tag=FIRST)
    follow(trained)
    old = scores(trained).of(Period(MARCH)).read()
    press(trained, tag=SECOND)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(arguments[-1]))

    def pause(seconds: float) -> None:  # between two tries
        clock.seconds += seconds

    with monkeypatch.context() as patch:
        patch.setattr(at, full)
        patch.setattr(time, "sleep", pause)
        assert not scores_march(trained)
    latest = scores(trained).latest
    if at.endswith("copyfile"):
        assert not (latest / "done.json").exists()  # the month itself was whole by then
    else:
        assert_frame_equal(scores(trained).of(Period(MARCH)).read(), old)
        assert_frame_equal(pl.read_parquet(latest / "scores.parquet"), old)
    assert follow(trained) == [f"{SECOND} 2024-03"]
    assert_frame_equal(pl.read_parquet(latest / "scores.parquet"), scores(trained).of(Period(MARCH)).read())
    assert not list(scores(trained).path.rglob(".tmp-*"))
