"""What was pressed since somebody last looked: asked for, promoted, declined or rolled back, as commits say it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from anna_resources.ledger.champions import CHAMPION_FILE, REQUEST_FILE, Ask, Champion, Champions, Turn, without_run
from anna_resources.ledger.ledger import branch_of


class Pressed(StrEnum):
    """What a press came to."""

    ASKED = "asked"
    PROMOTED = "promoted"
    DECLINED = "declined"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class Press:
    """A press that changed something.

    Attributes:
        task: whose.
        pressed: what it came to.
        ask: what was asked for; a `Champion` where it came about.
        by: who pressed, as claimed.
        why: in that person's words.
    """

    task: str
    pressed: Pressed
    ask: Ask
    by: str
    why: str


def presses(champions: Champions, task: str, head: str, after: str = "") -> Iterator[Press]:
    """The presses of a task, the earliest first.

    Args:
        champions: of the ledger.
        task: whose.
        head: the last commit to look at.
        after: a commit; only later ones are looked at. Empty: all are.

    Raises:
        GitError: the ledger has no such commits.
        LedgerError: what one says cannot be read.
    """
    git = champions.repository.git
    span = f"{after}..{head}" if after else head
    files = ("--", CHAMPION_FILE, REQUEST_FILE)
    for commit in git.run("log", "--reverse", "--format=%H", span, *files).split():
        parents = git.run("rev-list", "--parents", "--max-count=1", commit).split()[1:]
        before = parents[0] if parents else None
        champion = champions.champion_at(task, commit)
        if champion is not None and champion != champions.champion_at(task, before):
            yield _made(task, champion)
        elif (ask := champions.request_at(task, commit)) is not None:
            yield Press(task, Pressed.ASKED, ask, ask.asked_by, ask.why)
        elif (declined := champions.request_at(task, before)) is not None:
            by, _, why = git.run("show", "--no-patch", "--format=%an%n%b", commit).partition("\n")
            yield Press(task, Pressed.DECLINED, declined, by, without_run(why))


def why_ended(request: Ask, newest: str, days: int) -> str:
    """Why a request has ended, in words that follow these; empty where it is open.

    Args:
        request: what is asked for.
        newest: tag of the task's newest launch.
        days: so long it stays open.
    """
    last = request.asked_at + dt.timedelta(days=days)
    if request.newest != newest:
        return f", as {newest} was launched since"
    return f" on {last:%Y-%m-%d}" if dt.datetime.now(tz=dt.UTC) > last else ""


def heads(champions: Champions) -> dict[str, str]:
    """Task → the last commit of its branch, by a single call of git."""
    prefix = branch_of("")
    found = champions.repository.heads_of(prefix)
    return {branch.removeprefix(prefix): commit for branch, commit in found.items()}


def _made(task: str, champion: Champion) -> Press:
    pressed = Pressed.ROLLED_BACK if champion.turn is Turn.ROLLED_BACK else Pressed.PROMOTED
    return Press(task, pressed, champion, champion.asked_by, champion.why)
