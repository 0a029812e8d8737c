"""The ledger's remote: away, hanging, ahead or rewritten, it costs no commit, and nothing there is overwritten."""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import psutil
import pytest

from anna_assets.ledger_sensor import Pusher, ledger_sensor
from anna_cli.checks.findings import Verdict
from anna_cli.checks.ledger import check_ledger
from anna_resources.ledger.git import masked
from anna_resources.ledger.ledger import Ledger
from anna_resources.ledger.remote import Remote
from anna_resources.ledger.repository import Change, LedgerError, Repository
from anna_resources.settings import Settings, SettingsError, read_settings
from anna_tests.unit.test_ledger_repository import BRANCH, count_up, numbers, tags


@pytest.fixture(autouse=True)
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What killed writers leave is left in the test's own folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    git("init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "copy"))
    home = tmp_path / "home"
    return Settings(home=home, ledger={"remote": str(tmp_path / "copy")})  # type: ignore[call-arg, arg-type]


@pytest.fixture
def remote(settings: Settings) -> Remote:
    found = Remote.of(settings)
    assert found is not None
    found.repository.commit("main", lambda head: Change({"code.yaml": "version: 1"}, "What all tasks share"))
    count_up(found.repository)
    return found


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.removesuffix("\n")


def refs(folder: str | Path) -> dict[str, str]:
    listed = git(f"--git-dir={folder}", "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in listed)


def eve_writes(remote: Remote, branch: str = BRANCH) -> str:
    """Have somebody else commit to the remote; the commit."""
    copy = f"--git-dir={remote.url}"
    who = ("-c", "user.name=Eve", "-c", "user.email=eve@bank")
    tree, head = git(copy, "rev-parse", f"{branch}^{{tree}}"), git(copy, "rev-parse", branch)
    made = git(*who, copy, "commit-tree", tree, "-p", head, "-m", "I am champion")
    git(copy, "update-ref", f"refs/heads/{branch}", made)
    return made


def test_branches_and_tags_come_to_the_remote(remote: Remote, settings: Settings) -> None:
    assert remote.waiting().commits == 2
    assert remote.push() == ""
    assert refs(remote.url) == refs(remote.repository.folder)
    assert set(refs(remote.url)) == {"refs/heads/main", f"refs/heads/{BRANCH}", "refs/tags/churn.q@1"}
    assert (remote.waiting().commits, remote.standing(), remote.is_behind()) == (0, "", False)
    assert [finding.verdict for finding in check_ledger(settings)] == [Verdict.GOOD, Verdict.GOOD]
    before = count_up(remote.repository)
    assert remote.waiting().commits == 1
    assert remote.push() == ""
    assert refs(remote.url)[f"refs/heads/{BRANCH}"] == before


def test_a_remote_that_is_away_costs_no_commit_and_gets_all_later(
    remote: Remote, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, aside, pusher, clock = Path(remote.url), Path(f"{remote.url}.aside"), Pusher(remote), [time.time()]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    for _ in range(3):
        copy.rename(aside)
        count_up(remote.repository)
        told = pusher.look()
        assert "wait to be pushed to" in told
        assert "does not appear to be a git repository" in told
        count_up(remote.repository)
        assert "It is tried again at" in pusher.look()
        *_, finding = check_ledger(settings)
        assert finding.verdict is Verdict.WARNING
        assert f"{remote.waiting().commits} commits of the ledger wait to be pushed" in finding.text
        aside.rename(copy)
        clock[0] += 31
        assert pusher.look() == f"{remote.url} holds all of the ledger."
        assert refs(copy) == refs(remote.repository.folder)
        assert pusher.look() == f"{remote.url} holds all of the ledger."
    assert tags(remote.repository) == list(range(1, 8))


def test_a_remote_that_hangs_is_given_up_with_all_that_git_started(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin" / "ssh"
    ssh.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/started\nexec sleep 600\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    hanging = replace(remote, url="ssh://git@bank.example/ledger", seconds=0.3)
    for _ in range(3):
        assert "git ls-remote was ended, as it was not done after 0.3 seconds" in hanging.push()
        count_up(remote.repository)
    started = (tmp_path / "started").read_text().split()
    assert len(started) == 3
    assert not [pid for pid in map(int, started) if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
    assert hanging.waiting().commits == 5
    assert hanging.known().failures == 3


def test_a_look_does_not_wait_for_a_slow_push(remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    ssh, go = tmp_path / "bin" / "ssh", tmp_path / "go"
    ssh.write_text(f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\nexit 1\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr("anna_assets.ledger_sensor._AT_ONCE", 0.05)
    pusher = Pusher(replace(remote, url="ssh://git@bank.example/ledger"))
    assert "is being pushed to ssh://git@bank.example/ledger since" in pusher.look()
    count_up(remote.repository)
    assert "is being pushed" in pusher.look()
    go.touch()
    assert pusher._thread is not None
    pusher._thread.join()
    assert "3 commits of the ledger wait" in pusher.look()


def test_a_remote_that_went_ahead_is_refused_by_name_and_the_cure_that_is_told_works(
    remote: Remote, settings: Settings
) -> None:
    assert remote.push() == ""
    for _ in range(3):
        theirs = eve_writes(remote)
        count_up(remote.repository)
        news = Change({"code.yaml": f"version: {theirs}"}, "New code")
        main = remote.repository.commit("main", lambda head, news=news: news)  # type: ignore[misc]
        told = remote.push()
        assert f"branch {BRANCH} there holds 1 commit(s) that this ledger does not have ({theirs[:7]} by Eve of" in told
        assert "I am champion" in told
        assert refs(remote.url)[f"refs/heads/{BRANCH}"] == theirs  # nothing there is overwritten
        assert refs(remote.url)["refs/heads/main"] == main  # and the others go on
        *_, finding = check_ledger(settings)
        assert finding.verdict is Verdict.BAD
        assert told in finding.text
        cure = told.partition("have somebody run: ")[2].partition(". If the remote")[0]
        subprocess.run(cure, shell=True, check=True, capture_output=True)
        assert remote.push() == ""
        assert refs(remote.url) == refs(remote.repository.folder)


@pytest.mark.parametrize("name", ["refs/heads/task/fraud", "refs/tags/fraud.q1", "refs/tags/churn.q@1"])
def test_a_branch_or_tag_that_somebody_else_made_or_moved_is_refused_by_name(remote: Remote, name: str) -> None:
    assert remote.push() == ""
    theirs = eve_writes(remote, "main")
    git(f"--git-dir={remote.url}", "update-ref", "refs/heads/main", f"{theirs}^")
    git(f"--git-dir={remote.url}", "update-ref", name, theirs)
    git(f"--git-dir={remote.url}", "update-ref", "refs/heads/notes", theirs)  # which is none of the ledger's
    told = remote.push()
    assert f"{name.removeprefix('refs/heads/').removeprefix('refs/tags/')} there holds " in told
    assert "notes" not in told
    cure = told.partition("have somebody run: ")[2].partition(". If the remote")[0]
    subprocess.run(cure, shell=True, check=True, capture_output=True)
    assert remote.push() == ""


def test_a_remote_that_was_set_back_or_emptied_gets_all_again_and_that_is_told(remote: Remote) -> None:
    for _ in range(3):
        count_up(remote.repository)
        assert remote.push() == ""
        git(f"--git-dir={remote.url}", "update-ref", f"refs/heads/{BRANCH}", f"{BRANCH}~1")
        count_up(remote.repository)
        assert remote.push() == ""
        assert f"It no longer held what was pushed of {BRANCH}, which was pushed again at" in remote.known().lost
        assert refs(remote.url) == refs(remote.repository.folder)


def test_a_remote_that_was_rewritten_is_refused(remote: Remote) -> None:
    for _ in range(3):
        count_up(remote.repository)
        assert remote.push() == ""
        tree = git(f"--git-dir={remote.url}", "rev-parse", f"{BRANCH}^{{tree}}")
        who = ("-c", "user.name=Eve", "-c", "user.email=eve@bank")
        other = git(*who, f"--git-dir={remote.url}", "commit-tree", tree, "-m", "Begun anew")
        git(f"--git-dir={remote.url}", "update-ref", f"refs/heads/{BRANCH}", other)
        told = remote.push()
        assert f"({other[:7]} by Eve of" in told
        assert refs(remote.url)[f"refs/heads/{BRANCH}"] == other
        cure = told.partition("have somebody run: ")[2].partition(". If the remote")[0]
        subprocess.run(cure, shell=True, check=True, capture_output=True)


def test_a_ledger_that_was_rewritten_here_is_not_pushed(remote: Remote) -> None:
    count_up(remote.repository)
    assert remote.push() == ""
    before = refs(remote.url)
    remote.repository.git.run("update-ref", f"refs/heads/{BRANCH}", f"{BRANCH}~1")
    assert "was rewritten: branch task/churn held commit" in remote.push()
    assert refs(remote.url) == before


def test_a_ledger_comes_back_from_its_remote(remote: Remote, settings: Settings) -> None:
    assert remote.push() == ""
    folder = remote.repository.folder
    folder.rename(folder.with_name("lost"))
    git("clone", "--quiet", "--bare", remote.url, str(folder))  # as docs/production.md says
    repository = Ledger.of(settings).repository
    assert repository.problem() == ""
    count_up(repository)
    assert tags(repository) == [1, 2]
    assert remote.push() == ""
    assert refs(remote.url) == refs(folder)
    count_up(repository)
    folder.rename(folder.with_name("lost again"))
    git("clone", "--quiet", "--bare", remote.url, str(folder))
    with pytest.raises(LedgerError, match="was rewritten"):  # what was not pushed is lost with it, and that is told
        count_up(repository)


def test_a_ledger_that_is_begun_anew_beside_its_remote_is_told_and_takes_nothing_from_it(
    remote: Remote, settings: Settings
) -> None:
    assert remote.push() == ""
    before = refs(remote.url)
    shutil.rmtree(settings.home)  # all is lost, and nobody thinks of the remote
    with dg.build_sensor_context() as context:
        told = ledger_sensor(remote)(context)
        assert isinstance(told, dg.SkipReason)
        assert told.skip_message == "Nothing was committed to the ledger yet."
        remote.repository.commit("main", lambda head: Change({"code.yaml": "version: 2"}, "What all tasks share"))
        told = ledger_sensor(remote)(context)
        assert isinstance(told, dg.SkipReason)
    assert "branch main there holds 1 commit(s) that this ledger does not have" in str(told.skip_message)
    assert f"branch {BRANCH} there holds 2 commit(s)" in str(told.skip_message)
    assert "bring the ledger back from it: docs/production.md tells how" in str(told.skip_message)
    assert refs(remote.url) == before


@pytest.mark.parametrize("seed", range(3))
def test_a_committing_process_that_is_killed_at_any_moment_loses_no_entry(tmp_path: Path, seed: int) -> None:
    ledger = Repository(tmp_path / "ledger", tmp_path / "state" / "heads.json")
    for _ in range(3):
        seen, told = os.pipe()
        if (child := os.fork()) == 0:
            while True:
                count_up(ledger)
                os.write(told, b".")
        os.close(told)
        os.read(seen, 1)  # the first is there; the moment within the next ones is anybody's
        time.sleep(random.Random(seed).random() / 10)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = 1 + len(os.read(seen, 1_000))
        os.close(seen)
        before = numbers(ledger)
        assert len(before) >= said
        count_up(ledger)
        assert numbers(ledger)[-len(before) :] == before
        assert tags(ledger) == sorted(numbers(ledger))
    ledger.git.run("fsck", "--strict")


def test_a_git_that_outlives_its_process_keeps_the_lock(tmp_path: Path) -> None:
    """Or the next writer would free what that git is about to move, and a branch might go on without its tag."""
    ledger = Repository(tmp_path / "ledger", tmp_path / "state" / "heads.json")
    count_up(ledger)
    hook = ledger.folder / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\ntest "$1" = prepared && touch {tmp_path}/moving && read line < {tmp_path}/go\n:\n')
    hook.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    if (child := os.fork()) == 0:
        count_up(ledger)
        os._exit(0)
    while not (tmp_path / "moving").exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    hook.unlink()
    with ledger.folder.with_suffix(".lock").open("a") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (tmp_path / "go").write_text("\n")
    count_up(ledger)
    assert tags(ledger) == sorted(numbers(ledger)) == list(range(1, numbers(ledger)[0] + 1))
    ledger.git.run("fsck", "--strict")


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/anna.git", "ssh://git@git.example:2222/anna.git", "ssh://git.example/anna.git",
        "git@git.example:bank/anna.git", "file:///srv/anna.git", "/srv/anna.git",
    ],
)  # fmt: skip
def test_places_of_remotes(url: str, tmp_path: Path) -> None:
    found = Settings(home=tmp_path, ledger={"remote": url})  # type: ignore[call-arg, arg-type]
    assert found.ledger.remote == url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://anna:s3cret@git.example/a.git", "holds a password"),
        ("https://s3cret@git.example/a.git", "holds a password"),
        ("https://anna:s3@cret@git.example/a.git", "holds a password"),
        ("ssh://git:s3cret@git.example/a.git", "holds a password"),
        ("http://git.example/s3cret.git", "should be ssh://"),
        ("ext::sh -c s3cret", "should be ssh://"),
        ("--upload-pack=s3cret", "should be ssh://"),
        ("s3cret/a.git", "should be ssh://"),
    ],
)
def test_other_places_and_passwords_are_refused_and_not_shown(
    url: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANNA_HOME", str(tmp_path))
    (tmp_path / "anna.yaml").write_text(f'ledger: {{remote: "{url}"}}\n')
    with pytest.raises(SettingsError, match=f"ledger: remote .*{reason}|ledger: remote {reason}") as told:
        read_settings()
    cause = told.value.__cause__
    assert "s3" not in str(told.value)
    assert "s3" not in str(cause)


def test_a_password_comes_from_its_file_alone_and_is_never_told(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "with space's"
    file.write_text("username=anna\npassword=s3cret\n")
    private = replace(remote, credentials=file)
    file.chmod(0o644)
    assert private.push() == f"ledger.credentials in anna.yaml: others may read {file}. Run: chmod 600 {file}"
    file.chmod(0o600)
    wanted = "protocol=https\nhost=git.example\n\n"
    real = private.repository.git.run
    answers = []

    def run(_: object, *arguments: str, **more: object) -> str:
        if "ls-remote" not in arguments:
            return real(*arguments, **more)  # type: ignore[arg-type]
        cut = arguments.index("ls-remote")
        answers.append(real(*arguments[:cut], "credential", "fill", given=wanted, **more))  # type: ignore[arg-type]
        return ""

    monkeypatch.setattr("anna_resources.ledger.git.Git.run", run)
    private.push()
    assert answers == ["protocol=https\nhost=git.example\nusername=anna\npassword=s3cret"]
    assert "s3cret" not in private.file.read_text()
    assert masked("cannot reach https://anna:s3@cret@host/x, twice") == "cannot reach https://…@host/x, twice"


def test_a_file_of_credentials_that_is_not_there_is_told(remote: Remote, tmp_path: Path) -> None:
    told = replace(remote, credentials=tmp_path / "none").push()
    assert told == f"ledger.credentials in anna.yaml: {tmp_path}/none: No such file or directory. Make it, or unset it."
