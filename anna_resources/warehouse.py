"""The warehouse: where each artifact of a deployment lies. The one place that knows the folder layout."""

import datetime as dt
from pathlib import Path

import dagster as dg

from anna_resources.settings import Settings

ALL_DOMAINS = "+"  # no domain can be called so


class Warehouse(dg.ConfigurableResource):
    """Folders of a deployment; every method returns a path and touches nothing.

    Attributes:
        home: ANNA_HOME.
        storage: where marts, models and scores are kept.
        time_zone: the bank's zone.
    """

    home: str
    storage: str
    time_zone: str

    @classmethod
    def of(cls, settings: Settings) -> "Warehouse":
        """The warehouse of a deployment."""
        return cls(home=str(settings.home), storage=str(settings.storage), time_zone=settings.time_zone)

    @property
    def home_path(self) -> Path:
        """ANNA_HOME, where relative source paths start."""
        return Path(self.home)

    @property
    def uploads(self) -> Path:
        """The register of uploads."""
        return Path(self.storage, "uploads")

    @property
    def upload_locks(self) -> Path:
        """Locks of the inbox, one a sample."""
        return self.uploads / "locks"

    def source(self, domain: str) -> Path:
        """What was last observed of a source."""
        return Path(self.storage, "source", domain)

    def mart(self, domain: str) -> Path:
        """Folder of a mart's months."""
        return Path(self.storage, "mart", domain)

    def dictionary(self, domain: str) -> Path:
        """Folder of a domain's dictionary."""
        return Path(self.storage, "dictionary", domain)

    def sample(self, key: str) -> Path:
        """A checked sample."""
        return Path(self.storage, "sample", key)

    def sequences(self, domain: str, key: str) -> Path:
        """What a sample's rows may see of a domain."""
        return Path(self.storage, "sequences", domain, key)

    def model(self, domain: str, key: str) -> Path:
        """Bundle of a domain model."""
        return Path(self.storage, "model", domain, key)

    def embedding(self, domain: str, key: str) -> Path:
        """Vectors of a sample's rows in a domain."""
        return Path(self.storage, "embedding", domain, key)

    def boosting(self, domain: str | None, key: str) -> Path:
        """Trees on the aggregates of a domain, or of all, and their scores of a sample's rows."""
        return Path(self.storage, "boosting", domain or ALL_DOMAINS, key)

    def metamodel(self, key: str) -> Path:
        """Bundle of a metamodel, with its scores of the sample's rows."""
        return Path(self.storage, "metamodel", key)

    def report(self, key: str) -> Path:
        """The report of a launch."""
        return Path(self.storage, "report", key)

    def history(self, domain: str, month: dt.date) -> Path:
        """Every client's sequence as of a month's end."""
        return Path(self.storage, "history", domain, f"month={month:%Y-%m}")

    def retro_embedding(self, domain: str, key: str, month: dt.date) -> Path:
        """Vectors of all clients as of a month's end, one Parquet file."""
        return Path(self.storage, "retro", "embedding", domain, key, f"month={month:%Y-%m}", "embedding.parquet")

    def retro_scores(self, key: str, month: dt.date) -> Path:
        """Scores of all clients as of a month's end, one Parquet file."""
        return Path(self.storage, "retro", "scores", key, f"month={month:%Y-%m}", "scores.parquet")
