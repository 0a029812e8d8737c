"""What becomes of scored clients, who scores along, and what is trained anew where scores have become wrong."""

import os

import polars as pl
import pytest

from anna_core.periods import Period
from anna_resources.ledger.champions import Champions
from anna_tests.graph.conftest import MONTHS, TRAINED, Clock, Deployment, events
from anna_tests.graph.results import problem
from anna_tests.graph.test_champion import press
from anna_tests.graph.test_production import FEBRUARY, MARCH, follow, look, score_by_hand, scores

pytestmark = pytest.mark.xdist_group("trained")


def bring(deployment: Deployment, name: str, target: list[int], as_of: str = "2024-04-01") -> None:
    folder = deployment.home / "inbox" / "churn" / "outcomes"
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"client_id": range(len(target)), "as_of": [as_of] * len(target), "target": target}
    pl.DataFrame(rows).write_csv(folder / name)


def seen(deployment: Deployment):
    found = deployment.warehouse.monitoring("churn", Period(MARCH)).read()
    assert found is not None
    return found


def become_wrong(deployment: Deployment) -> None:
    """All events are of one kind from February on, which tells nobody's target any more."""
    for month in MONTHS[1:]:
        for domain in deployment.domains:
            deployment.rewrite_month(domain, month, events(94, month).with_columns(kind=pl.lit("k1")))
    deployment.refresh()


def done(deployment: Deployment) -> list[str]:
    """What the sensor has had done, each without the digest of what it was of."""
    return [name.partition(" of ")[0] if name.startswith("monitoring") else name for name in follow(deployment)]


