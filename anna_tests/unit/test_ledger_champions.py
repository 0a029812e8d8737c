"""Champions in the ledger: one at a time, whoever presses, and all on record."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from rich.console import Console

from anna_cli.pressing import tell
from anna_resources.ledger.champions import CHAMPION_FILE, Champions
from anna_resources.ledger.git import Git
from anna_resources.ledger.ledger import branch_of
from anna_resources.ledger.repository import Change, LedgerError, Repository
from anna_resources.ledger.roles import Ask, Challenger, Champion, Turn
from anna_resources.who import WhoError, person, same_person, sentence

NOON = dt.datetime(2024, 4, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def champions(tmp_path):
    return Champions(Repository(tmp_path / "ledger", tmp_path / "heads.json"))


def ask(tag, instead_of="", **said):
    told = {"tag": tag, "turn": Turn.PROMOTED, "asked_by": "anna", "asked_at": NOON, "why": "it is good", "gates": {}}
    return Ask(**(told | {"overridden": {}, "instead_of": instead_of, "newest": tag} | said))


def test_of_many_presses_at_once_one_makes_a_champion_and_the_others_are_told(champions):
    told = []

    def press(number):
        try:
            return champions.make(ask(f"churn.q{number}"), f"run {number}").tag
        except LedgerError as error:
            told.append(str(error))
            return ""

    with ThreadPoolExecutor(8) as pool:
        made = [tag for tag in pool.map(press, range(8)) if tag]
    assert len(made) == 1
    assert len(told) == 7
    assert all("became champion of churn meanwhile, instead of nobody: nothing is changed" in words for words in told)
    assert champions.current("churn").tag == made[0]
    assert [past.tag for past in champions.past("churn")] == made


def test_one_that_came_back_goes_back_to_where_it_went_before(champions):
    for tag, before in (("churn.a", ""), ("churn.b", "churn.a"), ("churn.c", "churn.b")):
        champions.make(ask(tag, before), tag)
    back = champions.make(ask("churn.b", "churn.c", turn=Turn.ROLLED_BACK), "r")
    assert (back.tag, back.before) == ("churn.b", "churn.a")
    again = champions.make(ask("churn.a", "churn.b", turn=Turn.ROLLED_BACK), "r2")
    assert again.before == ""


def test_a_request_that_somebody_else_answered_is_not_declined(champions):
    champions.ask(ask("churn.a"))
    request = champions.request("churn")
    champions.make(request, "r", "boris")
    assert champions.request("churn") is None
    with pytest.raises(LedgerError, match=r"The request for churn\.a is open no more"):
        champions.decline("churn", request, "clara", "no")


@pytest.mark.parametrize("faster", ["declined", "another is asked for"])
def test_a_request_that_was_answered_while_its_gates_were_asked_makes_no_champion(champions, faster):
    champions.ask(ask("churn.a"))
    request = champions.request("churn")
    if faster == "declined":
        champions.decline("churn", request, "clara", "no")
    else:
        champions.ask(ask("churn.b"))
    judged = request.model_copy(update={"gates": {"stable": "PSI 0.1"}})
    with pytest.raises(LedgerError, match=r"The request for churn\.a is open no more"):
        champions.make(judged, "r", "boris")
    assert champions.current("churn") is None


def test_the_commit_of_a_run_is_found_and_no_other(champions):
    champions.ask(ask("churn.a", why="as run 3 says\nrun 30"), "run-1")
    champions.make(ask("churn.a"), "run-11")
    request, made = reversed(champions.repository.commits_of(branch_of("churn"), "."))
    assert champions.commit_of("churn", "run-1") == (request, None)
    assert champions.commit_of("churn", "run-11") == (made, request)
    assert champions.commit_of("churn", "run-3") is None
    assert champions.commit_of("scoring", "run-1") is None


def test_a_look_at_all_champions_costs_one_call_of_git_where_there_is_no_news(champions, monkeypatch):
    tasks = ("churn", "loss", "scoring")
    for task in tasks:
        champions.make(ask(f"{task}.a"), "r")
    calls, call = [], Git._call

    def counted(git, arguments, *more):
        calls.append(arguments)
        return call(git, arguments, *more)

    def look():
        standing = champions.heads().items()
        assert not [task for task, head in standing if champions.read(Challenger, task, head)]
        return [champions.read(Champion, task, head).tag for task, head in standing]

    assert look() == ["churn.a", "loss.a", "scoring.a"]
    monkeypatch.setattr(Git, "_call", counted)
    assert look() == ["churn.a", "loss.a", "scoring.a"]
    assert [arguments[0] for arguments in calls] == ["for-each-ref"]
    champions.make(ask("loss.b", "loss.a"), "r2")
    assert look() == ["churn.a", "loss.b", "scoring.a"]


def test_a_commit_says_who_and_why_and_what_was_passed_over(champions):
    said = ask("churn.a", gates={"stable": "PSI 0.4"}, overridden={"stable": "known"})
    champions.ask(said)
    champions.make(said, "r", "boris")
    git = champions.repository.git
    assert git.run("log", "-1", "--format=%an|%B", f"refs/heads/{branch_of('churn')}").strip() == (
        "boris|churn.a is promoted by anna, approved by boris\n\nit is good\n\nstable: PSI 0.4\n\n"
        "stable is passed over: known\n\nrun r"
    )


def test_a_champion_that_was_changed_by_hand_is_told_and_not_taken(champions):
    champions.make(ask("churn.a"), "r")
    champions.repository.commit(branch_of("churn"), lambda head: Change({CHAMPION_FILE: "tag: churn.b\n"}, "by hand"))
    with pytest.raises(LedgerError, match=r"champion\.yaml of churn in the ledger .* cannot be read: .*turn"):
        champions.current("churn")


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("anna.ivanova", "Anna.Ivanova ", True),
        ("anna", "anna@bank.example", True),
        ("Anna  Ivanova", "anna ivanova", True),
        ("anna", "hanna", False),
        ("Jos\u00e9", "Jose\u0301", True),
        ("\uff41nna", "anna", True),
        ("@boris", "@anna", False),
    ],
)
def test_a_name_is_the_same_however_it_is_spelt(name, other, same):
    assert same_person(name, other) is same


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "<anna>", "x" * 101, "anna\u200b"])
def test_a_name_that_cannot_stand_in_a_ledger_is_refused(name):
    with pytest.raises(WhoError):
        person(name)


def test_the_newest_launch_is_none_that_a_person_s_name_makes_up(champions):
    champions.repository.commit(branch_of("churn"), lambda head: Change({"x": "1"}, "Launch churn.a\n\nrun 1"))
    champions.ask(ask("churn.a", asked_by="Launch Team"))
    assert champions.newest_launch("churn") == "churn.a"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "Another person answers: anna approve churn"),
        ({"asked_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "That has ended on 2020-01-15: ask again."),
        ({"newest": "churn.older"}, "That has ended, as churn.a was launched since: ask again."),
    ],
)
def test_a_request_that_has_ended_is_not_shown_as_one_that_can_be_answered(champions, said, told):
    champions.repository.commit(branch_of("churn"), lambda head: Change({"x": "1"}, "Launch churn.a\n\nrun 1"))
    champions.ask(ask("churn.a", **({"asked_at": dt.datetime.now(tz=dt.UTC)} | said)))
    console = Console(file=StringIO(), width=300)
    tell(champions, "churn", 14, console)
    assert told in console.file.getvalue()
    assert console.file.getvalue().count("nswer") == ("Another" in told)


@pytest.mark.parametrize(
    "cause", ["somebody removed the file of the heads", "a writer was killed before it wrote them"]
)
def test_a_tag_that_was_not_remembered_is_once_somebody_commits_again(champions, monkeypatch, cause):
    repository = champions.repository

    def launch(name):
        change = Change({f"launches/{name}/launch.yaml": name}, f"Launch {name}", tag=name)
        repository.commit(branch_of("churn"), lambda head: change)

    if cause == "somebody removed the file of the heads":
        launch("churn.a")
        repository.heads.unlink()
    else:
        with monkeypatch.context() as patch:
            patch.setattr(Repository, "_remember", lambda *moved: None)
            launch("churn.a")
    launch("churn.b")
    repository.git.run("update-ref", "-d", "refs/tags/churn.a")
    assert "tag churn.a held" in repository.problem()


@pytest.mark.parametrize("unseen", ["\ufe0f", "\u3164", "\u034f", "\u2800", "\U000e0101", "\ud800"])
def test_signs_that_nobody_sees_make_no_second_person(unseen: str) -> None:
    with pytest.raises(WhoError, match="signs that cannot be seen"):
        person(f"anna{unseen}")


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800"])
def test_words_that_no_ledger_takes_are_refused_by_name(odd: str) -> None:
    with pytest.raises(WhoError, match="`why` holds a NUL or half a sign"):
        sentence(odd, "`why`")
    assert sentence(" as agreed\nwith risk ", "`why`") == "as agreed\nwith risk"
