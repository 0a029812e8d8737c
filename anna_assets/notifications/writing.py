"""What all messages have in common: whose task it is, the page in the UI, and figures in few words."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import quote

from anna_assets.partitions import task_key
from anna_core.periods import Period
from anna_resources.ledger.champions import Champions
from anna_resources.ledger.ledger import Ledger
from anna_resources.settings import Settings
from anna_resources.warehouse import Warehouse

_NOBODY = "unassigned"  # as a task says whose it is where it says nothing


@dataclass(frozen=True)
class Writing:
    """What messages are written from.

    Attributes:
        settings: of the deployment.
        warehouse: its warehouse.
    """

    settings: Settings
    warehouse: Warehouse

    @property
    def ledger(self) -> Ledger:
        """The deployment's ledger."""
        return Ledger.of(self.settings)

    @property
    def champions(self) -> Champions:
        """The champions of all tasks."""
        return Champions.of(self.settings)

    def owner(self, task: str) -> str:
        """The owner of a task, as its newest launch says."""
        return self.ledger.owner(task) or _NOBODY

    def result(self, tag: str) -> str:
        """What a launch came to, with its metric and interval; empty where that is not on record."""
        found = self.ledger.result(tag) or {}
        return " ".join(dict.fromkeys(str(found[name]) for name in ("sentence", "verdict") if found.get(name)))

    def page(self, path: str) -> str:
        """Address of a page of the UI."""
        return f"{self.settings.ui_url}{path}"

    def asset_page(self, asset: str, partition: str) -> str:
        """Address of the page of a partition of an asset."""
        return self.page(f"/assets/{asset}?view=partitions&partition={quote(partition, safe='')}")

    def period_page(self, asset: str, task: str, period: Period) -> str:
        """The same of an asset that is divided by period and task."""
        return self.asset_page(asset, task_key(task, period))

    def run_page(self, run: str) -> str:
        """Address of the page of a run."""
        return self.page(f"/runs/{run}")


def moment(seconds: float) -> dt.datetime:
    """A moment of Unix time, in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
