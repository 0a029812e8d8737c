"""Who scores, who scores along, and who is asked for: what the ledger has on record of them."""

import datetime as dt
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Turn(StrEnum):
    """How a champion came to be it."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"


class Ask(BaseModel):
    """What somebody asks for.

    Attributes:
        tag: the launch that is to score.
        turn: whether it is new, or was champion before.
        asked_by: the person, as claimed.
        asked_at: when, in UTC.
        why: in the person's words.
        gates: gate → what was found; those that did not pass are in `overridden`, too.
        overridden: gate that did not pass → why it may be passed over, in the person's words.
        instead_of: tag of the champion of then; empty where there was none.
        newest: tag of the task's newest launch of then.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    turn: Turn
    asked_by: str
    asked_at: dt.datetime
    why: str
    gates: dict[str, str]
    overridden: dict[str, str]
    instead_of: str
    newest: str

    def why_ended(self, newest: str, days: int) -> str:
        """Why the request has ended, in words that follow these; empty where it is open.

        Args:
            newest: tag of the task's newest launch.
            days: so long it stays open.
        """
        last = self.asked_at + dt.timedelta(days=days)
        if self.newest != newest:
            return f", as {newest} was launched since"
        return f" on {last:%Y-%m-%d}" if dt.datetime.now(tz=dt.UTC) > last else ""


class Champion(Ask):
    """Who scores.

    Attributes:
        run: id of the first of the Dagster runs that made it so.
        approved_by: the second person, as claimed; empty where one was enough.
        approved_why: why that person agreed.
        since: when it became champion, in UTC.
        before: tag of the launch that a rollback goes to; empty where there is none.
    """

    run: str
    approved_by: str = ""
    approved_why: str = ""
    since: dt.datetime
    before: str = ""


class Challenger(BaseModel):
    """Who scores along with the champion.

    Attributes:
        tag: the launch.
        by: who had it so, as claimed.
        why: in the person's words.
        since: when, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    tag: str
    by: str
    why: str
    since: dt.datetime