def test_outcomes_are_read_as_they_come_and_their_months_looked_at_again(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    assert (seen(trained).performance, seen(trained).outcomes) == (None, "")
    assert seen(trained).expected is not None
    bring(trained, "april.csv", [client % 2 for client in range(50)])
    bring(trained, "far.csv", [0, 1], as_of="2019-01-01")
    [read, looked_at] = done(trained)
    assert read.startswith("outcomes of churn, ")
    assert looked_at == "monitoring churn 2024-03"
    found = seen(trained).performance
    assert found is not None
    assert (found.clients, found.unmatched, found.metric) == (50, 0, "roc_auc")
    assert found.measured.low is not None
    facts = trained.warehouse.outcomes("churn").facts()
    assert {f"{date}": count for date, count in facts.rows.items()} == {"2019-01-01": 2, "2024-04-01": 50}
    assert follow(trained) == []

    bring(trained, "april-again.csv", [1 - client % 2 for client in range(60)])  # the later file stands
    assert len(follow(trained)) == 2
    turned = seen(trained).performance
    assert turned is not None
    assert turned.clients == 60
    assert turned.measured.value == pytest.approx(1 - found.measured.value, abs=0.1)


def test_outcomes_that_are_taken_away_count_no_more_and_a_time_that_lies_ahead_holds_up_nothing(
    trained: Deployment, clock: Clock
) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    trained.set("inbox_settle_seconds: 60", instead_of="inbox_settle_seconds: 0")
    bring(trained, "april.csv", [client % 2 for client in range(50)])
    file, ahead = trained.home / "inbox/churn/outcomes/april.csv", 4e9
    os.utime(file, (ahead, ahead))
    said = look(trained).skip_reason.skip_message
    assert said == "Outcomes of churn: april.csv just changed; all are read once at rest for 60 seconds."
    clock.seconds += 61
    assert len(follow(trained)) == 2
    assert seen(trained).performance is not None
    file.unlink()
    assert len(follow(trained)) == 2
    assert (seen(trained).performance, seen(trained).outcomes) == (None, "")
    assert follow(trained) == []


def test_a_file_of_outcomes_that_cannot_be_read_is_told_and_the_others_are_read(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    follow(trained)
    bring(trained, "good.csv", [0, 1, 1])
    (trained.home / "inbox/churn/outcomes/bad.csv").write_text("client_id,as_of,target\n1,soon,1\n")
    follow(trained)
    result = trained.materialize("production/outcomes", partition="churn")  # once more, for its check
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert "bad.csv: column as_of is not a whole day" in check.description
    assert trained.warehouse.outcomes("churn").facts().rows.popitem()[1] == 3


def test_a_challenger_scores_along_is_compared_and_published_nowhere(trained: Deployment) -> None:
    first, second = TRAINED
    assert "no champion to challenge" in problem(press(trained, button="CHALLENGE", tag=second, check=False))
    press(trained, tag=first)
    follow(trained)
    before, folders = scores(trained).of(Period(MARCH)).read(), sorted(scores(trained).path.iterdir())
    bring(trained, "april.csv", [client % 2 for client in range(60)])
    assert "champion already" in problem(press(trained, button="CHALLENGE", tag=first, check=False))
    press(trained, button="CHALLENGE")  # the newest
    champions = Champions.of(trained.settings)
    along = champions.challenger("churn")
    assert along is not None
    assert (along.tag, along.by) == (second, "anna")
    assert f"{second} 2024-03, scoring along" in done(trained)
    assert follow(trained) == []
    compared = seen(trained).along
    assert compared is not None
    assert compared.model == second
    assert compared.measured is not None
    assert compared.lead is not None
    assert compared.moved.keys() == {"score"}
    assert scores(trained).of(Period(MARCH)).read().equals(before)
    assert sorted(scores(trained).path.iterdir()) == folders

    trained.rewrite_month("cards", "2024-03-01", events(95, "2024-03-01"))  # late events: both score again
    trained.refresh()
    assert {name for name in done(trained) if "history" not in name} == {
        f"{first} 2024-03",
        f"{second} 2024-03, scoring along",
    }
    press(trained, button="STAND_DOWN")
    assert champions.challenger("churn") is None
    assert "Nobody scores along" in problem(press(trained, button="STAND_DOWN", check=False))
    press(trained, button="CHALLENGE")
    press(trained, tag=second)  # who becomes champion challenges nobody
    assert champions.challenger("churn") is None
    follow(trained)
    assert (seen(trained).model, seen(trained).along) == (second, None)  # nor is it held against itself
    log = champions.repository.git.run("log", "--format=%s", "refs/heads/task/churn")
    assert f"{second} scores along no more, by anna" in log


def test_scores_that_become_wrong_have_a_candidate_trained_on_the_outcomes(trained: Deployment) -> None:
    tag = TRAINED[1]  # its task says `retrain: on_drift`
    press(trained, tag=tag)
    follow(trained)
    score_by_hand(trained, FEBRUARY)
    follow(trained)
    inbox = trained.home / "inbox" / "churn"
    assert not list(inbox.glob("retrain*"))
    bring(trained, "march.csv", [1] * 30 + [0] * 30, as_of="2024-03-01")
    bring(trained, "april.csv", [1] * 30 + [0] * 30)
    bring(trained, "mistaken.csv", [1] * 30, as_of="2034-04-01")
    become_wrong(trained)
    follow(trained)
    [file] = inbox.glob("retrain*.parquet")  # one, though two months have become wrong
    rows = pl.read_parquet(file)
    assert file.name == "retrain-2024-03.parquet"
    assert sorted(rows["as_of"].cast(pl.String).unique()) == ["2024-03-01", "2024-03-15", "2024-04-01"]
    assert rows.filter(pl.col("as_of").cast(pl.String) == "2024-04-01")["target"].sum() == 30
    told = (inbox / "retrain-2024-03.yaml").read_text()
    assert "retrain: on_drift" in told
    assert "hidden: 8" in told
    stamp = file.stat().st_mtime_ns
    bring(trained, "april-2.csv", [1] * 60)
    follow(trained)
    assert file.stat().st_mtime_ns == stamp  # once a month
    assert Champions.of(trained.settings).current("churn").tag == tag  # type: ignore[union-attr]
    assert not look(trained).run_requests


def test_a_task_that_does_not_ask_for_it_is_not_trained_anew(trained: Deployment) -> None:
    press(trained, tag=TRAINED[0])
    bring(trained, "april.csv", [1] * 30 + [0] * 30)
    become_wrong(trained)
    follow(trained)
    assert seen(trained).score_drift["score"] > seen(trained).by_chance
    assert not list((trained.home / "inbox" / "churn").glob("retrain*"))
