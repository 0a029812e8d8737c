"""What the ledger says of launches."""

from pathlib import Path

import pytest
import yaml

from anna_core.domains import Domain
from anna_core.tasks.task import Task, TaskType
from anna_resources.ledger.ledger import Launch, Ledger
from anna_resources.ledger.repository import LedgerError
from anna_resources.settings import Settings, load_settings

KEY = "churn.2024q1"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    return load_settings()


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return Ledger.of(settings)


def domain(name: str, **changes: object) -> Domain:
    told = {"name": name, "source": {"path": "x"}, "columns": {"client_id": "c", "event_time": "t"}}
    return Domain.model_validate(told | {"fields": {"mcc": "categorical"}} | changes)


def launch(run: str, metric: str = "roc_auc", code: str = "1.0+aa") -> Launch:
    task = Task(name="churn", type=TaskType.BINARY, metric=metric, owner="Анна", seed=3)
    marts = {"cards": {"2024-01-01": "120-f00"}}
    return Launch(run=run, content="c0", rows="d1", task=task, marts=marts, code=code)


def log(ledger: Ledger, branch: str) -> list[str]:
    return ledger.repository.git.run("log", "--reverse", "--format=%an: %s", f"refs/heads/{branch}").splitlines()


def test_a_launch_is_a_tagged_commit_on_its_task_s_branch_which_begins_with_its_parameters(ledger: Ledger) -> None:
    tag = ledger.begin(KEY, launch("r1"), [domain("cards")])
    ledger.finish(tag, {"verdict": "Better.", "leaderboard": [{"model": "metamodel", "value": 0.88}]}, "roc_auc 0.880")
    assert tag == KEY
    assert log(ledger, "main") == ["ANNA: What all tasks share"]
    assert log(ledger, "task/churn") == [
        "ANNA: What all tasks share", "Анна: Task churn", "Анна: Launch churn.2024q1",
        "ANNA: Result of churn.2024q1: roc_auc 0.880",
    ]  # fmt: skip
    read = ledger.repository.read
    commit = ledger.repository.tagged(tag)
    assert commit is not None
    assert yaml.safe_load(read(commit, "task.yaml") or "") == {"type": "binary", "metric": "roc_auc", "owner": "Анна"}
    assert yaml.safe_load(read(commit, "code.yaml") or "") == {"version": "1.0+aa"}
    told = read(commit, "launches/churn.2024q1/domains/cards.yaml") or ""
    assert Domain.model_validate(yaml.safe_load(told)) == domain("cards")
    assert ledger.read(tag) == launch("r1").model_copy(update={"tag": tag})
    assert ledger.result(tag) == {"verdict": "Better.", "leaderboard": [{"model": "metamodel", "value": 0.88}]}


def test_a_retry_is_the_same_launch_and_another_run_the_next(ledger: Ledger) -> None:
    tags = [ledger.begin(KEY, launch(run), [domain("cards")]) for run in ("r1", "r1", "r2", "r3", "r3")]
    assert tags == [KEY, KEY, f"{KEY}@2", f"{KEY}@3", f"{KEY}@3"]
    assert ledger.begin("churn.2024q10", launch("r4"), [domain("cards")]) == "churn.2024q10"
    assert ledger.tags(KEY) == [KEY, f"{KEY}@2", f"{KEY}@3"]
    assert ledger.read(f"{KEY}@2").run == "r2"
    assert ledger.result(f"{KEY}@2") is None


def test_a_retry_after_another_launch_of_the_sample_is_still_its_own(ledger: Ledger) -> None:
    tags = [ledger.begin(KEY, launch(run), [domain("cards")]) for run in ("r1", "r2", "r1")]
    assert tags == [KEY, f"{KEY}@2", KEY]


@pytest.mark.parametrize("what", ["tag", "branch"])
def test_no_launch_takes_the_name_of_an_earlier_one_whose_tag_or_branch_was_removed(ledger: Ledger, what: str) -> None:
    for run in ("r1", "r2"):
        ledger.begin(KEY, launch(run), [domain("cards")])
    repository = ledger.repository
    refs = [f"refs/tags/{KEY}", f"refs/tags/{KEY}@2"] if what == "tag" else ["refs/heads/task/churn"]
    for ref in refs:
        repository.git.run("update-ref", "-d", ref)
    with pytest.raises(LedgerError, match="was rewritten"):
        ledger.begin(KEY, launch("r3"), [domain("cards")])
    repository.heads.unlink()  # as is told where it was meant
    assert ledger.begin(KEY, launch("r3"), [domain("cards")]) == f"{KEY}@3"
    if what == "tag":
        head = repository.head("task/churn") or ""
        assert [yaml.safe_load(repository.read(head, f"launches/{tag}/launch.yaml") or "")["run"]
                for tag in (KEY, f"{KEY}@2", f"{KEY}@3")] == ["r1", "r2", "r3"]  # fmt: skip


def test_the_tenth_launch_follows_the_ninth(ledger: Ledger) -> None:
    for number in range(11):
        ledger.begin(KEY, launch(f"r{number}"), [domain("cards")])
    assert ledger.tags(KEY)[-2:] == [f"{KEY}@10", f"{KEY}@11"]


def test_a_tag_that_a_person_sets_is_no_launch(ledger: Ledger) -> None:
    ledger.begin(KEY, launch("r1"), [domain("cards")])
    ledger.repository.git.run("tag", f"{KEY}@good", KEY)
    assert ledger.begin(KEY, launch("r2"), [domain("cards")]) == f"{KEY}@2"


def test_what_all_share_and_a_task_s_parameters_change_by_commits_of_their_own(ledger: Ledger) -> None:
    ledger.begin(KEY, launch("r1"), [domain("cards"), domain("loans")])
    ledger.begin(KEY, launch("r2", metric="log_loss", code="1.1+bb"), [domain("cards", lookback="30d")])
    assert log(ledger, "main") == ["ANNA: What all tasks share"] * 2
    main = ledger.repository.head("main")
    assert main is not None
    assert ledger.repository.paths(main, "domains") == ["domains/cards.yaml"]
    assert yaml.safe_load(ledger.repository.read(main, "code.yaml") or "") == {"version": "1.1+bb"}
    assert log(ledger, "task/churn")[1:] == [
        "Анна: Task churn", "Анна: Launch churn.2024q1", "Анна: Task churn", "Анна: Launch churn.2024q1@2"
    ]  # fmt: skip


def test_a_task_may_be_called_like_a_branch_of_git_s(ledger: Ledger) -> None:
    for name in ("main", "HEAD", "task"):
        one = launch("r1")
        one = one.model_copy(update={"task": one.task.model_copy(update={"name": name})})
        assert ledger.begin(f"{name}.s", one, [domain("cards")]) == f"{name}.s"


def test_a_launch_that_is_not_there_is_told(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"has no launch churn\.2024q1"):
        ledger.read(KEY)
    assert ledger.result(KEY) is None
    assert ledger.tags(KEY) == []
