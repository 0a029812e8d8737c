"""The ledger's repository: nothing is lost or half there, whoever writes, dies or rewrites."""

import multiprocessing
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anna_resources.ledger.git import Git, GitError
from anna_resources.ledger.repository import Change, LedgerError, Repository

BRANCH = "task/churn"


@pytest.fixture
def ledger(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "ledger", tmp_path / "state" / "heads.json")


def count_up(ledger: Repository) -> str:
    """Commit the number after the branch's last, with a tag of that number."""

    def make(head: str | None) -> Change:
        number = 1 + int((ledger.read(head, "deep/number") if head else None) or 0)
        return Change({"deep/number": str(number)}, f"Number {number}", tag=f"churn.q@{number}")

    return ledger.commit(BRANCH, make)


def numbers(ledger: Repository) -> list[int]:
    """Numbers of the branch's commits, the latest first."""
    titles = ledger.git.run("log", "--format=%s", f"refs/heads/{BRANCH}").splitlines()
    return [int(title.removeprefix("Number ")) for title in titles]


def tags(ledger: Repository) -> list[int]:
    return sorted(int(tag.partition("@")[2]) for tag in ledger.tags("churn.q@*"))


def test_a_commit_has_its_files_its_author_and_its_tag(ledger: Repository) -> None:
    first = ledger.commit("main", lambda head: Change({"domains/cards.yaml": "a: 1\n", "old": "x"}, "Begin"))
    change = Change({"task.yaml": "тип: бинарный\n", "old": None}, "Ask\n\nWhy", by="Анна К", tag="churn.q1")
    second = ledger.commit(BRANCH, lambda head: change)
    assert ledger.head("main") == first
    assert ledger.head(BRANCH) == ledger.tagged("churn.q1") == second
    assert ledger.read(second, "domains/cards.yaml") == "a: 1"
    assert ledger.read(second, "task.yaml") == "тип: бинарный"
    assert ledger.read(second, "old") is None
    assert ledger.read(first, "old") == "x"
    assert ledger.paths(second, "domains") == ["domains/cards.yaml"]
    assert ledger.git.run("log", "-1", "--format=%an|%cn|%B", second) == "Анна К|ANNA|Ask\n\nWhy"
    ledger.git.run("fsck", "--strict")


def test_what_is_not_there_is_none(ledger: Repository) -> None:
    assert ledger.head("main") is None
    assert ledger.tagged("churn.q1") is None
    assert ledger.tags("*") == []
    count_up(ledger)
    assert ledger.head("main") is None
    assert ledger.tagged("churn.q1") is None


def test_what_changes_nothing_makes_no_commit(ledger: Repository) -> None:
    first = ledger.commit("main", lambda head: Change({"a": "1"}, "One"))
    assert ledger.commit("main", lambda head: Change({"a": "1"}, "Again")) == first
    assert ledger.commit("main", lambda head: None) == first


def test_a_tag_that_is_there_changes_nothing(ledger: Repository) -> None:
    head = count_up(ledger)
    with pytest.raises(GitError, match=r"update-ref failed: .*churn\.q@1"):
        ledger.commit(BRANCH, lambda head: Change({"deep/number": "7"}, "Number 7", tag="churn.q@1"))
    assert ledger.head(BRANCH) == head


def _count_often(ledger: Repository, often: int) -> None:
    for _ in range(often):
        count_up(ledger)


def test_many_writers_lose_nothing(ledger: Repository) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_count_often, args=(ledger, 4)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert numbers(ledger) == list(range(16, 0, -1))
    assert tags(ledger) == list(range(1, 17))


def _die_at(ledger: Repository, call: int) -> None:
    """Commit, and die as the process of the `call`-th call of git begins, which leaves what git had locked."""
    real, seen = Git.run, 0

    def run(self: Git, *arguments: str, **rest: object) -> str:
        nonlocal seen
        seen += 1
        if seen == call:
            if arguments[0] == "update-ref":
                (ledger.folder / "refs/heads/task/churn.lock").touch()
            os._exit(9)
        return real(self, *arguments, **rest)

    Git.run = run  # type: ignore[method-assign]
    count_up(ledger)
    os._exit(0)


