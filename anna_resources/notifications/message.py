"""One message: the same plain text for people, and for whatever reads a webhook."""

import datetime as dt
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from anna_resources.notify_settings import Event


class Severity(StrEnum):
    """How bad it is, in apprise's words."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class Message(BaseModel):
    """What is told.

    Attributes:
        event: of which kind.
        severity: how bad it is.
        task: which task it concerns.
        owner: of the task.
        title: the subject, in a few words.
        sentence: what happened.
        facts: name → value, a line each; the same names at each event of a kind.
        page: address of the page in the UI.
        advice: what to do next; empty where there is nothing to do.
        at: when it happened, in UTC.
    """

    model_config = ConfigDict(frozen=True)

    event: Event
    severity: Severity
    task: str
    owner: str
    title: str
    sentence: str
    facts: dict[str, str]
    page: str
    advice: str = ""
    at: dt.datetime

    def text(self) -> str:
        """The body: what happened, then a line `name: value` for each fact, then what to do."""
        known = {"event": self.event.value, "task": self.task, "owner": self.owner, **self.facts}
        known |= {"at": f"{self.at:%Y-%m-%d %H:%M} UTC", "page": self.page}
        lines = "\n".join(f"{name}: {' '.join(value.split())}" for name, value in known.items() if value)
        return "\n\n".join(part for part in (self.sentence, lines, self.advice) if part)
