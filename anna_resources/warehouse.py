"""The warehouse: a handle for each artifact of a deployment. The one place that knows the folder layout."""

import datetime as dt
from pathlib import Path

import dagster as dg

from anna_core.domains import Domain
from anna_core.keys import trees_member
from anna_core.months import month_folder
from anna_core.periods import Cadence, Period
from anna_core.samples.inbox import OUTCOMES
from anna_core.sources.source import Source
from anna_resources.artifacts.candidate import CandidateFolder
from anna_resources.artifacts.events import ObservedSource, StoredDictionary, StoredMart
from anna_resources.artifacts.image import ImageFolder
from anna_resources.artifacts.monitoring import PeriodMonitoring
from anna_resources.artifacts.outcomes import StoredOutcomes
from anna_resources.artifacts.production import ProductionScores, TaskScores
from anna_resources.artifacts.results import ReportFolder, ScoresFile, VectorsFile
from anna_resources.artifacts.trained import EmbeddingFolder, MetamodelFolder, ModelFolder, TreesFolder
from anna_resources.artifacts.visible import HistoryFolder, SampleFolder, SequencesFolder
from anna_resources.settings import INBOX, Settings

_ALL_DOMAINS = "+"  # no domain can be called so


class Warehouse(dg.ConfigurableResource):
    """Knows where a deployment keeps its artifacts. Each method returns a handle, without touching the disk.

    Attributes:
        home: ANNA_HOME.
        storage: the folder where marts, models and scores are kept.
        time_zone: the bank's time zone, such as Europe/Moscow.
        source_settle_seconds: a source file is read once it has not changed for this long.
        left_aside: the share of a source's rows, 0 to 1, that may be left aside.
        cadence: what production scores after, such as month.
    """

    home: str
    storage: str
    time_zone: str
    source_settle_seconds: float
    left_aside: float
    cadence: str

    @classmethod
    def of(cls, settings: Settings) -> "Warehouse":
        """The warehouse of a deployment."""
        return cls(
            home=str(settings.home),
            storage=str(settings.storage),
            time_zone=settings.time_zone,
            source_settle_seconds=settings.source_settle_seconds,
            left_aside=settings.left_aside,
            cadence=settings.production.cadence.value,
        )

    @property
    def home_path(self) -> Path:
        """ANNA_HOME, where relative source paths start."""
        return Path(self.home)

    @property
    def uploads(self) -> Path:
        """The folder that holds the register of uploads."""
        return self._path("uploads")

    @property
    def upload_locks(self) -> Path:
        """The folder of the inbox's locks, one per sample."""
        return self._path("uploads", "locks")

    def source(self, domain: Domain) -> ObservedSource:
        """A domain's source, and what was last observed of it."""
        source = Source(domain, self.home_path, self.time_zone, self.source_settle_seconds, self.left_aside)
        return ObservedSource(self._path("source", domain.name), source, self._path("mart", domain.name))

    def mart(self, domain: Domain) -> StoredMart:
        """The months of a domain's mart."""
        return StoredMart(self._path("mart", domain.name), self.source(domain), self.dictionary(domain))

    def dictionary(self, domain: Domain) -> StoredDictionary:
        """A domain's dictionary."""
        return StoredDictionary(self._path("dictionary", domain.name), domain, self._path("mart", domain.name))

    def sample(self, key: str) -> SampleFolder:
        """A checked sample."""
        return SampleFolder(self._path("sample", key), key)

    def sequences(self, domain: Domain, key: str) -> SequencesFolder:
        """The events of a domain that each row of a sample may see."""
        return SequencesFolder(self._path("sequences", domain.name, key), domain.name, key)

    def model(self, domain: Domain, key: str) -> ModelFolder:
        """The nets of a domain."""
        return ModelFolder(self._path("model", domain.name, key), domain.name, key)

    def embedding(self, domain: Domain, key: str) -> EmbeddingFolder:
        """The embeddings and scores that a domain's nets give a sample's rows."""
        return EmbeddingFolder(self._path("embedding", domain.name, key), domain.name, key)

    def boosting(self, domain: Domain | None, key: str) -> TreesFolder:
        """The trees on a domain's aggregates, or on those of all (None), and their scores of a sample's rows."""
        name = domain.name if domain else None
        return TreesFolder(self._path("boosting", name or _ALL_DOMAINS, key), trees_member(name), key)

    def metamodel(self, key: str) -> MetamodelFolder:
        """The metamodel of a launch, and its scores of the sample's rows."""
        return MetamodelFolder(self._path("metamodel", key))

    def report(self, key: str) -> ReportFolder:
        """The report of a launch."""
        return ReportFolder(self._path("report", key))

    def candidate(self, tag: str) -> CandidateFolder:
        """The models of a launch as they are kept under its tag in the ledger, whatever its sample's launches do."""
        return CandidateFolder.below(Path(self.storage), tag)

    def production(self, task: str) -> ProductionScores:
        """The champion's scores of a task, for the bank's other systems."""
        return ProductionScores.below(Path(self.storage), task, Cadence(self.cadence))

    def challenger(self, task: str) -> TaskScores:
        """The scores of whoever scores along with the champion of a task; nobody else reads them."""
        return TaskScores(self._path("production", "challenger", task), Cadence(self.cadence))

    def image(self, task: str) -> ImageFolder:
        """What the image of a task's champion is built from, and what is known of it."""
        return ImageFolder(self._path("production", "image", task))

    def outcomes(self, task: str) -> StoredOutcomes:
        """What became of a task's scored clients."""
        return StoredOutcomes(self._path("production", "outcomes", task))

    def outcomes_inbox(self, task: str) -> Path:
        """The folder in which the bank brings a task's outcomes."""
        return self.home_path / INBOX / task / OUTCOMES

    def monitoring(self, task: str, period: Period) -> PeriodMonitoring:
        """What a period's scores of a task look like beside those that the model was judged on."""
        return PeriodMonitoring.below(Path(self.storage), task, period)

    def history(self, domain: Domain, period: Period) -> HistoryFolder:
        """Every client's sequence of a domain as of a period's end."""
        root = ("history",) if period.cadence is Cadence.MONTH else ("production", "history")
        asset = (*root, domain.name)
        return HistoryFolder(self._path(*asset, period.folder), domain.name, "/".join(asset))

    def retro_embedding(self, domain: Domain, key: str, month: dt.date) -> VectorsFile:
        """The embeddings and scores that a domain's nets give all clients as of a month's end."""
        folder = self._path("retro", "embedding", domain.name, key, month_folder(month))
        return VectorsFile(folder / "embedding.parquet")

    def retro_scores(self, key: str, month: dt.date) -> ScoresFile:
        """The metamodel's scores of all clients as of a month's end."""
        return ScoresFile(self._path("retro", "scores", key, month_folder(month)) / "scores.parquet")

    def _path(self, *parts: str) -> Path:
        return Path(self.storage, *parts)