def test_a_writer_that_is_killed_at_any_moment_leaves_a_sound_ledger(ledger: Repository) -> None:
    count_up(ledger)
    done, call = False, 0
    while not done:
        call += 1
        dying = multiprocessing.get_context("fork").Process(target=_die_at, args=(ledger, call))
        dying.start()
        dying.join()
        done = dying.exitcode == 0
        before = numbers(ledger)[0]
        count_up(ledger)
        assert numbers(ledger) == list(range(before + 1, 0, -1))
        assert tags(ledger) == list(range(1, before + 2))
    assert call > 5
    ledger.git.run("fsck", "--strict")


@pytest.mark.parametrize("rewrite", ["back", "aside", "gone"])
def test_a_rewritten_branch_is_noticed(ledger: Repository, rewrite: str) -> None:
    first = count_up(ledger)
    second = count_up(ledger)
    if rewrite == "back":
        ledger.git.run("update-ref", f"refs/heads/{BRANCH}", first)
    elif rewrite == "aside":
        tree = ledger.git.run("rev-parse", f"{second}^{{tree}}")
        who = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        other = ledger.git.run("commit-tree", tree, "-p", first, given="Number 2", extra=who)
        ledger.git.run("update-ref", f"refs/heads/{BRANCH}", other)
    else:
        ledger.git.run("update-ref", "-d", f"refs/heads/{BRANCH}")
    with pytest.raises(
        LedgerError, match=rf"was rewritten: branch task/churn held commit {second[:12]}.*Bring it back"
    ):
        count_up(ledger)


@pytest.mark.parametrize("damage", ["gone", "moved", "emptied", "zeroed"])
@pytest.mark.parametrize("ref", [f"refs/heads/{BRANCH}", "refs/tags/churn.q@1"])
def test_the_cure_that_is_told_of_a_lost_branch_or_tag_brings_it_back(
    ledger: Repository, ref: str, damage: str
) -> None:
    first = ledger.commit("main", lambda head: Change({"a": "1"}, "Begin"))
    count_up(ledger)
    held = ledger.git.run("rev-parse", ref)
    if damage == "gone":
        ledger.git.run("update-ref", "-d", ref)
    elif damage == "moved":
        ledger.git.run("update-ref", ref, first)
    else:
        (ledger.folder / ref).write_bytes(b"" if damage == "emptied" else b"\0" * 41)
    what = "tag churn.q@1 held" if "tags" in ref else f"branch {BRANCH} held commit"
    became = f"now holds {first[:12]}, which does not follow from that" if damage == "moved" else "is gone"
    with pytest.raises(LedgerError, match=rf"was rewritten: {what} {held[:12]}, and {became}\. ") as told:
        count_up(ledger)
    assert ledger.problem() == str(told.value)
    cure = str(told.value).partition("Bring it back by: ")[2].partition(". If the rewriting")[0]
    subprocess.run(cure, shell=True, check=True)
    assert ledger.git.run("rev-parse", ref) == held
    count_up(ledger)
    assert tags(ledger) == [1, 2]


def test_what_is_set_in_the_place_of_a_commit_changes_nothing_that_is_read(ledger: Repository) -> None:
    first, second = count_up(ledger), count_up(ledger)
    ledger.git.run("replace", first, second)
    assert ledger.read(first, "deep/number") == "1"


@pytest.mark.parametrize(("version", "is_old"), [("1.8.3.1", True), ("2.27.9", True), ("2.28.0.rc1", False)])
def test_a_git_that_is_too_old_is_told(
    ledger: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, is_old: bool
) -> None:
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho git version {version}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = f"git version {version} is too old: the ledger needs 2.28 or later. Install that."
    assert ledger.problem() == (said if is_old else "")
    if is_old:
        with pytest.raises(GitError, match="is too old"):
            count_up(ledger)


