"""Champions in the ledger: one at a time, whoever presses, and all on record."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from rich.console import Console

from anna_cli.pressing import tell
from anna_resources.ledger.champions import CHAMPION_FILE, Ask, Champions, Turn
from anna_resources.ledger.ledger import branch_of
from anna_resources.ledger.repository import Change, LedgerError, Repository
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


def test_a_commit_says_who_and_why_and_what_was_passed_over(champions):
    champions.make(ask("churn.a", gates={"stable": "PSI 0.4"}, overridden={"stable": "known"}), "r", "boris")
    git = champions.repository.git
    assert git.run("log", "-1", "--format=%an|%B", f"refs/heads/{branch_of('churn')}").strip() == (
        "boris|churn.a is promoted by anna, approved by boris\n\nit is good\n\nstable: PSI 0.4\n\n"
        "stable is passed over: known"
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


@pytest.mark.parametrize("unseen", ["\ufe0f", "\u3164", "\u034f", "\u2800", "\U000e0101", "\ud800"])
def test_signs_that_nobody_sees_make_no_second_person(unseen: str) -> None:
    with pytest.raises(WhoError, match="signs that cannot be seen"):
        person(f"anna{unseen}")


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800"])
def test_words_that_no_ledger_takes_are_refused_by_name(odd: str) -> None:
    with pytest.raises(WhoError, match="`why` holds a NUL or half a sign"):
        sentence(odd, "`why`")
    assert sentence(" as agreed\nwith risk ", "`why`") == "as agreed\nwith risk"
