"""The warehouse: a handle for each artifact of a deployment. The one place that knows the folder layout."""

import datetime as dt
from pathlib import Path

import dagster as dg

from anna_core.domains import Domain
from anna_core.keys import trees_member
from anna_resources.artifacts.events import ObservedSource, StoredDictionary, StoredMart
from anna_resources.artifacts.results import ReportFolder, ScoresFile, VectorsFile
from anna_resources.artifacts.trained import EmbeddingFolder, MetamodelFolder, ModelFolder, TreesFolder
from anna_resources.artifacts.visible import HistoryFolder, SampleFolder, SequencesFolder
from anna_resources.settings import Settings

_ALL_DOMAINS = "+"  # no domain can be called so


class Warehouse(dg.ConfigurableResource):
    """Where the artifacts of a deployment lie. Each method gives the handle of one, and touches nothing.

    Attributes:
        home: ANNA_HOME.
        storage: where marts, models and scores are kept.
        time_zone: the bank's zone.
        source_settle_seconds: a source's file is read once it has not changed for this long.
        left_aside: share of a source's rows that may be left aside.
    """

    home: str
    storage: str
    time_zone: str
    source_settle_seconds: float
    left_aside: float

    @classmethod
    def of(cls, settings: Settings) -> "Warehouse":
        """The warehouse of a deployment."""
        return cls(
            home=str(settings.home),
            storage=str(settings.storage),
            time_zone=settings.time_zone,
            source_settle_seconds=settings.source_settle_seconds,
            left_aside=settings.left_aside,
        )

    @property
    def home_path(self) -> Path:
        """ANNA_HOME, where relative source paths start."""
        return Path(self.home)

    @property
    def uploads(self) -> Path:
        """Folder of the register of uploads."""
        return self._path("uploads")

    @property
    def upload_locks(self) -> Path:
        """Locks of the inbox, one a sample."""
        return self._path("uploads", "locks")

    def source(self, domain: Domain) -> ObservedSource:
        """A domain's source, and what was last observed of it."""
        return ObservedSource(
            self._path("source", domain.name),
            domain,
            self.home_path,
            self.time_zone,
            self.source_settle_seconds,
            self.left_aside,
        )

    def mart(self, domain: Domain) -> StoredMart:
        """The months of a domain's mart."""
        return StoredMart(self._path("mart", domain.name), self.source(domain), self.dictionary(domain))

    def dictionary(self, domain: Domain) -> StoredDictionary:
        """A domain's dictionary."""
        return StoredDictionary(self._path("dictionary", domain.name), domain)

    def sample(self, key: str) -> SampleFolder:
        """A checked sample."""
        return SampleFolder(self._path("sample", key), key)

    def sequences(self, domain: Domain, key: str) -> SequencesFolder:
        """What a sample's rows may see of a domain."""
        return SequencesFolder(self._path("sequences", domain.name, key), domain.name, key)

    def model(self, domain: Domain, key: str) -> ModelFolder:
        """The nets of a domain."""
        return ModelFolder(self._path("model", domain.name, key), domain.name, key)

    def embedding(self, domain: Domain, key: str) -> EmbeddingFolder:
        """What a domain's nets say of a sample's rows."""
        return EmbeddingFolder(self._path("embedding", domain.name, key), domain.name, key)

    def boosting(self, domain: Domain | None, key: str) -> TreesFolder:
        """Trees on the aggregates of a domain, or of all (None), and what they say of a sample's rows."""
        name = domain.name if domain else None
        return TreesFolder(self._path("boosting", name or _ALL_DOMAINS, key), trees_member(name), key)

    def metamodel(self, key: str) -> MetamodelFolder:
        """The metamodel of a launch, and its scores of the sample's rows."""
        return MetamodelFolder(self._path("metamodel", key))

    def report(self, key: str) -> ReportFolder:
        """The report of a launch."""
        return ReportFolder(self._path("report", key))

    def history(self, domain: Domain, month: dt.date) -> HistoryFolder:
        """Every client's sequence as of a month's end."""
        return HistoryFolder(self._path("history", domain.name, _folder_of(month)), domain.name)

    def retro_embedding(self, domain: Domain, key: str, month: dt.date) -> VectorsFile:
        """What a domain's nets say of all clients as of a month's end."""
        folder = self._path("retro", "embedding", domain.name, key, _folder_of(month))
        return VectorsFile(folder / "embedding.parquet")

    def retro_scores(self, key: str, month: dt.date) -> ScoresFile:
        """Scores of all clients as of a month's end."""
        return ScoresFile(self._path("retro", "scores", key, _folder_of(month)) / "scores.parquet")

    def _path(self, *parts: str) -> Path:
        return Path(self.storage, *parts)


def _folder_of(month: dt.date) -> str:
    return f"month={month:%Y-%m}"