def test_the_caller_s_own_git_settings_are_left_out(ledger: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("HOME", "/nowhere")
    count_up(ledger)
    assert numbers(ledger) == [1]


def test_a_machine_without_git_is_told(ledger: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitError, match="install it"):
        count_up(ledger)


@pytest.mark.parametrize(
    ("by", "author"),
    [("team:cards", "team:cards"), ("Анна", "Анна"), ("...", "ANNA"), ("<>", "ANNA"), ("'", "ANNA"), ("a\nb", "ab")],
)
def test_whatever_a_person_is_called_is_kept_as_git_can_keep_it(ledger: Repository, by: str, author: str) -> None:
    ledger.commit(BRANCH, lambda head: Change({"a": "1"}, "Ask", by=by))
    assert ledger.git.run("log", "-1", "--format=%an", f"refs/heads/{BRANCH}") == author


def test_a_commit_takes_as_many_calls_of_git_whatever_the_number_of_tasks(
    ledger: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real = Git._call

    def counted(self: Git, arguments: tuple[str, ...], *more: Any) -> Any:
        calls.append(arguments[0])
        return real(self, arguments, *more)

    monkeypatch.setattr(Git, "_call", counted)
    taken = []
    for number in range(4):
        calls.clear()
        ledger.commit(f"task/t{number}", lambda head: Change({"a": "1"}, "Begin"))
        taken.append(len(calls))
    assert taken[1] == taken[3]


def test_a_ledger_is_there_whole_or_not_at_all(ledger: Repository) -> None:
    left = ledger.folder.with_suffix(".new")  # of a git init that was killed
    left.mkdir(parents=True)
    (left / "HEAD").write_text("ref: refs/heads/main")
    assert count_up(ledger)
    assert not left.exists()
    (ledger.folder / "HEAD").unlink()
    with pytest.raises(LedgerError, match=r"ledger is damaged: git knows no repository there\. Bring it back"):
        count_up(ledger)


@pytest.mark.parametrize("text", ["null", '{"main": null}', "{", "[]", "1"])
def test_damaged_heads_are_told_with_their_file(ledger: Repository, text: str) -> None:
    count_up(ledger)
    ledger.heads.write_text(text)
    with pytest.raises(LedgerError, match=r"heads\.json: .*Remove it once you have looked"):
        count_up(ledger)


@pytest.mark.parametrize("left", [None, b""])
def test_a_head_whose_commit_is_lost_is_told_before_anybody_presses(ledger: Repository, left: bytes | None) -> None:
    head = ledger.commit("main", lambda _: Change({"file": "1"}, "First"))
    assert ledger.problem() == ""
    lost = ledger.folder / "objects" / head[:2] / head[2:]
    lost.unlink()
    if left is not None:
        lost.write_bytes(left)
    assert "is damaged" in ledger.problem()
    assert "Bring it back from a copy or its remote" in ledger.problem()


def test_heads_that_cannot_be_read_are_told_with_their_file(ledger: Repository) -> None:
    ledger.commit("main", lambda _: Change({"file": "1"}, "First"))
    ledger.heads.unlink()
    ledger.heads.mkdir()
    assert f"{ledger.heads}, which remembers the ledger's heads, cannot be read" in ledger.problem()


def test_a_ledger_that_was_moved_away_finds_its_place_free_when_it_is_moved_back(ledger: Repository) -> None:
    count_up(ledger)
    away = ledger.folder.rename(ledger.folder.with_name("away"))
    asks: list[Callable[[], object]] = [
        lambda: count_up(ledger), ledger.refs, lambda: ledger.head(BRANCH), lambda: ledger.tags("*")
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(LedgerError, match=r"ledger is gone\. Bring it back from where it was moved to"):
            ask()
    assert "is gone" in ledger.problem()
    assert not ledger.folder.exists()
    away.rename(ledger.folder)
    assert count_up(ledger)
    assert numbers(ledger) == [2, 1]
