"""What all messages have in common: whose task it is, the page in the UI, and figures in few words."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from anna_resources.ledger.ledger import Ledger
from anna_resources.notifications.message import Kind, Message
from anna_resources.notify_settings import Event
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

_NOBODY = "unassigned"  # as a task says whose it is where it says nothing


@dataclass(frozen=True)
class Writing:
    """Writes messages.

    Attributes:
        settings: of the deployment.
        ledger: its ledger.
        warehouse: its warehouse.
    """

    settings: Settings
    ledger: Ledger
    warehouse: Warehouse

    def message(
        self,
        event: Event,
        kind: Kind,
        task: str,
        title: str,
        sentence: str,
        page: str,
        at: float,
        facts: Mapping[str, str] | None = None,
        advice: str = "",
        owner: str = "",
    ) -> Message:
        """A message, see there: of a page by its path in the UI, at a Unix time, to the owner whom the ledger knows."""
        return Message(
            event=event, kind=kind, task=task, title=f"ANNA: {title}", sentence=sentence, facts=dict(facts or {}),
            page=f"{self.settings.ui_url}{page}", advice=advice, at=dt.datetime.fromtimestamp(at, dt.UTC),
            owner=owner or self.owner(task),
        )  # fmt: skip

    def owner(self, task: str) -> str:
        """The owner of a task, as its newest launch says."""
        return self.ledger.owner(task) or _NOBODY

    def result(self, tag: str) -> str:
        """What a launch came to, with its metric and interval; empty where that is not on record."""
        found = self.ledger.result(tag) or {}
        return " ".join(dict.fromkeys(str(found[name]) for name in ("sentence", "verdict") if found.get(name)))


def asset_page(asset: str, partition: str) -> str:
    """Path of the page of a partition of an asset."""
    return f"/assets/{asset}?view=partitions&partition={quote(partition, safe='')}"


def month_page(asset: str, month: dt.date, task: str) -> str:
    """The same of an asset that is divided by month and task, as Dagster writes such partitions."""
    return asset_page(asset, f"{month.isoformat()}|{task}")


def run_page(run: str) -> str:
    """Path of the page of a run."""
    return f"/runs/{run}"
